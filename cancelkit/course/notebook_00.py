"""The exercises of notebook 00, which starts here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cancelkit.course import runs
from cancelkit.course.exercises import Exercise, Verdict
from cancelkit.course.prepared import while_it_acquires
from cancelkit.course.promises import cleanups_finish, ends_with, jobs_begin, who_begins_cleans_up
from cancelkit.course.runs import Promise, Run, under_signals
from cancelkit.errors import CancelkitError
from cancelkit.lab import Experiment, Outcome, perform_all, signals_at
from cancelkit.lab.moments import Moment

_SEVEN_JOBS = """\
import asyncio

from cancelkit.lab.workload import make_jobs
from cancelkit.patterns.task_group import run_tasks

asyncio.run(run_tasks(make_jobs(), max_concurrent=2))
"""
"""What `scripts/task_group.py` does, which does not come with the kit."""


def _job_1_begins_late(outcome: Outcome) -> str:
    if "job-1" in (job.name for job in outcome.timeline.jobs_begun_late):
        return ""
    return "it had begun before it" if "job-1" in (job.name for job in outcome.timeline.jobs) else "it never began"


def _two_have_begun_and_hold_nothing(outcome: Outcome) -> str:
    first = outcome.timeline.signals[0].time
    begun = sum(job.begun is not None and job.begun < first for job in outcome.timeline.jobs)
    held = sum(job.holding is not None for job in outcome.timeline.jobs)
    return "" if (begun, held) == (2, 0) else f"{begun or 'none'} had begun, and {held or 'none'} got hold of something"


def _two_are_lost(outcome: Outcome) -> str:
    jobs = outcome.timeline.jobs
    lost = sum(job.cleanup_begun is not None and job.cleanup_finished is None for job in jobs)
    return "" if lost == 2 else f"of {outcome.jobs_begun or 'no'} jobs that began {lost or 'none'} lost its cleanup"


_SOUGHT = (
    Promise(
        "job-1 begins after the signal",
        _job_1_begins_late,
        "A job begins at the first step of its task. Which count is that of tasks that have not had it?",
    ),
    Promise(
        "two jobs have begun before it, and nobody gets hold of anything",
        _two_have_begun_and_hold_nothing,
        "A job says that it has begun, and later that it holds something. There is a count of each.",
    ),
    Promise(
        "two cleanups are lost",
        _two_are_lost,
        "A cancellation breaks into what a job is doing. So the two must be cleaning up already, after their work.",
    ),
)


def _moments(program: Path) -> Iterator[Verdict]:
    """What comes of a Ctrl-C on the seven jobs, at each of the moments that the answer prints."""
    (said,) = perform_all([Experiment(program, (), deadline=runs.DEADLINE)], may_miss=True)
    lines = said.stdout.splitlines()
    if len(lines) != len(_SOUGHT) or said.returncode:
        evidence = f"it printed {len(lines)}, and {said.ended}"
        yield Verdict("", "it prints three lines", evidence, "A moment to a line, and nothing else.")
        return
    seven_jobs = program.with_name("seven_jobs.py")
    seven_jobs.write_text(_SEVEN_JOBS, encoding="utf-8")
    readable: list[tuple[str, Promise, Experiment]] = []
    for number, (line, sought) in enumerate(zip(lines, _SOUGHT, strict=True), 1):
        under = f"one Ctrl-C at moment {number}, {line}"
        try:
            signals = signals_at(Moment.parse(line))
            experiment = Experiment(seven_jobs, signals, deadline=runs.DEADLINE / 2)
        except CancelkitError as error:
            hint = "It is one or several NAME=NUMBER with commas between them; the names are in the table of counts."
            yield Verdict(under, "it can be read", str(error), hint)
        else:
            readable.append((under, sought, experiment))
    outcomes = perform_all([experiment for _, _, experiment in readable], may_miss=True)
    for (under, sought, _), outcome in zip(readable, outcomes, strict=True):
        evidence = "that moment did not come" if outcome.missed is not None else sought.evidence(outcome)
        yield Verdict(under, sought.what, evidence, sought.hint)


def _jobs_clean_up(number: int, hint: str) -> Promise:
    """So many jobs finish their cleanup, and the server has heard their goodbyes."""
    finish = cleanups_finish(number, hint)

    def evidence(outcome: Outcome) -> str:
        goodbyes = sum(visit.farewell == "goodbye" for visit in outcome.visits)
        heard = "" if goodbyes == number else f"the server has heard {goodbyes or 'no'} goodbye{'s' * (goodbyes != 1)}"
        return finish.evidence(outcome) or heard

    return Promise(finish.what, evidence, hint)


EXERCISES = (
    Exercise("00.1", _moments),
    Exercise(
        "00.2",
        under_signals(
            Run(
                "two Ctrl-C: while job-2 works, and halfway through its cleanup",
                "holding=2 then halfway=2",
                (
                    _jobs_clean_up(2, "Who owns the signals? The second one is not to break the loop."),
                    ends_with(-2, 130, hint="Let the interrupt go on when all is cleaned up."),
                ),
            ),
            Run(
                "one Ctrl-C when job-1 has done its work and is halfway through its cleanup",
                "halfway=1",
                (
                    jobs_begin(1, "The interrupt is to end main, so job-2 does not begin."),
                    who_begins_cleans_up("Keep the cancellation out of the cleanup until that is complete."),
                    ends_with(-2, 130, hint="Let the interrupt go on when all is cleaned up."),
                ),
            ),
            while_it_acquires(
                "one Ctrl-C while job-1 gets hold of its things",
                "job-1",
                "`acquire` waits as well, and half of it is there by then: the file. Is it inside the `try`?",
            ),
            Run(
                "no signal",
                "",
                (
                    _jobs_clean_up(2, "Each job cleans up, also when nobody interrupts it."),
                    ends_with(0, hint="It is to end without an error."),
                ),
            ),
            hints={
                2: "Job-2 did not clean up at all. Which block of a `try` runs whatever happens?",
                0: "A job cleans up after its work, too; and a Ctrl-C gets through to the work.",
            },
        ),
    ),
)
