"""The exercises of notebook 04, on manual tracking."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path
from signal import SIGALRM, SIGINT

from cancelkit.course.exercises import Exercise, Judge, Verdict
from cancelkit.course.promises import (
    cleanups_finish,
    ended_after_main,
    ends_with,
    jobs_begin,
    none_begins_late,
    who_begins_cleans_up,
)
from cancelkit.course.runs import Promise, Run, under_signals
from cancelkit.lab import Outcome, perform_all
from cancelkit.trace.states import State
from cancelkit.trace.timeline import Lane

_FOUR_JOBS = """\
import asyncio
import sys

from answer import one_by_one

from cancelkit.lab.workload import say

slots = asyncio.Semaphore(2)


async def job(name, steps):
    async with slots:
        say("begun", name)
        try:
            await asyncio.sleep(float(sys.argv[1]))
        finally:
            say("cleanup begun", name)
            for _ in range(steps):
                await asyncio.sleep(0.05)
            say("cleanup finished", name)


async def main():
    each = (("job-1", 2), ("job-2", 10), ("job-3", 2), ("job-4", 2))
    tasks = [asyncio.create_task(job(*words), name=words[0]) for words in each]
    try:
        await asyncio.wait(tasks)
    finally:
        await one_by_one(tasks)


asyncio.run(main())
"""
"""Four jobs, two at a time. The cleanup of the second takes more turns of the loop than leaving it after the first."""

_TWO_JOBS = """\
import asyncio
import contextlib
import signal
import sys

from answer import wait_for_all

from cancelkit.lab.workload import Desk, say


async def job(name, ends, may_clean_up):
    say("begun", name)
    desk = Desk(name)
    try:
        await desk.acquire()
        if not ends:
            await asyncio.Event().wait()
    finally:
        await may_clean_up.wait()
        await desk.tidy_up()


async def main():
    async with contextlib.AsyncExitStack() as stack:
        limits = [await stack.enter_async_context(asyncio.timeout(None)) for _ in range(4)]
        asyncio.get_running_loop().add_signal_handler(signal.SIGALRM, lambda: limits.pop().reschedule(0))
        now, later = asyncio.Event(), asyncio.Event()
        now.set()
        first = asyncio.create_task(job("job-1", "job-1-ends" in sys.argv, now), name="job-1")
        second = asyncio.create_task(job("job-2", False, later), name="job-2")
        first.add_done_callback(lambda _: later.set())
        try:
            await asyncio.wait([first, second], return_when=asyncio.FIRST_COMPLETED)
        finally:
            first.cancel()
            second.cancel()
            await wait_for_all([first, second])


