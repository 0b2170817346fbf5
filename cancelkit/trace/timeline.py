"""Timelines: the events of one run, put together into one lane of spans per task. `builder` puts them together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from cancelkit.trace.states import Counts, State

SWALLOWED = "swallowed its cancellation"
"""The remark on a task that was asked to end, and went on until it finished."""


@dataclass(frozen=True, slots=True)
class Span:
    """A task was in `state` from `start` to `end` (nanoseconds, from 0), waiting for `on` `at` file:line."""

    state: State
    start: int
    end: int
    on: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at one moment: `what`, `time` nanoseconds from the timeline's start, more in words."""

    what: str
    time: int
    more: str = ""

    def __str__(self) -> str:
        return f"{self.what}: {self.more}" if self.more else self.what


@dataclass(frozen=True, slots=True)
class Lane:
    """One task's life.

    Attributes:
        task: its number.
        name: what to call it: its name, or its coroutine's where the name is asyncio's default.
        is_main: whether it is a task that a loop was run for.
        spans: its states in order, without gaps, from its making to its end or the end of the record.
        marks: cancellations requested (with `more`: by whom, where) and delivered, what its job reported, complaints.
        end: the state it was left in.
        remarks: what is remarkable about how it took a cancellation.
        coro: the name of its coroutine.
        loop: the number of its loop.
    """

    task: int
    name: str
    is_main: bool
    spans: tuple[Span, ...]
    marks: tuple[Mark, ...]
    end: State
    remarks: tuple[str, ...] = ()
    coro: str = ""
    loop: int = 1

    @property
    def states(self) -> tuple[State, ...]:
        """The states in order, told briefly.

        Steps between two waits, and the last one, are left out: they take microseconds, and how many there
        are is of no interest.
        """
        brief: list[State] = []
        for span in self.spans:
            if span.state is State.RUNNING and len(brief) > 1:
                continue
            if not brief or brief[-1] is not span.state:
                brief.append(span.state)
        return (*brief, self.end)

    def __str__(self) -> str:
        remarks = f" ({'; '.join(self.remarks)})" if self.remarks else ""
        return f"{' → '.join(self.states)}{remarks}"


@dataclass(frozen=True, slots=True)
class Job:
    """What one job reported of itself: times in nanoseconds from the timeline's start, None for never."""

    name: str
    begun: int | None = None
    holding: int | None = None
    cleanup_begun: int | None = None
    cleanup_halfway: int | None = None
    cleanup_finished: int | None = None


@dataclass(frozen=True, slots=True)
class SignalMark:
    """The `number`th signal, by `name`, and how many tasks were in which state when it landed."""

    number: int
    name: str
    time: int
    landed: Counts

    def __str__(self) -> str:
        return f"signal {self.number}: {self.name}, landed on {self.landed}"


def lost_cleanup(job: Job, lane: Lane | None) -> Literal["cleanup lost", "no cleanup"] | None:
    """What became of the cleanup that a job owed, if it did not get to its end: one that holds something owes one."""
    if job.cleanup_finished is not None:
        return None
    if job.cleanup_begun is not None:
        return "cleanup lost"
    was_abandoned = lane is not None and lane.end is State.ABANDONED
    return "no cleanup" if job.holding is not None or was_abandoned else None


@dataclass(frozen=True, slots=True)
class Alarm:
    """What must not be overlooked: what happened in the lane of a job, and when."""

    lane: Lane
    what: Literal["began late", "cleanup lost", "no cleanup"]
    time: int

    def __str__(self) -> str:
        return f"{self.lane.name}: {self.what}"


@dataclass(frozen=True)
class Timeline:
    """What every task of one run did, and when the signals came.

    Attributes:
        lanes: one per task, in order of creation.
        signals: in the order in which they were sent; or received, where nobody knows when they were sent.
        jobs: what jobs reported, in the order in which they first did.
        duration: nanoseconds from the first event to the last.
        marks: what happened to the process: handlers installed, loops closing and closed, complaints about no task.
    """

    lanes: tuple[Lane, ...]
    signals: tuple[SignalMark, ...]
    jobs: tuple[Job, ...]
    duration: int
    marks: tuple[Mark, ...] = ()

    @cached_property
    def jobs_begun_late(self) -> tuple[Job, ...]:
        """Jobs that began after the first signal."""
        if not self.signals:
            return ()
        return tuple(job for job in self.jobs if job.begun is not None and job.begun > self.signals[0].time)

    @cached_property
    def alarms(self) -> tuple[Alarm, ...]:
        """Jobs that began after the first signal, and cleanup that was begun and never finished, or never made."""
        lanes = {lane.name: lane for lane in self.lanes}
        return tuple(alarm for job in self.jobs if job.name in lanes for alarm in self._alarms_of(job, lanes[job.name]))

    def _alarms_of(self, job: Job, lane: Lane) -> Iterator[Alarm]:
        end = lane.spans[-1].end if lane.spans else 0
        if job in self.jobs_begun_late and job.begun is not None:
            yield Alarm(lane, "began late", job.begun)
        if lost := lost_cleanup(job, lane):
            yield Alarm(lane, lost, end)

    @cached_property
    def complaints(self) -> tuple[str, ...]:
        """What Python or asyncio complained of, in words."""
        of_lanes = (f"{lane.name}: {m.more}" for lane in self.lanes for m in lane.marks if m.what == "complaint")
        return (*of_lanes, *(mark.more for mark in self.marks if mark.what == "complaint"))

    def __str__(self) -> str:
        from cancelkit.trace.table import text_of  # which is made of timelines

        return text_of(self)
