"""The promises of the shutdown contract: for each, the acts that test it, and what must not be seen there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from cancelkit.contract.acts import LIMIT, PLAIN
from cancelkit.lab.outcome import Outcome
from cancelkit.lab.unreached import why_not_reached
from cancelkit.trace.timeline import Job, Timeline

Judge = Callable[[Outcome], Iterator[str]]
"""What gives evidence, in words, that a promise was broken."""


@dataclass(frozen=True)
class Promise:
    """One promise.

    Attributes:
        id: a word for it.
        what: what is promised.
        judges: by the name of each act, what looks at its outcome.
        judges_hangs: whether they also say what it means if the program hung; if not, that speaks against the promise.
    """

    id: str
    what: str
    judges: Mapping[str, Judge]
    judges_hangs: bool = False


def not_at_work(outcome: Outcome) -> Iterator[str]:
    """Evidence that a target does not do its work at all, so that it can keep no promise but by accident."""
    names = {job.name for job in outcome.timeline.jobs if job.cleanup_finished is not None}
    if outcome.hung:
        yield "it does not end, without any signal"
    elif missing := [f"job-{n}" for n in range(1, 6) if f"job-{n}" not in names]:
        yield f"it ends without having run {', '.join(missing)}: {_end(outcome)}"
    elif outcome.returncode or not _results(outcome):
        yield f"it returns no results: {_end(outcome)}"
    elif (most := _most_at_a_time(outcome.timeline.jobs)) < LIMIT:
        yield f"it never ran more than {most} job at a time, where {LIMIT} may"


def _end(outcome: Outcome) -> str:
    """How it ended, with the error if there was one."""
    error = (outcome.stderr.strip().splitlines() or [""])[-1]
    return f"{outcome.ended}, {error}" if outcome.returncode and error else outcome.ended


def _within_limit(outcome: Outcome) -> Iterator[str]:
    most = _most_at_a_time(outcome.timeline.jobs)
    if most > LIMIT:
        yield f"{most} jobs were between their first step and the end of their cleanup, where {LIMIT} may be"


def _most_at_a_time(jobs: tuple[Job, ...]) -> int:
    begins = [(job.begun, 1) for job in jobs if job.begun is not None]
    ends = [(job.cleanup_finished, -1) for job in jobs if job.cleanup_finished is not None]
    most = now = 0
    for _, change in sorted([*begins, *ends]):
        now += change
        most = max(most, now)
    return most


def _cleanup(outcome: Outcome) -> Iterator[str]:
    for job in outcome.timeline.jobs:
        if job.begun is not None and job.cleanup_finished is None:
            yield f"{job.name}: {'no cleanup' if job.cleanup_begun is None else 'its cleanup never finished'}"
    for visit in outcome.visits:
        if visit.job and visit.farewell != "goodbye":
            yield f"{visit.job}: {visit.farewell}, without a goodbye to the server"
    if not outcome.jobs_begun:
        yield "no job had begun"


def _cleanup_in_spite(outcome: Outcome) -> Iterator[str]:
    """As above, when more signals were to come during cleanup; which may have ended too early for them."""
    lost = tuple(_cleanup(outcome))
    yield from lost or _not_sent(outcome)


def _not_sent(outcome: Outcome) -> Iterator[str]:
    if outcome.missed is not None:
        first, *_ = why_not_reached(outcome, outcome.missed).splitlines()
        said = first.replace(str(outcome.experiment.program), "the program")
        yield f"signal {len(outcome.timeline.signals) + 1} could not be sent: {said}"


def _cancelled_once(outcome: Outcome) -> Iterator[str]:
    yield from _cleanup(outcome)
    for job in outcome.timeline.jobs:
        times = _times_cancelled(job, outcome.timeline)
        if times != 1 and job.begun is not None:
            yield f"{job.name} was {f'cancelled {times} times' if times else 'not cancelled'}"


def _times_cancelled(job: Job, timeline: Timeline) -> int:
    """How many cancellations reached the task that a job began in, from then on until its cleanup finished."""
    for lane in timeline.lanes:
        if any((mark.what, mark.time) == ("begun", job.begun) for mark in lane.marks):
            until = job.cleanup_finished or timeline.duration
            times = [mark.time for mark in lane.marks if mark.what == "cancel delivered"]
            return sum((job.begun or 0) <= time <= until for time in times)
    return 0


def _as_sigint(outcome: Outcome) -> Iterator[str]:
    yield from _cancelled_once(outcome)
    yield from _exit(outcome)


def _no_late_start(outcome: Outcome) -> Iterator[str]:
    for job in outcome.timeline.jobs_begun_late:
        yield f"{job.name} began after the first signal"


def _nothing_begins(outcome: Outcome) -> Iterator[str]:
    if outcome.jobs_begun:
        yield f"{outcome.jobs_begun} jobs began"
    yield from _exit(outcome)


def _exit(outcome: Outcome) -> Iterator[str]:
    yield from _of_checklist(outcome, "exit")


def _no_leftovers(outcome: Outcome) -> Iterator[str]:
    yield from _of_checklist(outcome, "leaks")


def _generator_closed(outcome: Outcome) -> Iterator[str]:
    yield from _no_leftovers(outcome)
    if "the generator: left open" in outcome.stdout:
        yield "the generator of jobs was left open"


def _failure_reported(outcome: Outcome) -> Iterator[str]:
    yield from _cleanup(outcome)
    if "the cleanup of job-1 fails" not in outcome.stderr:
        yield "nobody was told of the error in the cleanup of job-1"
    yield from _exit(outcome)


def _told_where(job: str, function: str) -> Judge:
    def judge(outcome: Outcome) -> Iterator[str]:
        if outcome.hung:
            yield f"{job} does not end, and so the process does not either"
        elif not re.search(rf"\b{function}\b", outcome.stderr):
            yield f"nobody was told where {job} is stuck"

    return judge


def _named(job: str, function: str) -> Judge:
    told_where = _told_where(job, function)

    def judge(outcome: Outcome) -> Iterator[str]:
        yield from told_where(outcome)
        if not outcome.hung and job not in outcome.stderr:
            yield f"nobody was told that it is {job}"

    return judge


def _restored(outcome: Outcome) -> Iterator[str]:
    told = re.search(r"^handlers: (.*) changed$", outcome.stdout, re.MULTILINE)
    if told is None:
        yield "the program ended before it could be seen"
    elif told[1] != "none":
        yield f"the handler of {told[1]} is not the one that stood before"


def _error_reaches(outcome: Outcome) -> Iterator[str]:
    if outcome.returncode != 1 or "LookupError: job-1 fails" not in outcome.stderr:
        yield f"the error of job-1 does not reach the caller: {outcome.ended}"
    elif "ExceptionGroup" not in outcome.stderr:
        yield "the error of job-1 comes without an ExceptionGroup around it"
    closing = next((mark.time for mark in outcome.timeline.marks if mark.what == "closing"), None)
    for job in outcome.timeline.jobs:
        if job.begun is not None and job.cleanup_finished is None:
            yield f"{job.name}: its cleanup was not waited for"
        elif closing is not None and job.cleanup_finished is not None and job.cleanup_finished > closing:
            yield f"{job.name}: its cleanup was left to the closing of the loop"


def _in_order(outcome: Outcome) -> Iterator[str]:
    if _results(outcome) != [f"result of job-{n}" for n in range(1, 6)]:
        yield f"the results are {_results(outcome)}"


def _results(outcome: Outcome) -> list[str]:
    """What the stage has printed at the end: the list that the target has returned."""
    last = (outcome.stdout.splitlines() or [""])[-1]
    return re.findall(r"'(result of [^']*)'", last) if last.startswith("[") else []


def _lazy(outcome: Outcome) -> Iterator[str]:
    asked, over, most = 0, 0, 0
    for line in outcome.stdout.splitlines():
        asked += line.endswith(": asked for")
        over += line.endswith(": cleanup finished")
        most = max(most, asked - over)
    if asked == 0:
        yield "it asked for no job"
    elif most > LIMIT + 1:
        yield f"{most} jobs were asked for and not over, where {LIMIT} may run"


def _of_checklist(outcome: Outcome, id_: str) -> Iterator[str]:
    for verdict in outcome.broken:
        if verdict.id == id_:
            yield verdict.why


PROMISES = (
    Promise(
        "limit",
        "never more jobs than allowed between their first step and the end of their cleanup",
        {PLAIN: _within_limit, "jobs queued": _within_limit},
    ),
    Promise(
        "one-signal",
        "a job that has begun is cancelled once; its cleanup, and any inside finish(), runs to its end",
        {"all slots full": _cancelled_once, "jobs queued": _cancelled_once, "protected cleanup": _cleanup},
    ),
    Promise(
        "two-signals",
        "also when a second signal arrives during cleanup",
        dict.fromkeys(("second signal in cleanup", "SIGINT then SIGTERM", "SIGTERM then SIGINT"), _cleanup_in_spite),
    ),
    Promise(
        "three-signals",
        "also when a second and a third do",
        dict.fromkeys(("rapid repeats", "three signals"), _cleanup_in_spite),
    ),
    Promise("sigterm", "SIGTERM is treated as SIGINT is", {"SIGTERM": _as_sigint}),
    Promise(
        "no-late-start",
        "no job begins after the first signal, even if one swallows its cancellation",
        dict.fromkeys(
            ("jobs queued", "a slot gets free", "a cancellation is swallowed", "a job blocks"), _no_late_start
        ),
    ),
    Promise(
        "before-start",
        "a signal before main's first step: nothing begins, and the process ends",
        {"before any job starts": _nothing_begins},
    ),
    Promise(
        "closing",
        "a signal while the loop is being closed changes nothing about cleanup",
        {"while the loop is closed": _cleanup},
    ),
    Promise(
        "honest-exit",
        "after cleanup the exit status is that of the first signal",
        dict.fromkeys(("jobs queued", "SIGTERM", "SIGINT then SIGTERM", "SIGTERM then SIGINT", "three signals"), _exit),
    ),
    Promise(
        "no-leftovers",
        "no task, thread, child process or descriptor is left, nothing is complained of; a generator is closed",
        {
            PLAIN: _no_leftovers,
            "jobs queued": _no_leftovers,
            "before any job starts": _no_leftovers,
            "a generator interrupted": _generator_closed,
        },
    ),
    Promise(
        "failing-cleanup",
        "an error in a cleanup is reported and takes nobody's place; the others complete theirs",
        {"a cleanup fails": _failure_reported},
    ),
    Promise(
        "stubborn",
        "what will not end is named with where it is stuck, and the process ends all the same",
        {
            "a cleanup hangs": _named("job-1", "tidy_up_for_ever"),
            "a job blocks for ever": _told_where("job-2", "blocking_for_ever"),
        },
        judges_hangs=True,
    ),
    Promise(
        "restored",
        "the handlers that stood before are back afterwards",
        {"embedded": _restored, "embedded and interrupted": _restored},
    ),
    Promise(
        "errors",
        "a job's error cancels the others, waits for their cleanup, and reaches the caller in an ExceptionGroup",
        {"an error": _error_reaches},
    ),
    Promise("results", "results come back in the order of the jobs", {PLAIN: _in_order}),
    Promise("lazy", "jobs are read from a generator as there is room for them", {"a generator": _lazy}),
)
"""All of them, in order."""


def evidence(promise: Promise, act: str, outcome: Outcome) -> tuple[str, ...]:
    """What speaks against a promise in an act, in words; nothing if it was kept."""
    if outcome.missed is not None and not outcome.timeline.signals:
        return tuple(_not_sent(outcome))
    if outcome.hung and not promise.judges_hangs:
        return ("the program hung",)
    return tuple(promise.judges[act](outcome))
