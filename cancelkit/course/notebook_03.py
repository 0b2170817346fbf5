"""The exercises of notebook 03, on the task group."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cancelkit.course.contract import by_contract
from cancelkit.course.exercises import Exercise, Verdict
from cancelkit.course.prepared import in_the_part_in_which_it_begins
from cancelkit.course.promises import cleanups_finish, ends_with, jobs_begin, none_begins_late, prints
from cancelkit.course.runs import Run, under_signals

_THREE_JOBS = """\
import asyncio, runpy, sys, time
from cancelkit.lab.workload import say

_, answer, *part = sys.argv
run_tasks = runpy.run_path(answer)["run_tasks"]

async def ends_at_once():
    say("begun", "job-1")

async def computes(main):
    say("begun", "job-2")
    for number in range(1, 10):
        print("part", number, flush=True)
        while [str(number)] == part and not main.cancelling():
            time.sleep(0.01)
        await asyncio.sleep(0)

async def waits_for_a_place():
    say("begun", "job-3")

async def main():
    task = asyncio.current_task()
    await run_tasks([ends_at_once, lambda: computes(task), waits_for_a_place], 2)

asyncio.run(main())
"""
"""Of which the third gets the place of the first while the second one computes."""

_ALL_RESULTS = str([f"result of job-{number}" for number in range(1, 8)])

_ASK_MAIN = (
    "The task that waits in the group knows at once that it was asked to end: `task.cancelling()` says how often. "
    "Can `in_a_slot` ask it?"
)

_keeps_promises = by_contract(
    {
        "limit": "Keep the semaphore: each job holds a place from its first step to its last.",
        "no-late-start": _ASK_MAIN,
        "results": "Return the result of every task, in the order of `tasks`.",
    }
)

_begins_in_time = in_the_part_in_which_it_begins(
    "job-3",
    (jobs_begin(3, "All of the jobs are to run."), ends_with(0, hint="It is to end without an error.")),
    (none_begins_late(f"To let some time go by is no help: the signal can come right after that. {_ASK_MAIN}"),),
    _THREE_JOBS,
)


def _no_late_start(program: Path) -> Iterator[Verdict]:
    """The promises first; whoever keeps them may still only have moved the moment."""
    verdicts = [*_keeps_promises(program)]
    yield from verdicts
    if all(verdict.is_kept for verdict in verdicts):
        yield from _begins_in_time(program)


EXERCISES = (
    Exercise(
        "03.1",
        under_signals(
            Run(
                "one Ctrl-C while two jobs work and three are queued",
                "holding=4",
                (
                    jobs_begin(4, "There are seven jobs, two at a time: keep the semaphore, and cancel nobody early."),
                    cleanups_finish(4, "Which child ends first, and what does a gather do when that child raises?"),
                    none_begins_late("A job that gets its place after the signal must not run."),
                    ends_with(-2, 130, hint="Who swallows the cancellation? Let it go on to asyncio.run."),
                ),
            ),
            Run(
                "no signal",
                "",
                (
                    jobs_begin(7, "All of the jobs are to run."),
                    cleanups_finish(7, "Wait for all of them."),
                    prints(_ALL_RESULTS, "The results are to be printed as before, in the order of the jobs."),
                    ends_with(0, hint="It is to end without an error."),
                ),
            ),
        ),
    ),
    Exercise("03.2", _no_late_start),
)
