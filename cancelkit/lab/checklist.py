"""The checklist: six verdicts on an outcome, each with its evidence.

They rest on the order of events and on what was seen from outside, never on how long something took.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, NamedTuple

from cancelkit.lab.experiment import HARMLESS
from cancelkit.trace.states import State
from cancelkit.trace.timeline import SWALLOWED, Lane, Span, Timeline, lost_cleanup

if TYPE_CHECKING:
    from cancelkit.lab.outcome import Outcome

KEPT: Literal["kept"] = "kept"
BROKEN: Literal["broken"] = "broken"
NOT_APPLICABLE: Literal["not applicable"] = "not applicable"

Word = Literal["kept", "broken", "not applicable"]

TITLES = {
    "running": "running tasks were cancelled",
    "awaiting": "awaiting tasks were cancelled",
    "queued": "queued tasks were cancelled, and none began",
    "cleanup": "cleanup ran to its end",
    "leaks": "nothing leaked",
    "exit": "the exit status is the expected one",
}
"""The six, in order, by their ids."""

_SHOWN = 5
"""So many names and pieces of evidence are told of each verdict."""

_WAITS_FOR_OTHERS = frozenset({"shield", "task", "tasks", "future", "gather", "TaskGroup", "executor", "thread"})
"""A cleanup that is suspended on one of these can go on although a cancellation arrives: in what it waits for."""


class Verdict(NamedTuple):
    """One verdict: an id of `TITLES`, a word, and why."""

    id: str
    verdict: Word
    why: str

    def __str__(self) -> str:
        return f"{TITLES[self.id]}: {self.verdict}; {self.why}"


class Checklist(tuple[Verdict, ...]):
    """The six verdicts, in order. In words they come without their evidence, which differs from run to run."""

    __slots__ = ()

    def __str__(self) -> str:
        return "\n".join(f"{TITLES[verdict.id]}: {verdict.verdict}" for verdict in self)


def checklist_of(outcome: Outcome) -> Checklist:
    """The six verdicts on an outcome."""
    timeline = outcome.timeline
    verdicts = (
        _cancelled("running", State.RUNNING, timeline),
        _cancelled("awaiting", State.AWAITING, timeline),
        _queued(timeline),
        _cleanup(outcome),
        _leaks(outcome),
        _exit(outcome),
    )
    return Checklist(verdicts)


def _verdict(id_: str, broken: list[str], kept: list[str], otherwise: str) -> Verdict:
    if broken:
        return Verdict(id_, BROKEN, _some(broken, "; "))
    if kept:
        return Verdict(id_, KEPT, _some(kept, ", "))
    return Verdict(id_, NOT_APPLICABLE, otherwise)


def _some(what: list[str], between: str) -> str:
    more = f"{between}{len(what) - _SHOWN} more" if len(what) > _SHOWN else ""
    return between.join(what[:_SHOWN]) + more


def _cancelled(id_: str, state: State, timeline: Timeline) -> Verdict:
    """Whether the tasks in a state when the first signal came were cancelled."""
    time = _time_of_signal(timeline)
    if time is None:
        return Verdict(id_, NOT_APPLICABLE, "no signal was sent that ends programs")
    broken, kept = [], []
    for lane, span in _lanes_at(timeline, time, state):
        if SWALLOWED in lane.remarks:
            broken.append(f"{lane.name} {SWALLOWED}{_where(span)}")
        elif _was_cancelled(lane, time):
            kept.append(lane.name)
        else:
            broken.append(f"{lane.name} was not cancelled: {lane.end}{_where(span)}")
    return _verdict(id_, broken, kept, f"no task was {state} when the first signal came")


def _queued(timeline: Timeline) -> Verdict:
    verdict = _cancelled("queued", State.QUEUED, timeline)
    time = _time_of_signal(timeline)
    begun = [] if time is None else [job for job in timeline.jobs if job.begun is not None and job.begun > time]
    late = [f"{job.name} began after the first signal" for job in begun]
    if not late:
        return verdict
    why = [verdict.why] if verdict.verdict == BROKEN else []
    return Verdict("queued", BROKEN, _some([*late, *why], "; "))


def _time_of_signal(timeline: Timeline) -> int | None:
    """When the first signal came that ends programs."""
    harmless = {signum.name for signum in HARMLESS}
    return next((mark.time for mark in timeline.signals if mark.name not in harmless), None)


def _lanes_at(timeline: Timeline, time: int, state: State) -> Iterable[tuple[Lane, Span]]:
    """The tasks that were in a state at a time, the main ones left out."""
    for lane in timeline.lanes:
        if not lane.is_main:
            span = span_at(lane, time)
            if span is not None and span.state is state:
                yield lane, span


def span_at(lane: Lane, time: int) -> Span | None:
    """The span that a task was in at a time."""
    return next((span for span in lane.spans if span.start <= time < span.end), None)


def _was_cancelled(lane: Lane, since: int) -> bool:
    return lane.end is State.CANCELLED or any(
        mark.what == "cancel delivered" and mark.time >= since for mark in lane.marks
    )


def _where(span: Span | None) -> str:
    if span is None or not span.on:
        return ""
    return f", on {span.on} at {span.at.rpartition('/')[2]}" if span.at else f", on {span.on}"


def _cleanup(outcome: Outcome) -> Verdict:
    timeline = outcome.timeline
    lanes = {lane.name: lane for lane in timeline.lanes}
    broken, kept = [], []
    for job in timeline.jobs:
        lane = lanes.get(job.name)
        if job.cleanup_finished is not None:
            kept.append(job.name)
        elif lost := lost_cleanup(job, lane):
            broken.append(f"{job.name}: {lost}{_where(_last_wait(lane))}")
    for visit in outcome.visits:
        if visit.job and visit.farewell != "goodbye":  # who has not said a name holds nothing
            broken.append(f"{visit.job}: {visit.farewell}, without a goodbye to the server")
    reported = {job.name for job in timeline.jobs}
    for lane in timeline.lanes:
        if lane.name not in reported and _has_begun(lane):
            if told := _interrupted(lane):
                broken.append(told)
            elif not lane.is_main:
                kept.append(lane.name)
    return _verdict("cleanup", broken, kept, "nothing had begun that could owe a cleanup")


def _has_begun(lane: Lane) -> bool:
    return any(span.state is not State.NOT_STARTED for span in lane.spans)


def _last_wait(lane: Lane | None) -> Span | None:
    spans = lane.spans if lane is not None else ()
    return next((span for span in reversed(spans) if span.on), None)


def _interrupted(lane: Lane) -> str:
    """What the record alone can say of a task: that it never ended, or was cancelled in the middle of its cleanup."""
    if lane.end is State.ABANDONED:
        return f"{lane.name} never ended{_where(_last_wait(lane))}"
    for mark in lane.marks:
        if mark.what == "cancel delivered":
            before = next((span for span in reversed(lane.spans) if span.start < mark.time and span.on), None)
            if before is not None and before.state is State.CLEANING and before.on not in _WAITS_FOR_OTHERS:
                return f"{lane.name}: cleanup interrupted{_where(before)}"
    return ""


def _leaks(outcome: Outcome) -> Verdict:
    leaks = [str(leak) for leak in outcome.leaks]
    if leaks or outcome.was_counted:
        return _verdict("leaks", leaks, ["nothing is left that was not there before"], "")
    return Verdict("leaks", NOT_APPLICABLE, "it ended too abruptly to count what it still had")


def _exit(outcome: Outcome) -> Verdict:
    expected = outcome.experiment.expected
    wanted = " or ".join(map(str, sorted(expected)))
    is_expected = not outcome.hung and outcome.returncode in expected
    why = f"{outcome.ended} ({outcome.returncode}); expected {wanted}"
    return Verdict("exit", KEPT if is_expected else BROKEN, why)
