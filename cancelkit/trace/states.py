"""States: where each task is in its life, found by following the events; and how many are where."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Collection
from typing import Any, NamedTuple

from cancelkit.trace.events import Event


class State(enum.StrEnum):
    """Where a task is in its life. The values are the words used everywhere."""

    NOT_STARTED = "not started"
    RUNNING = "running"
    AWAITING = "awaiting"
    QUEUED = "queued"
    CLEANING = "cleaning up"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"
    ABANDONED = "abandoned"

    @property
    def is_end(self) -> bool:
        """Whether nothing comes after it."""
        return self in _ENDS


_ENDS = frozenset({State.FINISHED, State.CANCELLED, State.FAILED, State.ABANDONED})
_LIMITERS = frozenset({"Semaphore", "BoundedSemaphore"})


class Counts(NamedTuple):
    """How many tasks other than the main one are in which state, and how many jobs have reported what.

    Attributes:
        created: tasks that have not had their first step.
        active: tasks that run, or await something that is not a limiter's slot.
        queued: tasks that wait for a limiter's slot.
        cleaning: tasks in cleanup.
        ended: tasks that finished, failed or were cancelled.
        begun: jobs that reported that they have begun.
        holding: jobs that reported that they hold something to be tidied up.
        cleanups: jobs that reported that their cleanup has begun.
        halfway: jobs that reported that their cleanup is halfway.
        cleaned: jobs that reported that their cleanup is finished.
        before_start: whether there is a task, and none of them has taken a step, the main one included.
        closing: whether a loop is being closed.
    """

    created: int = 0
    active: int = 0
    queued: int = 0
    cleaning: int = 0
    ended: int = 0
    begun: int = 0
    holding: int = 0
    cleanups: int = 0
    halfway: int = 0
    cleaned: int = 0
    before_start: bool = False
    closing: bool = False

    def __str__(self) -> str:
        return self.describe()

    def describe(self, about: Collection[str] = ()) -> str:
        """How many tasks are in which state; and of the rest what it is `about`, or without that, the phase."""
        counts = self.as_dict().items()
        tasks = [f"{count} {name}" for name, count in counts if count and name in _OF_TASKS]
        jobs = [f"{count} {name}" for name, count in counts if name in about and name in _OF_JOBS]
        asked_for = set(about or _PHASES) & set(_PHASES)
        phases = [name.replace("_", " ") for name, holds in counts if holds and name in asked_for]
        return ", ".join([*(tasks or ["no tasks"]), *jobs, *phases])

    def as_dict(self) -> dict[str, int]:
        """The counts by name; the last two are 1 for true."""
        return {name: int(value) for name, value in self._asdict().items()}


*COUNT_NAMES, _before_start, _closing = Counts._fields
_OF_TASKS, _OF_JOBS, _PHASES = COUNT_NAMES[:5], COUNT_NAMES[5:], (_before_start, _closing)
_COUNT_OF_STATE = {
    State.NOT_STARTED: "created",
    State.RUNNING: "active",
    State.AWAITING: "active",
    State.QUEUED: "queued",
    State.CLEANING: "cleaning",
    State.FINISHED: "ended",
    State.CANCELLED: "ended",
    State.FAILED: "ended",
}


class Tracker:
    """Follows events and knows the state of every task after each of them.

    Attributes:
        states: the state of each task, by its number.
        mains: the tasks that a loop is run for.
    """

    def __init__(self, mains: Collection[int] = ()) -> None:
        self.states: dict[int, State] = {}
        self.mains = set(mains)
        self._cancelled: set[int] = set()
        # Counted as events come: a program may ask before every wait, and have had a million tasks.
        self._where = dict.fromkeys(_OF_TASKS, 0)
        self._reports: Counter[str] = Counter()
        self._has_begun = False
        self._closing: set[int] = set()

    def feed(self, event: Event) -> State | None:
        """Take one event; return the state its task is in now, or None if the event is not about a task's state."""
        task, detail = event.task, event.detail
        if event.kind == "report":
            self._reports[detail["what"]] += 1
            return None
        if event.kind == "closing":
            self._closing.add(detail["loop"])
        elif event.kind == "closed":
            self._closing.discard(detail["loop"])
        if task is None:
            return None
        match event.kind:
            case "created":
                state = State.NOT_STARTED
            case "main":
                self._leave_out(task)
                return None
            case "step":
                self._has_begun = True
                # A step between two waits of a cleanup is part of it.
                state = State.CLEANING if self.states.get(task) is State.CLEANING else State.RUNNING
            case "suspended":
                state = self._suspended(task, detail)
            case "ended":
                state = State(detail["how"])
            case "cancel delivered":
                self._cancelled.add(task)
                return None
            case _:
                return None
        self._enter(task, state)
        return state

    def _suspended(self, task: int, detail: Any) -> State:
        if not detail.get("cancelling"):
            self._cancelled.discard(task)  # a timeout has taken its cancellation back, and the task goes on
        if task in self._cancelled or detail["cleanup"]:
            return State.CLEANING
        return State.QUEUED if detail["on"] in _LIMITERS else State.AWAITING

    def _enter(self, task: int, state: State) -> None:
        before = self.states.get(task)
        self.states[task] = state
        if task not in self.mains:
            if before is not None:
                self._where[_COUNT_OF_STATE[before]] -= 1
            self._where[_COUNT_OF_STATE[state]] += 1

    def _leave_out(self, task: int) -> None:
        """Count a task no more: it is what its loop is run for."""
        if task not in self.mains:
            self.mains.add(task)
            self._where[_COUNT_OF_STATE[self.states[task]]] -= 1

    def counts(self) -> Counts:
        """How many tasks are where, the main ones left out."""
        return Counts(
            **self._where,
            begun=self._reports["begun"],
            holding=self._reports["holding"],
            cleanups=self._reports["cleanup begun"],
            halfway=self._reports["cleanup halfway"],
            cleaned=self._reports["cleanup finished"],
            before_start=bool(self.states) and not self._has_begun,
            closing=bool(self._closing),
        )
