"""TaskSet on its own: whatever ends its block, all jobs have ended when it is left, and the right thing comes out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from signal import SIGINT, SIGTERM
from typing import Any

import pytest

from cancelkit.lab import Experiment, Outcome, active, begun, created, halfway, perform, queued, signals_at
from cancelkit.lab.moments import Moment, Moments
from cancelkit.patterns.context_manager import TaskSet

pytestmark = pytest.mark.core

PROGRAM = Path(__file__).with_name("programs") / "task_set.py"
NEVER_BEGUN: list[str] = []
INTERRUPTED = ["begun", "cleaning up"]
COMPLETE = ["begun", "cleaning up", "cleaned up"]


async def turns(count: int = 5) -> None:
    """Let the loop turn: enough for everything that happens without time passing."""
    for _ in range(count):
        await asyncio.sleep(0)


class Job:
    """Works for so many turns of the loop, or for ever; cleans up in thirty, and notes how far it comes."""

    def __init__(self, work: int | None = None, failure: str = "", failing_cleanup: str = "") -> None:
        self.life: list[str] = []
        self._work = work
        self._failure = failure
        self._failing_cleanup = failing_cleanup

    async def __call__(self) -> str:
        self.life.append("begun")
        try:
            await (asyncio.Event().wait() if self._work is None else turns(self._work))
            if self._failure:
                raise ValueError(self._failure)
            return "result"
        finally:
            self.life.append("cleaning up")
            await turns(30)
            if self._failing_cleanup:
                raise ValueError(self._failing_cleanup)
            self.life.append("cleaned up")


async def nothing() -> None:
    """A block that comes to its end at once."""


Block = Callable[[], Coroutine[Any, Any, None]]


def left(
    jobs: list[Job], block: Block = nothing, cancel: int = 0
) -> tuple[BaseException | None, list[asyncio.Task[str]]]:
    """Start the jobs, two at a time, have the block do something, and cancel its task so many times, turns apart.

    What came out of the block, and the tasks of the jobs, all of which have ended.
    """

    async def user(started: list[asyncio.Task[str]]) -> None:
        async with TaskSet(2) as tasks:
            started += map(tasks.start, jobs)
            await block()

    async def main() -> tuple[BaseException | None, list[asyncio.Task[str]]]:
        started: list[asyncio.Task[str]] = []
        task = asyncio.create_task(user(started))
        for _ in range(cancel):
            await turns(10)
            task.cancel()
        came_out: BaseException | None = None
        try:
            await task
        except BaseException as error:
            came_out = error
        assert all(task.done() for task in started)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return came_out, started

    return asyncio.run(main())


def errors(came_out: BaseException | None) -> list[str]:
    assert isinstance(came_out, ExceptionGroup)
    assert came_out.message == "jobs failed"
    return [str(error) for error in came_out.exceptions]


# Success.


def test_success_waits_for_every_job_and_leaves_the_results_in_the_tasks() -> None:
    jobs = [Job(work) for work in (9, 1, 5, 0)]
    came_out, started = left(jobs)
    assert came_out is None
    assert [task.result() for task in started] == ["result"] * 4
    assert [task.get_name() for task in started] == ["job-1", "job-2", "job-3", "job-4"]
    assert [job.life for job in jobs] == [COMPLETE] * 4


def test_without_a_job_the_block_is_left_at_once() -> None:
    assert left([]) == (None, [])


def test_no_more_jobs_than_the_limit_from_the_first_step_to_the_end_of_cleanup() -> None:
    at_work, most = 0, []

    async def job() -> None:
        nonlocal at_work
        at_work += 1
        most.append(at_work)
        try:
            await turns()
        finally:
            await turns()
            at_work -= 1

    async def main() -> None:
        async with TaskSet(3) as tasks:
            for _ in range(10):
                tasks.start(job)

    asyncio.run(main())
    assert (len(most), max(most)) == (10, 3)


@pytest.mark.parametrize("generations", [1, 3])
def test_jobs_that_jobs_start_are_waited_for(generations: int) -> None:
    complete: list[int] = []

    async def main() -> None:
        async def job(generation: int) -> None:
            await turns()
            if generation < generations:
                tasks.start(lambda: job(generation + 1))
            await turns(generation)
            complete.append(generation)

        async with TaskSet(3) as tasks:
            tasks.start(lambda: job(0))
            tasks.start(lambda: turns(1))
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    assert complete == list(range(generations + 1))


def test_a_failure_ends_jobs_that_jobs_started() -> None:
    async def main() -> None:
        async def failing() -> None:
            await turns()
            started.append(tasks.start(asyncio.Event().wait))
            await turns()
            raise ValueError("broken")

        async with TaskSet(3) as tasks:
            tasks.start(failing)
            await nothing()

    started: list[asyncio.Task[object]] = []
    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(asyncio.wait_for(main(), 60))
    assert errors(caught.value) == ["broken"]
    assert started[0].cancelled()


def test_jobs_work_while_the_block_does() -> None:
    done: list[str] = []

    async def job() -> None:
        done.append("job")

    async def main() -> None:
        async with TaskSet(1) as tasks:
            tasks.start(job)
            await turns()
            done.append("block")

    asyncio.run(main())
    assert done == ["job", "block"]


# An error.


def test_an_error_in_the_block_cancels_every_job_and_waits_for_their_cleanup() -> None:
    async def fails() -> None:
        await turns()
        raise LookupError("of the block")

    jobs = [Job(), Job(), Job()]
    came_out, started = left(jobs, fails)
    assert errors(came_out) == ["of the block"]
    assert [job.life for job in jobs] == [COMPLETE, COMPLETE, NEVER_BEGUN]
    assert all(task.cancelled() for task in started)


def test_an_error_in_a_job_cancels_the_others_and_waits_for_their_cleanup() -> None:
    jobs = [Job(), Job(5, "of the job")]
    came_out, started = left(jobs)
    assert errors(came_out) == ["of the job"]
    assert [job.life for job in jobs] == [COMPLETE, COMPLETE]
    assert [task.cancelled() for task in started] == [True, False]


def test_an_error_in_a_job_does_not_interrupt_the_block() -> None:
    failing, long, went_on = Job(0, "of the job"), Job(), []

    async def block() -> None:
        await turns(100)
        went_on.append(long.life.copy())

    came_out, _ = left([failing, long], block)
    assert went_on == [["begun"]]
    assert errors(came_out) == ["of the job"]


def test_errors_come_out_together_that_of_the_block_first() -> None:
    async def fails() -> None:
        await turns(50)
        raise LookupError("of the block")

    jobs = [Job(failing_cleanup="of the cleanup"), Job(0, "of the job")]
    assert errors(left(jobs, fails)[0]) == ["of the block", "of the cleanup", "of the job"]


def test_what_is_no_exception_comes_out_as_it_is_after_the_cleanup() -> None:
    class Fatal(BaseException):
        pass

    async def fails() -> None:
        await turns()
        raise Fatal

    jobs = [Job(failing_cleanup="of the cleanup"), Job()]
    came_out, _ = left(jobs, fails)
    assert type(came_out) is Fatal
    assert [job.life for job in jobs] == [INTERRUPTED, COMPLETE]


# A cancellation.


async def for_ever() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("block", [for_ever, nothing], ids=["in the block", "at its end"])
def test_a_cancellation_comes_out_when_every_job_has_cleaned_up(block: Block) -> None:
    jobs = [Job(), Job(), Job()]
    came_out, started = left(jobs, block, cancel=1)
    assert type(came_out) is asyncio.CancelledError
    assert [job.life for job in jobs] == [COMPLETE, COMPLETE, NEVER_BEGUN]
    assert all(task.cancelled() for task in started)


@pytest.mark.parametrize("block", [for_ever, nothing], ids=["in the block", "at its end"])
def test_no_error_takes_the_place_of_a_cancellation(block: Block) -> None:
    jobs = [Job(failing_cleanup="of a cleanup"), Job()]
    came_out, started = left(jobs, block, cancel=1)
    assert type(came_out) is asyncio.CancelledError
    assert str(started[0].exception()) == "of a cleanup"


@pytest.mark.parametrize("block", [for_ever, nothing], ids=["in the block", "at its end"])
def test_a_second_cancellation_interrupts_the_cleanup(block: Block) -> None:
    jobs = [Job(), Job()]
    came_out, _ = left(jobs, block, cancel=2)
    assert type(came_out) is asyncio.CancelledError
    assert [job.life for job in jobs] == [INTERRUPTED, INTERRUPTED]


def test_a_job_that_somebody_else_cancels_ends_alone() -> None:
    other = Job(20)

    async def main() -> list[bool]:
        async with TaskSet(2) as tasks:
            started = [tasks.start(Job()), tasks.start(other)]
            await turns()
            started[0].cancel()
        return [task.cancelled() for task in started]

    assert asyncio.run(main()) == [True, False]
    assert other.life == COMPLETE


# One in another.


def test_the_inner_one_has_ended_before_the_outer_one_begins_to() -> None:
    outer_job, inner_job = Job(), Job()
    order: list[tuple[list[str], list[str]]] = []

    async def block() -> None:
        async with TaskSet(1) as inner:
            inner.start(inner_job)
            await for_ever()

    async def main() -> None:
        async with TaskSet(1) as outer:
            outer.start(outer_job)
            try:
                await block()
            finally:
                order.append((outer_job.life.copy(), inner_job.life.copy()))

    async def cancelled() -> None:
        task = asyncio.create_task(main())
        await turns()
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(cancelled())
    assert order == [(["begun"], COMPLETE)]
    assert outer_job.life == COMPLETE


# Signals.


def interrupt(when: Moment | Moments, *arguments: str, signum: Any = SIGINT) -> Outcome:
    return perform(Experiment(PROGRAM, signals_at(when, [signum]), arguments, deadline=100))


AT_WORK = active(2) & queued(1)
WHERE = pytest.mark.parametrize("where", ["in the block", "at its end"])


@WHERE
def test_a_signal_takes_the_same_way_out(where: str) -> None:
    outcome = interrupt(AT_WORK, where)
    assert outcome.stdout.splitlines()[-1] == "out of the block: CancelledError; ended: True True True"
    assert (outcome.jobs_begun, outcome.cleanups_finished, outcome.returncode) == (2, 2, -SIGINT)
    assert outcome.clean


@WHERE
def test_a_signal_before_the_first_job_begins(where: str) -> None:
    outcome = interrupt(created(3), where)
    assert outcome.stdout.splitlines()[-1] == "out of the block: CancelledError; ended: True True True"
    assert outcome.returncode == -SIGINT


@WHERE
def test_a_second_signal_breaks_out_of_the_loop_and_the_cleanup_is_lost(where: str) -> None:
    outcome = interrupt(AT_WORK.then(halfway(2)), where)
    assert (outcome.jobs_begun, outcome.cleanups_finished, outcome.returncode) == (2, 0, -SIGINT)


@WHERE
def test_sigterm_is_not_heard(where: str) -> None:
    outcome = interrupt(AT_WORK, where, signum=SIGTERM)
    assert (outcome.jobs_begun, outcome.cleanups_finished, outcome.returncode) == (2, 0, -SIGTERM)
    assert "out of the block" not in outcome.stdout


def test_of_an_error_before_the_signal_nobody_is_told() -> None:
    outcome = interrupt(active(2) & begun(2), "in the block", "and a job fails")
    assert outcome.stdout.splitlines()[-1] == "out of the block: CancelledError; ended: True True True"
    assert (outcome.cleanups_finished, outcome.returncode) == (2, -SIGINT)
    assert "ValueError" not in outcome.stderr
