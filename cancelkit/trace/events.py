"""Events: one timed fact each, about a task or about the process; and the lines of text they are kept as.

A record is JSON Lines: a header with the format's version, then one object per event, in the order written.

| kind | task | detail |
|---|---|---|
| `created` | yes | `name`, `coro`; `main` on the first task of a loop |
| `named` | yes | `name`, when it is given one later |
| `step` | yes | the loop runs the task until it waits again |
| `suspended` | yes | `on` (what it waits for), `at` (file:line of its await), `cleanup` (that line is cleanup code) |
| `cancel requested` | yes | somebody called `task.cancel()` |
| `cancel delivered` | yes | the coming step throws CancelledError into it |
| `ended` | yes | `how`: finished, cancelled or failed |
| `report` | if any | `what` a job says of itself (begun, holding; cleanup begun, halfway, finished), `job` |
| `waiting` | no | the loop asks its selector for something to do; `counts`, when they differ from last time |
| `signal` | no | `name`; when the experiment sent it |
| `exit` | no | `status` as in `Popen.returncode`; when the experiment saw it |
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cancelkit.errors import BadRecordError

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Event:
    """One timed fact.

    Attributes:
        time: nanoseconds on the system's monotonic clock, the same for every process of a machine.
        kind: one of those in this module's table.
        task: the number of the task it is about, from 1 in order of creation; None if it is about the process.
        detail: what else is to be said, as in the table.
    """

    time: int
    kind: str
    task: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    def to_line(self) -> bytes:
        """The event as one line of a record."""
        row: dict[str, Any] = {"time": self.time, "kind": self.kind}
        if self.task is not None:
            row["task"] = self.task
        return json.dumps(row | dict(self.detail)).encode() + b"\n"


def header_line() -> bytes:
    """The first line of a record."""
    return json.dumps({"cancelkit record": FORMAT_VERSION}).encode() + b"\n"


def read_events(record: bytes) -> tuple[Event, ...]:
    """Read a record; a last line that was cut off, because the program was killed while writing, is left out.

    Raises:
        BadRecordError: the header is missing or of another version, or a line is no event.
    """
    lines = record.split(b"\n")[:-1]
    if not lines:
        return ()
    version = _parsed(1, lines[0]).get("cancelkit record")
    if version != FORMAT_VERSION:
        raise BadRecordError(f"this record says version {version!r}; this cancelkit reads version {FORMAT_VERSION}")
    return tuple(_event(number, _parsed(number, line)) for number, line in enumerate(lines[1:], 2))


def in_order(events: Iterable[Event]) -> tuple[Event, ...]:
    """Events of several writers as one sequence; what happened at the same time keeps its order."""
    return tuple(sorted(events, key=lambda event: event.time))


def _parsed(number: int, line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    if not isinstance(row, dict):
        raise BadRecordError(f"line {number} of the record is not a JSON object: {line[:60]!r}")
    return row


def _event(number: int, row: dict[str, Any]) -> Event:
    try:
        time, kind, task = row.pop("time"), row.pop("kind"), row.pop("task", None)
    except KeyError as error:
        raise BadRecordError(f"line {number} of the record has no {error.args[0]!r}") from None
    return Event(time, kind, task, row)
