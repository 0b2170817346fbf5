"""The verdict on one run: from what was recorded, how the program ended, and what it left; never from what it prints.

Cleanup is owed for what a program declares (`cancelkit.trace.holding`, or reports "holding" and "cleanup finished");
for what runs inside `cancelkit.finish`; and for what the source says: a task that is suspended in a `finally` or
`except` body, in `__aexit__` or in `aclose`, somewhere along its chain of awaits, is cleaning up.
"""

from __future__ import annotations

import signal
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cancelkit.trace.events import Event
from cancelkit.trace.states import State, Tracker

CLEAN = "clean"
HUNG = "hung"
CRASHED = "crashed"
LOST = "cleanup lost"
INTERRUPTED = "cleanup interrupted"
LATE = "late start"
SWALLOWED = "interrupt swallowed"
WRONG_EXIT = "wrong exit"
LEFTOVERS = "leftovers"
UNRESOLVED = "unresolved"

WORDS = (CLEAN, HUNG, CRASHED, LOST, INTERRUPTED, LATE, SWALLOWED, WRONG_EXIT, LEFTOVERS, UNRESOLVED)
"""All of them. A run that deserves several has the first of them here; unresolved is a point whose runs disagree."""

_EXPECTED = (-signal.SIGINT, 128 + signal.SIGINT)
_OF_FINISH = "_cleanup_of_finish"
_WAITS_FOR_OTHERS = frozenset({"shield", "task", "tasks", "future", "gather", "TaskGroup", "executor", "thread"})
"""What a cleanup that is suspended on it can wait for again: what it waits for goes on."""


class Verdict(NamedTuple):
    """What is to be said of one run.

    Attributes:
        word: one of `WORDS`.
        why: in words; the same for every run that went the same way.
        at: file:line of the program where the interrupt reached the task that it harmed; empty if there is none.
    """

    word: str
    why: str = ""
    at: str = ""


class _Task:
    """What is known of a task while the events come by."""

    def __init__(self, coro: str) -> None:
        self.coro = coro
        self.state = State.NOT_STARTED
        self.on = self.at = ""
        self.is_step_late = self.has_begun_late = False
        self.reached_at = ""
        self.held: set[str] = set()


def judge(events: Sequence[Event], status: int | None, error: str, left: Sequence[str]) -> Verdict:
    """The verdict on a run.

    `status` is as in `Popen.returncode`, None if the program hung; `error` the class of the error that it ended with;
    `left` what it still had at its end, in words.
    """
    run = _Run(events)
    problems = list(run.problems())
    if status is None:
        problems.append(Verdict(HUNG, f"waits for ever: {run.who_waits()}", run.where_it_waits()))
    elif run.has_signal and status not in _EXPECTED:
        word = SWALLOWED if status == 0 else WRONG_EXIT
        problems.append(Verdict(word, f"exit status {status}{f', {error}' if error else ''}"))
    leftovers = [*run.leftovers(), *left]
    if leftovers:
        problems.append(Verdict(LEFTOVERS, ", ".join(dict.fromkeys(leftovers))))
    return min(problems, key=lambda verdict: WORDS.index(verdict.word), default=Verdict(CLEAN))


class _Run:
    """Follows the events of one run."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.has_signal = False
        self._tracker = Tracker()
        self._tasks: dict[int, _Task] = {}
        self._problems: list[Verdict] = []
        self._complaints: list[str] = []
        self._owed: dict[str, _Task | None] = {}
        for event in events:
            self._take(event)

    def problems(self) -> Iterable[Verdict]:
        """What went wrong with cleanup, and what began too late."""
        yield from self._problems
        for what, task in self._owed.items():
            yield Verdict(LOST, f"{what} was never tidied up", task.reached_at if task is not None else "")
        for task in self._tasks.values():
            if task.state is State.CLEANING:
                yield Verdict(LOST, f"{task.coro} never went on with its cleanup", task.at)

    def leftovers(self) -> Iterable[str]:
        """Tasks that never ended, and complaints of Python's and asyncio's."""
        yield from (f"{task.coro} never ended" for task in self._tasks.values() if not task.state.is_end)
        yield from self._complaints

    def who_waits(self) -> str:
        """The tasks that have not ended, and on what they wait."""
        waiting = [f"{task.coro} on {task.on}" for task in self._tasks.values() if not task.state.is_end and task.on]
        return ", ".join(dict.fromkeys(waiting)) or "the loop, on nothing"

    def where_it_waits(self) -> str:
        """Where the last of them waits."""
        return next((task.at for task in reversed(self._tasks.values()) if not task.state.is_end and task.at), "")

    def _take(self, event: Event) -> None:
        state = self._tracker.feed(event)
        kind, detail = event.kind, event.detail
        if kind == "signal received":
            self.has_signal = True
        elif kind == "complaint":
            self._complaints.append(detail["what"] + (f": {detail['coro']}" if "coro" in detail else ""))
        elif kind == "created" and event.task is not None:
            self._tasks[event.task] = _Task(str(detail["coro"]))
        task = self._tasks.get(event.task) if event.task is not None else None
        if kind == "report":
            self._take_report(str(detail["what"]), str(detail["job"]), task)
        elif task is not None:
            self._take_of_task(task, event, state)

    def _take_report(self, what: str, job: str, task: _Task | None) -> None:
        if what == "begun" and self.has_signal and (task is None or task.is_step_late):
            self._problems.append(Verdict(LATE, f"{job} began after the signal"))
        elif what == "holding":
            self._owed[job] = task
            if task is not None and task.has_begun_late:
                self._problems.append(Verdict(LATE, f"{job} was taken hold of by a task that began after the signal"))
        elif what == "cleanup finished":
            self._owed.pop(job, None)

    def _take_of_task(self, task: _Task, event: Event, state: State | None) -> None:
        before = task.state
        if event.kind == "step":
            task.is_step_late = self.has_signal  # what was under way when the signal came had begun before
            task.has_begun_late |= before is State.NOT_STARTED and self.has_signal
        elif event.kind == "suspended":
            task.on, task.at = str(event.detail["on"]), str(event.detail["at"])
        elif event.kind == "cancel delivered":
            task.reached_at = task.at
            if before is State.CLEANING and task.on not in _WAITS_FOR_OTHERS:
                why = f"the cleanup of {task.coro} was cancelled while it waited for {task.on}"
                self._problems.append(Verdict(INTERRUPTED, why, task.at))
        if state is not None:
            task.state = state
        if event.kind == "ended":
            self._take_end(task, event, before)

    def _take_end(self, task: _Task, event: Event, before: State) -> None:
        error = event.detail.get("error")
        if before is State.CLEANING and error == "KeyboardInterrupt":
            self._problems.append(
                Verdict(INTERRUPTED, f"the cleanup of {task.coro} was ended by KeyboardInterrupt", task.at)
            )
        if _OF_FINISH in task.coro and event.detail["how"] == "cancelled":
            self._problems.append(Verdict(LOST, "a cleanup inside finish() was cancelled", task.at))
