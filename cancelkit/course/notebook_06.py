"""The exercises of notebook 06, on the context manager."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cancelkit.course.exercises import Exercise, Verdict
from cancelkit.course.promises import (
    cleanups_finish,
    ended_after_main,
    ends_with,
    none_begins_late,
    nothing_leaks,
)
from cancelkit.course.runs import Promise, Run, under_signals
from cancelkit.lab import Outcome


def _stands_in(file: Path, lines: set[str], hint: str) -> Promise:
    """These lines are what the file holds in the end, in any order."""

    def evidence(_: Outcome) -> str:
        written = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        if len(written) == len(lines) == len(lines.intersection(written)):
            return ""
        return f"it holds {', '.join(map(repr, written)) or 'nothing'}"

    return Promise("both goodbyes stand in the file", evidence, hint)


def _the_order(program: Path) -> Iterator[Verdict]:
    """What becomes of goodbyes that are written into a file of ours."""
    with tempfile.TemporaryDirectory(prefix="cancelkit-") as folder:
        file = Path(folder, "goodbyes.txt")
        file.touch()  # a run is known by what is in the files that it names, not by where they are
        goodbyes = {"goodbye from job-1", "goodbye from job-2"}
        run = Run(
            "one Ctrl-C while both jobs work",
            "begun=2",
            (
                cleanups_finish(2, "When is the file closed, and when do the jobs write into it?"),
                _stands_in(
                    file,
                    goodbyes,
                    "The block ends at once, long before the Ctrl-C, and closes the file. Who needs whom to the end?",
                ),
                nothing_leaks("The file is to be closed by the block, not by chance."),
                ends_with(-2, 130, hint="Let the cancellation go on to asyncio.run."),
            ),
            arguments=(str(file),),
        )
        yield from under_signals(run)(program)


def _is_refused_in_the_cleanup(hint: str) -> Promise:
    """A RuntimeError is raised in a job that is being cancelled."""

    def evidence(outcome: Outcome) -> str:
        remarks = (remark for lane in outcome.timeline.lanes for remark in lane.remarks)
        return "" if any("RuntimeError" in remark for remark in remarks) else "it does not"

    return Promise("start raises RuntimeError in the cleanup", evidence, hint)


def _is_refused_afterwards(hint: str) -> Promise:
    """A RuntimeError comes out of main, and of the program."""

    def evidence(outcome: Outcome) -> str:
        is_raised = re.match(r"RuntimeError\b", _said(outcome).rpartition("\n")[2])
        return "" if is_raised and outcome.returncode == 1 else f"the program {outcome.ended} without one"

    return Promise("start raises RuntimeError after the block, and main ends with it", evidence, hint)


def _said(outcome: Outcome) -> str:
    """What the program wrote to stderr; from 3.13 on it may be in colours."""
    return re.sub(r"\x1b\[[\d;]*m", "", outcome.stderr).strip()


def _a_job_starts_another(hint: str) -> Promise:
    """Besides the main task there are two at least."""

    def evidence(outcome: Outcome) -> str:
        return "" if sum(not lane.is_main for lane in outcome.timeline.lanes) > 1 else "it was refused"

    return Promise("a job may start another while main waits for them", evidence, hint)


def _late_does_not_begin(hint: str) -> Promise:
    """The job that is started when all is over does not begin."""

    def evidence(outcome: Outcome) -> str:
        return "late began" if outcome.jobs_begun else ""

    return Promise("no job begins after the block", evidence, hint)


def _the_error_comes_out(hint: str) -> Promise:
    """The error of a job comes out of main in a group, and is told."""

    def evidence(outcome: Outcome) -> str:
        is_told = re.search(r"ExceptionGroup.*ValueError: broken", _said(outcome), re.DOTALL)
        return "" if is_told and outcome.returncode == 1 else f"the program {outcome.ended} without it"

    return Promise("the error of a job comes out of the block, in a group", evidence, hint)


def _main_waits(hint: str) -> Promise:
    """Every task ends before the main one does."""

    def evidence(outcome: Outcome) -> str:
        later = len(ended_after_main(outcome))
        return f"{later} task{'s' * (later > 1)} ended after main" if later else ""

    return Promise("main waits for whatever has begun", evidence, hint)


def _main_is_cancelled_twice(hint: str) -> Promise:
    """Every Ctrl-C reaches main."""

    def evidence(outcome: Outcome) -> str:
        main = outcome.timeline.lanes[0]
        requests = sum(mark.what == "cancel requested" for mark in main.marks)
        return "" if requests >= len(outcome.timeline.signals) else f"main was cancelled {_TIMES[requests]}"

    return Promise("every Ctrl-C cancels main", evidence, hint)


_TIMES = ("not at all", "once")

_SURVIVES = (
    cleanups_finish(4, "At which await does the second cancellation find main, and what does it do to the jobs?"),
    none_begins_late("The first Ctrl-C still has to cancel the jobs at once: only their cleanup is to be protected."),
    _main_is_cancelled_twice("It is the set that is to survive. Leave the handler as it is."),
    ends_with(130, -2, hint="A cancellation that comes during the cleanup goes on when the cleanup is done."),
)

EXERCISES = (
    Exercise("06.1", _the_order),
    Exercise(
        "06.2",
        under_signals(
            Run(
                "one Ctrl-C while job-1 works",
                "active=1",
                (
                    none_begins_late("Step 2 has begun. How can start know that somebody has been cancelled?"),
                    _is_refused_in_the_cleanup("How can start know that somebody has been cancelled?"),
                    _main_waits("Call the method of TaskSet as well: it cancels, and waits."),
                    ends_with(-2, 130, hint="Let the cancellation go on: no error takes its place."),
                ),
                arguments=("5",),
            ),
            Run(
                "no signal",
                "",
                (
                    _a_job_starts_another(
                        "The block has ended, and all is well: the set is not to refuse before step 2."
                    ),
                    _late_does_not_begin("The set has been left, without any cancellation this time."),
                    _main_waits("What is started afterwards, nobody waits for. And the jobs are to be waited for."),
                    _is_refused_afterwards(
                        "Take a note when the block has been left; start has to look at it, and to raise."
                    ),
                ),
                arguments=("0",),
            ),
        ),
    ),
    Exercise(
        "06.3",
        under_signals(
            Run(
                "Ctrl-C while two jobs work and main waits at the end of its block, and another one in the cleanup",
                "holding=4 then halfway=4",
                _SURVIVES,
            ),
            Run(
                "the same, while main waits in the block",
                "holding=4 then halfway=4",
                _SURVIVES,
                arguments=("in-the-block",),
            ),
            Run(
                "no signal",
                "",
                (
                    cleanups_finish(5, "Without a signal the block waits for all of its jobs."),
                    ends_with(0, hint="It is to end without an error."),
                ),
            ),
            Run(
                "no signal, and a job fails",
                "",
                (_the_error_comes_out("What does the __aexit__ of TaskSet do with the errors of its jobs?"),),
                arguments=("failing",),
            ),
            hints={0: "Does the first Ctrl-C still get through, while main waits for the jobs?"},
        ),
    ),
)
