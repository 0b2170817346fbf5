"""The exercises of notebook 03, on the task group."""

from __future__ import annotations

from cancelkit.course.contract import by_contract
from cancelkit.course.exercises import Exercise
from cancelkit.course.promises import cleanups_finish, ends_with, jobs_begin, none_begins_late
from cancelkit.course.runs import Run, under_signals

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
                    ends_with(0, hint="It is to end without an error."),
                ),
            ),
        ),
    ),
    Exercise(
        "03.2",
        by_contract(
            {
                "limit": "Keep the semaphore: each job holds a place from its first step to its last.",
                "no-late-start": "The task that waits in the group knows at once that it was asked to end: "
                "`task.cancelling()` says how often. Can `in_a_slot` ask it?",
                "results": "Return the result of every task, in the order of `tasks`.",
            }
        ),
    ),
)
