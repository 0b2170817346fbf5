"""A record: the events of one run as a value, and the JSON Lines file that it is kept in.

The first line is a header with the format's version, each line after it an event. Nothing that is read is ever
evaluated. docs/record-format.md describes the format for other readers, and says what it promises.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cancelkit.errors import BadRecordError, CancelkitError
from cancelkit.trace.builder import timeline_of
from cancelkit.trace.events import Event
from cancelkit.trace.files import replacing
from cancelkit.trace.lines import check, event_of, json_line, line_of, parsed
from cancelkit.trace.text import printable
from cancelkit.trace.timeline import Timeline

FORMAT_VERSION = 1

_MARK = "cancelkit record"
_START = f'{{"{_MARK}": '.encode()
_OF_A_HEADER: dict[str, type] = {"python": str, "program": str, "events": int, "notes": list}


@dataclass(frozen=True)
class Record:
    """The events of one run.

    Attributes:
        events: in order of time.
        program: what was run, as on the command line.
        python: the version of Python that ran it.
        notes: what is missing, in words.
    """

    events: tuple[Event, ...]
    program: str = ""
    python: str = ""
    notes: tuple[str, ...] = ()

    @cached_property
    def timeline(self) -> Timeline:
        """The events as a timeline."""
        return timeline_of(self.events)


def notes_of(events: Iterable[Event]) -> tuple[str, ...]:
    """What the events themselves say is missing, in words."""
    start: int | None = None
    notes: list[str] = []
    for event in events:
        start = event.time if start is None else start
        if event.kind == "end of the record":
            seconds = (event.time - start) / 1e9
            notes.append(f"nothing was recorded after {seconds:.3f} s: {printable(event.detail['why'])}")
        elif event.kind == "forked":
            notes.append("the process forked; copies of it are not recorded")
    return tuple(dict.fromkeys(notes))


def write_record(record: Record, path: str | os.PathLike[str], more: Mapping[str, Any] | None = None) -> None:
    """Write a record to a file, with `more` in its first line. What was there before stays as it was if that fails.

    Raises:
        CancelkitError: the file cannot be written.
        BadRecordError: there is something in an event's detail that is not JSON.
    """
    with replacing(path) as file:
        file.writelines(lines_of(record, more))


def lines_of(record: Record, more: Mapping[str, Any] | None = None) -> Iterator[bytes]:
    """The lines of a record's file."""
    header: dict[str, Any] = {_MARK: FORMAT_VERSION, "python": record.python, "program": record.program}
    header["events"] = len(record.events)
    if record.notes:
        header["notes"] = record.notes
    yield json_line(header | dict(more or {}))
    yield from map(line_of, record.events)


def read_record(path: str | os.PathLike[str]) -> Record:
    """Read a record from a file.

    Raises:
        CancelkitError: the file cannot be read.
        BadRecordError: it is no record, or one of a version that is not known here.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise CancelkitError(f"cannot read {os.fspath(path)!r}: {error.strerror or error}") from error
    return parse_record(data, printable(os.fspath(path)))


def parse_record(data: bytes, name: str = "the record") -> Record:
    """Read a record from the bytes of a file, which errors call by `name`.

    What is missing because the file was cut off is told in the record's notes.

    Raises:
        BadRecordError: it is no record, or one of a version that is not known here.
    """
    first, is_whole, rest = data.partition(b"\n")
    if not is_whole and first and (first.startswith(_START) or _START.startswith(first)):
        return Record((), notes=("the file was cut off within its first line: no event is left",))
    header = _header(first, name)
    events, is_cut_off = _events(rest, name)
    notes = [*header.get("notes", ()), *notes_of(events)]
    missing = header.get("events", 0) - len(events)
    if is_cut_off or missing > 0:
        how_many = f": {missing} of {header['events']} events are missing" if missing > 0 else ""
        notes.append(f"the file was cut off after line {1 + len(events)}{how_many}")
    elif not events and "events" not in header:
        notes.append("the file ends after its first line: no event is left")
    return Record(events, header.get("program", ""), header.get("python", ""), tuple(dict.fromkeys(notes)))


def _header(line: bytes, name: str) -> dict[str, Any]:
    row = parsed(line)
    header: dict[str, Any] = row if isinstance(row, dict) else {}
    version = header.get(_MARK)
    if type(version) is not int:
        raise BadRecordError(
            f"{name} is no record of cancelkit: its first line would start with {_START.decode()}, and is {line[:60]!r}"
        )
    if version > FORMAT_VERSION:
        raise BadRecordError(
            f"{name} is a record of version {version}, and this cancelkit reads version {FORMAT_VERSION}: "
            "upgrade cancelkit to read it"
        )
    if version < FORMAT_VERSION:
        raise BadRecordError(f"{name} says it is a record of version {version}; the first was {FORMAT_VERSION}")
    try:
        check(header, {}, _OF_A_HEADER)
        for note in header.get("notes", ()):
            check({"notes": note}, {"notes": str}, {})
    except BadRecordError as error:
        raise BadRecordError(f"{name}, line 1: {error}") from None
    return header


def _events(lines: bytes, name: str) -> tuple[tuple[Event, ...], bool]:
    """The events that lines tell, and whether the last of them was cut off, and is left out."""
    *whole, rest = lines.split(b"\n")
    events: list[Event] = []
    made: set[int] = set()
    for number, line in enumerate(whole, 2):
        row = parsed(line)
        if row is None and number > len(whole) and not rest:
            return tuple(events), True
        try:
            if not isinstance(row, dict):
                raise BadRecordError(f"{line[:60]!r} is not a JSON object")
            event = event_of(row, made)
            if events and event.time < events[-1].time:
                raise BadRecordError(f"its time, {event.time}, is before that of the line above, {events[-1].time}")
        except BadRecordError as error:
            raise BadRecordError(f"{name}, line {number}: {error}") from None
        events.append(event)
    return tuple(events), bool(rest)