asyncio.run(main())
"""
"""Two jobs within four time limits, of which one is over at each SIGALRM. The second cleans up after the first."""


def _requests(lane: Lane) -> int:
    """How often a task was asked to end."""
    return sum(mark.what == "cancel requested" for mark in lane.marks)


def _none_is_cancelled_twice(hint: str) -> Promise:
    """No task besides the main one is asked to end more than once."""

    def evidence(outcome: Outcome) -> str:
        lanes = outcome.timeline.lanes
        twice = [lane.name for lane in lanes if not lane.is_main and _requests(lane) > 1]
        return f"it happened to {', '.join(twice)}" if twice else ""

    return Promise("no job is asked twice to end", evidence, hint)


def _main_ends_last(hint: str) -> Promise:
    """Every task ends before the main one does."""

    def evidence(outcome: Outcome) -> str:
        later = ended_after_main(outcome)
        return f"{', '.join(later)} ended after main" if later else ""

    return Promise("main ends when all jobs have ended", evidence, hint)


def _jobs_end_as_cancelled(hint: str) -> Promise:
    """Each of the two jobs is asked to end, and ends as cancelled."""

    def evidence(outcome: Outcome) -> str:
        jobs = [lane for lane in outcome.timeline.lanes if lane.name in ("job-1", "job-2")]
        return ", ".join(f"{lane.name} {lane.end}" for lane in jobs if lane.end is not State.CANCELLED)

    return Promise("both jobs end as cancelled", evidence, hint)


def _jobs_end_after_their_cleanup(hint: str) -> Promise:
    """The task of a job has not ended before the cleanup has."""

    def evidence(outcome: Outcome) -> str:
        ends = {lane.name: lane.spans[-1].end for lane in outcome.timeline.lanes}
        jobs = [job for job in outcome.timeline.jobs if job.name in ends]
        early = [job.name for job in jobs if job.cleanup_finished is None or job.cleanup_finished > ends[job.name]]
        return f"{', '.join(early)} did not wait for it" if early else ""

    return Promise("no job has ended before its cleanup has", evidence, hint)


def _the_database_is_last(hint: str) -> Promise:
    """The database is tidied up when the cleanups of both jobs have finished."""

    def evidence(outcome: Outcome) -> str:
        times = {job.name: job for job in outcome.timeline.jobs}
        closed = times["database"].cleanup_begun if "database" in times else None
        if closed is None:
            return "nobody tidies it up"
        ends = {name: job.cleanup_finished for name, job in times.items() if name != "database"}
        late = [name for name, end in ends.items() if end is None or end > closed]
        return f"the cleanup of {' and '.join(late)} had not finished then" if late else ""

    return Promise("the database is tidied up last", evidence, hint)


_OF_FOUR_JOBS = (
    Run(
        "one Ctrl-C while two jobs work and two are queued",
        "active=2,queued=2",
        (
            none_begins_late("While it waits for one task, which of the others has not been cancelled yet?"),
            who_begins_cleans_up("Who waits for the jobs while they clean up?"),
            _none_is_cancelled_twice("A second request breaks into a cleanup that has begun: one is enough."),
            _main_ends_last("Awaiting a cancelled task raises its CancelledError. Who waits for the rest then?"),
            ends_with(-SIGINT, 130, hint="Let the cancellation go on to asyncio.run."),
        ),
        arguments=("60",),
    ),
    Run(
        "no signal",
        "",
        (
            jobs_begin(4, "All of the jobs are to run."),
            cleanups_finish(4, "Wait for all of them."),
            ends_with(0, hint="It is to end without an error."),
        ),
        arguments=("0.1",),
    ),
)

_HEARD = ends_with(-SIGINT, 130, hint="A cancellation that came while it waited is to be raised when all have ended.")

_OF_TWO_JOBS = (
    Run(
        "one Ctrl-C while both jobs work, and four time limits that are over one by one while they clean up",
        "holding=2 then cleanups=1,halfway=0 then cleanups=1,halfway=1 then cleanups=2,halfway=1 then halfway=2",
        (
            cleanups_finish(2, "What becomes of the tasks when the waiting is cancelled once more? And then?"),
            _none_is_cancelled_twice("Something hands a cancellation on. Which way of waiting does not?"),
            _HEARD,
        ),
        (SIGINT, SIGALRM),
    ),
    Run(
        "job-1 has ended by itself, and one Ctrl-C comes while main waits for the cleanup of job-2",
        "cleaned=1,halfway=2",
        (cleanups_finish(2, "Go on waiting when the waiting is cancelled."), _HEARD),
        arguments=("job-1-ends",),
    ),
    Run(
        "job-1 has ended by itself, and no signal comes",
        "",
        (
            cleanups_finish(2, "Wait until every task has ended."),
            ends_with(0, hint="Where nobody has cancelled the waiting, nothing is to be raised."),
        ),
        arguments=("job-1-ends",),
    ),
)


def _used_by(user: str, name: str, runs: Sequence[Run]) -> Judge:
    """A judge of a function that an answer defines: it runs a program that imports it."""

    def judge(program: Path) -> Iterator[Verdict]:
        if not any(getattr(node, "name", "") == name for node in ast.parse(program.read_bytes()).body):
            hint = "The answer is imported: it has to define that."
            yield Verdict("", "it can be used", f"there is no {name}", hint)
            return
        with_user = program.with_name("jobs.py")
        with_user.write_text(user, encoding="utf-8")
        outcomes = perform_all([run.experiment(with_user) for run in runs], may_miss=True)
        for run, outcome in zip(runs, outcomes, strict=True):
            if not outcome.hung and outcome.timeline.signals and outcome.cleanups_finished < outcome.jobs_begun:
                # A cleanup that was lost is why no other signal could be sent.
                for promise in run.promises:
                    yield Verdict(run.under, promise.what, promise.evidence(outcome), promise.hint)
            else:
                yield from run.verdicts(outcome, {})

    return judge


_SHIELD_HINT = "A shield keeps the cancellation out of the cleanup. Who goes on waiting for it?"
_LAST_HINT = "As long as a cleanup is not done, its job must not have ended: what does main take an ended job for?"
_IS_SHIELDED = (
    _jobs_end_after_their_cleanup(_SHIELD_HINT),
    _the_database_is_last(_LAST_HINT),
    _jobs_end_as_cancelled("When the cleanup is done, the cancellation is to go on."),
    ends_with(-SIGINT, 130, hint="Let the cancellation go on to asyncio.run."),
)

EXERCISES = (
    Exercise("04.1", _used_by(_FOUR_JOBS, "one_by_one", _OF_FOUR_JOBS)),
    Exercise(
        "04.2",
        under_signals(
            Run(
                "one Ctrl-C while both jobs are in their ordinary cleanup, halfway",
                "halfway=2",
                _IS_SHIELDED,
                arguments=("0.1",),
            ),
            Run(
                "one Ctrl-C while both jobs work",
                "holding=3",
                _IS_SHIELDED,
                arguments=("60",),
            ),
            Run(
                "no signal",
                "",
                (
                    _the_database_is_last("The jobs need it to the end."),
                    ends_with(0, hint="It is to end without an error."),
                ),
                arguments=("0.1",),
            ),
            hints={0: "A Ctrl-C is to get through to the work: it is only the cleanup that is to be protected."},
        ),
    ),
    Exercise("04.3", _used_by(_TWO_JOBS, "wait_for_all", _OF_TWO_JOBS)),
)
