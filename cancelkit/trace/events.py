"""Events: one timed fact each, about a task or about the process.

| kind | of a task | detail |
|---|---|---|
| `created` | yes | `name`, `coro`, `loop` (its number) |
| `named` | yes | `name`, when it is given one later |
| `main` | yes | it is what its loop is run for |
| `step` | yes | the loop runs the task until it waits again |
| `suspended` | yes | `on` what, `at` file:line of its await, if in `cleanup`, if `cancelling`: it was asked to end |
| `cancel requested` | yes | `by` whom, `at` file:line; see below |
| `cancel delivered` | yes | the coming step throws CancelledError into it |
| `ended` | yes | `how`: finished, cancelled or failed; then `error`, the name of its class; if `cancelling` |
| `report` | if any | `what` a job says of itself (begun, holding; cleanup begun, halfway, finished), `job` |
| `complaint` | if any | `what`: never awaited (and `coro`), never retrieved, destroyed but pending, or a message |
| `loop` | no | a loop makes its first task; its number, `loop`, its `type` and its `thread` |
| `closing` | no | the `loop` of that number is being closed: what is left is cancelled |
| `closed` | no | the `loop` of that number is closed |
| `signal received` | no | `signal`: its handler in Python runs now |
| `handler` | no | `signal`, the `handler` it has from now on, and the one `before` |
| `forked` | no | the process made a copy of itself, of which nothing is recorded |
| `end of the record` | no | `why` nothing more was recorded, although the program went on |
| `waiting` | no | the loop asks its selector for something to do; `counts`, when they differ from last time |
| `left` | no | `what` the program still has at its end, and its `name`: file, socket, pipe, thread, event loop |
| `census` | no | all that is left was told |
| `signal` | no | `name`; when the experiment sent it |
| `exit` | no | `status` as in `Popen.returncode`; when the parent saw it |

A request to cancel is made `by` a "task" (its number is the `requester`; `handed on` if that one was asked to end
itself and awaits the other), a "signal handler" (`signal`), the "closing loop", a "callback" (`callback`, a timeout for
example), or from "outside the loop" (`thread`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple


class Event(NamedTuple):  # as every value that a child needs: to make a dataclass takes five times as long
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
    detail: Mapping[str, Any] = {}


def in_order(events: Iterable[Event]) -> tuple[Event, ...]:
    """Events of several writers as one sequence; what happened at the same time keeps its order."""
    return tuple(sorted(events, key=lambda event: event.time))
