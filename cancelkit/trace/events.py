"""Events: one timed fact each, about a task or about the process; and the lines of text they are kept as.

A record is JSON Lines: a header with the format's version, then one object per event, in the order written.

| kind | task | detail |
|---|---|---|
| `created` | yes | `name`, `coro`; `main` on the first task of a loop |
| `named` | yes | `name`, when it is given one later |
| `step` | yes | the loop runs the task until it waits again |
| `suspended` | yes | `on` what, `at` file:line of its await, if in `cleanup`, if `cancelling` (it was asked to end) |
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

_MUST_SAY = {
    "created": ("name", "coro"),
    "named": ("name",),
    "suspended": ("on", "at", "cleanup"),
    "ended": ("how",),
    "report": ("what", "job"),
    "waiting": ("counts",),
    "signal": ("name",),
    "exit": ("status",),
}
_ABOUT_A_TASK = frozenset({"created", "named", "step", "suspended", "cancel requested", "cancel delivered", "ended"})
_ENDS = ("finished", "cancelled", "failed")


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
        BadRecordError: the header is missing or of another version, or a line is no event, or lacks what its kind of
            event must say. Kinds that are not in the table are taken as they are.
    """
    lines = record.split(b"\n")[:-1]
    if not lines:
        return ()
    version = _parsed(1, lines[0]).get("cancelkit record")
    if version != FORMAT_VERSION:
        raise BadRecordError(f"this record says version {version!r}; this cancelkit reads version {FORMAT_VERSION}")
    made: set[int] = set()
    return tuple(_event(number, _parsed(number, line), made) for number, line in enumerate(lines[1:], 2))


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


def _event(number: int, row: dict[str, Any], made: set[int]) -> Event:
    """Take a row for an event, if it is about one of the tasks that were `made` before it, or about none."""
    where = f"line {number} of the record"
    for name in ("time", "kind", *_MUST_SAY.get(str(row.get("kind")), ())):
        if name not in row:
            raise BadRecordError(f"{where} does not say {name!r}: {row}")
    time, kind, task = row.pop("time"), row.pop("kind"), row.pop("task", None)
    if not (isinstance(time, int) and isinstance(kind, str) and isinstance(task, int | None)):
        raise BadRecordError(f"{where} has a time, kind or task of the wrong type: {time!r}, {kind!r}, {task!r}")
    if kind == "created" and task is not None:
        made.add(task)
    if task not in made and (task is not None or kind in _ABOUT_A_TASK):
        raise BadRecordError(f"{where}, {kind!r}, is about task {task!r}, which no line before it created")
    if kind == "ended" and row["how"] not in _ENDS:
        raise BadRecordError(f"{where} has a task end {row['how']!r}; {', '.join(_ENDS)} are the ways to end")
    return Event(time, kind, task, row)
