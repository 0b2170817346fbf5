"""Timelines: the events of one run, put together into one lane of spans per task."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from cancelkit.trace.events import Event
from cancelkit.trace.states import Counts, State, Tracker

_DEFAULT_NAME = re.compile(r"Task-\d+|None")  # the latter is what an eager task factory may give


@dataclass(frozen=True, slots=True)
class Span:
    """A task was in `state` from `start` to `end` (nanoseconds from the timeline's start), waiting for `on`."""

    state: State
    start: int
    end: int
    on: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at one moment: `what`, `time` nanoseconds from the timeline's start."""

    what: str
    time: int


@dataclass(frozen=True, slots=True)
class Lane:
    """One task's life.

    Attributes:
        task: its number.
        name: what to call it: its name, or its coroutine's where the name is asyncio's default.
        is_main: whether it is the task that the loop was started with.
        spans: its states in order, without gaps, from its making to its end or the end of the record.
        marks: cancellations requested and delivered, and what its job reported.
        end: the state it was left in.
    """

    task: int
    name: str
    is_main: bool
    spans: tuple[Span, ...]
    marks: tuple[Mark, ...]
    end: State

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
        signals: in the order in which they were sent.
        jobs: what jobs reported, in the order in which they first did.
        duration: nanoseconds from the first event to the last.
    """

    lanes: tuple[Lane, ...]
    signals: tuple[SignalMark, ...]
    jobs: tuple[Job, ...]
    duration: int

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
        if job.cleanup_begun is not None and job.cleanup_finished is None:
            yield Alarm(lane, "cleanup lost", end)
        if job.begun is not None and job.cleanup_begun is None and lane.end is State.ABANDONED:
            yield Alarm(lane, "no cleanup", end)

    def __str__(self) -> str:
        width = max((len(lane.name) for lane in self.lanes), default=0)
        rows = [f"{lane.name:<{width}}  {' → '.join(lane.states)}" for lane in self.lanes]
        return "\n".join([*rows, *map(str, self.signals), *map(str, self.alarms)])


def timeline_of(events: Iterable[Event]) -> Timeline:
    """Put the events of one run together; they must be in order of time."""
    return _Builder(tuple(events)).timeline()


class _Builder:
    def __init__(self, events: tuple[Event, ...]) -> None:
        self._events = events
        self._start = events[0].time if events else 0
        self._duration = events[-1].time - self._start if events else 0
        self._tracker = Tracker()
        self._names: dict[int, str] = {}
        self._coros: dict[int, str] = {}
        self._spans: dict[int, list[Span]] = {}
        self._marks: dict[int, list[Mark]] = {}
        self._signals: list[SignalMark] = []
        self._jobs: dict[str, Job] = {}

    def timeline(self) -> Timeline:
        for event in self._events:
            self._take(event)
        return Timeline(
            tuple(self._lane(task) for task in self._names),
            tuple(self._signals),
            tuple(self._jobs.values()),
            self._duration,
        )

    def _take(self, event: Event) -> None:
        now, task = event.time - self._start, event.task
        state = self._tracker.feed(event)
        if event.kind == "signal":
            number = len(self._signals) + 1
            self._signals.append(SignalMark(number, event.detail["name"], now, self._tracker.counts()))
        elif event.kind == "report":
            self._report(event.detail["job"], event.detail["what"], now)
        if task is None:
            return
        if event.kind in ("created", "named"):
            self._names[task] = str(event.detail["name"])
        if event.kind == "created":
            self._coros[task] = str(event.detail["coro"])
            self._spans[task], self._marks[task] = [], []
        elif event.kind in ("cancel requested", "cancel delivered", "report") and task in self._marks:
            self._marks[task].append(Mark(event.detail.get("what", event.kind), now))
        if state is not None:
            self._enter(task, state, now, event.detail.get("on", ""))

    def _enter(self, task: int, state: State, now: int, on: str) -> None:
        spans = self._spans[task]
        if spans:
            spans[-1] = replace(spans[-1], end=now)
        if not state.is_end:
            spans.append(Span(state, now, self._duration, on))

    def _report(self, name: str, what: str, now: int) -> None:
        job = self._jobs.setdefault(name, Job(name))
        reported: dict[str, Any] = {what.replace(" ", "_"): now}
        self._jobs[name] = replace(job, **reported)

    def _lane(self, task: int) -> Lane:
        state = self._tracker.states[task]
        return Lane(
            task,
            self._title(task),
            task in self._tracker.mains,
            tuple(self._spans[task]),
            tuple(self._marks[task]),
            state if state.is_end else State.ABANDONED,
        )

    def _title(self, task: int) -> str:
        if task in self._tracker.mains:
            return "main"
        name = self._names[task]
        return _printable(self._coros[task] if _DEFAULT_NAME.fullmatch(name) else name)


def _printable(text: str) -> str:
    """Text of a program's own choosing, such that it takes one line and does nothing to a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
