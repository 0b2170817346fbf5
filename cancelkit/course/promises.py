"""Promises that several exercises ask for."""

from __future__ import annotations

from cancelkit.course.runs import Promise, how_it_ended
from cancelkit.lab import Outcome
from cancelkit.lab.outcome import describe_status
from cancelkit.trace.states import State


def jobs_begin(number: int, hint: str) -> Promise:
    """So many jobs begin, no more and no fewer."""

    def evidence(outcome: Outcome) -> str:
        return "" if outcome.jobs_begun == number else f"{_jobs(outcome.jobs_begun)} began"

    return Promise(f"{_jobs(number)} begin{'s' * (number == 1)}", evidence, hint)


def cleanups_finish(number: int, hint: str) -> Promise:
    """So many jobs finish their cleanup."""

    def evidence(outcome: Outcome) -> str:
        finished = outcome.cleanups_finished
        return "" if finished == number else f"{finished} of {outcome.jobs_begun} finished"

    return Promise(f"the cleanup of {_jobs(number)} finishes", evidence, hint)


def who_begins_cleans_up(hint: str) -> Promise:
    """Whoever has begun finishes its cleanup."""

    def evidence(outcome: Outcome) -> str:
        lost = [job.name for job in outcome.timeline.jobs if job.begun is not None and job.cleanup_finished is None]
        return "nobody began" if not outcome.jobs_begun else f"{', '.join(lost)} did not" if lost else ""

    return Promise("every job that begins finishes its cleanup", evidence, hint)


def none_begins_late(hint: str) -> Promise:
    """No job begins after the first signal."""

    def evidence(outcome: Outcome) -> str:
        first = outcome.timeline.signals[0].time if outcome.timeline.signals else float("inf")
        late = [job.name for job in outcome.timeline.jobs if job.begun is not None and job.begun > first]
        return f"{', '.join(late)} began after it" if late else ""

    return Promise("no job begins after the signal", evidence, hint)


def asked_are_cancelled(what: str, hint: str) -> Promise:
    """At least one task besides the main one is asked to end, and all that are end as cancelled."""

    def evidence(outcome: Outcome) -> str:
        others = [lane for lane in outcome.timeline.lanes if not lane.is_main]
        asked = [lane for lane in others if any(mark.what == "cancel requested" for mark in lane.marks)]
        otherwise = [f"{lane.name} {lane.end}" for lane in asked if lane.end is not State.CANCELLED]
        return "" if asked and not otherwise else ", ".join(otherwise) or "no task was asked to end"

    return Promise(what, evidence, hint)


def ends_with(*statuses: int, hint: str) -> Promise:
    """The exit status, as in `Popen.returncode`, is one of these."""

    def evidence(outcome: Outcome) -> str:
        return "" if outcome.returncode in statuses else f"it {how_it_ended(outcome)}"

    return Promise(f"how it ends: {' or '.join(map(describe_status, statuses))}", evidence, hint)


def prints(text: str, hint: str, times: int = 1) -> Promise:
    """A line is printed, so many times."""

    def evidence(outcome: Outcome) -> str:
        seen = outcome.stdout.splitlines().count(text)
        return "" if seen == times else f"printed {_times(seen)}"

    return Promise(f"{text!r} is printed{'' if times == 1 else f' {_times(times)}'}", evidence, hint)


def prints_in_order(*lines: str, hint: str) -> Promise:
    """These lines are all that is printed, in this order."""

    def evidence(outcome: Outcome) -> str:
        printed = outcome.stdout.splitlines()
        return "" if printed == list(lines) else f"printed was {', '.join(map(repr, printed)) or 'nothing'}"

    return Promise(f"printed is {', '.join(map(repr, lines))}", evidence, hint)


def nothing_leaks(hint: str) -> Promise:
    """Nothing is left: no task, file, socket, thread, child process."""

    def evidence(outcome: Outcome) -> str:
        if not outcome.was_counted:
            return f"it {how_it_ended(outcome)}, with everything it had"
        return "; ".join(map(str, outcome.leaks))

    return Promise("nothing is left", evidence, hint)


def is_clean(hint: str) -> Promise:
    """No line of the checklist is broken."""

    def evidence(outcome: Outcome) -> str:
        return ", ".join(f"{verdict.id!r} is broken" for verdict in outcome.broken)

    return Promise("every line of the checklist holds", evidence, hint)


def ended_after_main(outcome: Outcome) -> list[str]:
    """The names of tasks that ended when the main one had ended."""
    ends = {lane: lane.spans[-1].end for lane in outcome.timeline.lanes if lane.spans}
    main = max((end for lane, end in ends.items() if lane.is_main), default=0)
    return [lane.name for lane, end in ends.items() if not lane.is_main and end > main]


def _jobs(number: int) -> str:
    return "1 job" if number == 1 else f"{number} jobs"


def _times(number: int) -> str:
    return {0: "not at all", 1: "once", 2: "twice"}.get(number, f"{number} times")
