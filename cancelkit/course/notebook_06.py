"""The exercises of notebook 06, on the context manager."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cancelkit.course.exercises import Exercise, Verdict
from cancelkit.course.promises import (
    cleanups_finish,
    ends_with,
    jobs_begin,
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
        goodbyes = {"goodbye from job-1", "goodbye from job-2"}
        run = Run(
            "one Ctrl-C while both jobs work",
            "begun=2",
            (
                cleanups_finish(2, "When is the file closed, and when do the jobs write into it?"),
                _stands_in(file, goodbyes, "What is entered last is left first. Who needs whom to the end?"),
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

    return Promise("`start` raises RuntimeError in the cleanup", evidence, hint)


def _is_refused_afterwards(hint: str) -> Promise:
    """A RuntimeError comes out of main, and of the program."""

    def evidence(outcome: Outcome) -> str:
        said = re.sub(r"\x1b\[[\d;]*m", "", outcome.stderr).strip()  # from 3.13 on it may be in colours
        is_raised = re.match(r"RuntimeError\b", (said.splitlines() or [""])[-1])
        return "" if is_raised and outcome.returncode == 1 else f"the program {outcome.ended} without one"

    return Promise("`start` raises RuntimeError after the block, and main ends with it", evidence, hint)


def _main_waits(hint: str) -> Promise:
    """Every task ends before the main one does."""

    def evidence(outcome: Outcome) -> str:
        ends = {lane: lane.spans[-1].end for lane in outcome.timeline.lanes if lane.spans}
        main = min((end for lane, end in ends.items() if lane.is_main), default=0)
        later = [lane.name for lane, end in ends.items() if not lane.is_main and end > main]
        return f"{', '.join(later)} ended after main" if later else ""

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
                "begun=1",
                (
                    none_begins_late("Which method is called first when the block is left? Take a note in it."),
                    _is_refused_in_the_cleanup("The set is being left: take the note before anybody is cancelled."),
                    _main_waits("Call the method of `TaskSet` as well: it cancels, and waits."),
                    ends_with(-2, 130, hint="Let the cancellation go on: no error takes its place."),
                ),
                arguments=("5",),
            ),
            Run(
                "no signal",
                "",
                (
                    jobs_begin(1, "The set has been left, without any cancellation this time."),
                    _main_waits("What is started afterwards, nobody waits for. And job-1 is to be waited for."),
                    _is_refused_afterwards("It is `start` that has to look at the note, and to raise."),
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
            hints={0: "Does the first Ctrl-C still get through, while main waits for the jobs?"},
        ),
    ),
)
