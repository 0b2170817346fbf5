"""The four patterns and run_tasks: what all of them keep, and what each can and cannot, as its docstring says."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import cancelkit
from cancelkit.lab import Experiment, perform
from cancelkit.lab.moments import Moment
from cancelkit.patterns import handlers
from cancelkit.patterns.context_manager import TaskSet

pytestmark = pytest.mark.core

RunTasks = Callable[..., Coroutine[Any, Any, list[Any]]]
INT, TERM = signal.SIGINT, signal.SIGTERM
LEAVE_SIGNALS_TO_ASYNCIO = ["task_group", "tracking", "context_manager"]
IMPLEMENTATIONS: dict[str, RunTasks] = {
    name: import_module(f"cancelkit.patterns.{name}").run_tasks for name in [*LEAVE_SIGNALS_TO_ASYNCIO, "handlers"]
} | {"cancelkit": cancelkit.run_tasks}
every = pytest.mark.parametrize("run_tasks", IMPLEMENTATIONS.values(), ids=IMPLEMENTATIONS)
every_name = pytest.mark.parametrize("name", IMPLEMENTATIONS)


async def turns(count: int = 5) -> None:
    """Let the loop turn: enough for everything that happens without time passing."""
    for _ in range(count):
        await asyncio.sleep(0)


class Job:
    """Waits to be cancelled, then cleans up in thirty turns of the loop, and notes how far it comes."""

    def __init__(self, failure: str = "") -> None:
        self.life: list[str] = []
        self.failure = failure

    async def __call__(self) -> None:
        self.life.append("begun")
        try:
            await asyncio.Event().wait()
        finally:
            self.life.append("cleaning up")
            await turns(30)
            self.life.append("cleaned up")
            if self.failure:
                raise ValueError(self.failure)


NEVER_BEGUN: list[str] = []
INTERRUPTED = ["begun", "cleaning up"]
COMPLETE = ["begun", "cleaning up", "cleaned up"]


async def cancelled(run_tasks: RunTasks, jobs: Sequence[Job], times: int = 1) -> asyncio.Task[list[Any]]:
    """Run two of the jobs at a time, and cancel all of it as often as asked: first at work, then in cleanup."""
    batch = asyncio.create_task(run_tasks(jobs, 2))
    for _ in range(times):
        await turns()
        batch.cancel()
    await asyncio.wait([batch])
    return batch


@every
def test_never_more_jobs_than_the_limit_counting_those_that_clean_up(run_tasks: RunTasks) -> None:
    at_work, counts = [], []

    async def job() -> None:
        at_work.append(1)
        counts.append(len(at_work))
        try:
            await turns()
        finally:
            await turns()
            at_work.pop()

    asyncio.run(run_tasks([job] * 10, 3))
    assert (len(counts), max(counts)) == (10, 3)


@every
def test_results_are_in_the_order_of_the_jobs_whatever_the_order_of_their_ends(run_tasks: RunTasks) -> None:
    ended = []

    async def job(number: int) -> int:
        await turns(20 - number)
        ended.append(number)
        return number

    jobs = [lambda number=number: job(number) for number in range(4)]
    assert asyncio.run(run_tasks(jobs, 4)) == [0, 1, 2, 3]
    assert ended == [3, 2, 1, 0]
    assert asyncio.run(run_tasks([], 4)) == []


@every_name
def test_a_jobs_error_cancels_the_others_waits_for_their_cleanup_and_comes_out_in_a_group(name: str) -> None:
    async def fails() -> None:
        await turns()
        raise ValueError("of the job")

    working, queued = Job(), Job()
    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(IMPLEMENTATIONS[name]([working, fails, queued], 2))
    assert list(map(repr, caught.value.exceptions)) == ["ValueError('of the job')"]
    assert working.life == COMPLETE
    # A semaphore hands the slot of the job that failed to the next one before anybody learns of the error.
    assert queued.life == (NEVER_BEGUN if name == "cancelkit" else COMPLETE)


@every
def test_an_error_of_the_generator_of_jobs_leaves_no_task(run_tasks: RunTasks) -> None:
    def jobs() -> Iterator[Job]:
        yield Job()
        raise ValueError("of the generator")

    async def main() -> None:
        with pytest.raises((ValueError, ExceptionGroup)) as caught:
            await run_tasks(jobs(), 2)
        assert "of the generator" in repr(caught.value)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_a_task_sets_block_that_fails_comes_out_with_the_jobs_that_do() -> None:
    async def main() -> None:
        async with TaskSet(1) as tasks:
            tasks.start(Job("of the cleanup"))
            await turns()
            raise ValueError("of the block")

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(main())
    assert list(map(str, caught.value.exceptions)) == ["of the block", "of the cleanup"]


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize(
    ("name", "survived"),
    [("task_group", 3), ("tracking", 2), ("context_manager", 1), ("handlers", 1), ("cancelkit", 3)],
)
def test_cleanup_survives_so_many_cancellations(name: str, survived: int, times: int) -> None:
    jobs = [Job(), Job(), Job()]
    assert asyncio.run(cancelled(IMPLEMENTATIONS[name], jobs, times)).cancelled()
    begun = COMPLETE if times <= survived else INTERRUPTED
    assert [job.life for job in jobs] == [begun, begun, NEVER_BEGUN]


@every_name
def test_a_cleanup_that_fails_takes_the_place_of_a_cancellation_in_a_task_group_only(name: str) -> None:
    jobs = [Job("of the cleanup"), Job()]
    batch = asyncio.run(cancelled(IMPLEMENTATIONS[name], jobs))
    assert [job.life for job in jobs] == [COMPLETE, COMPLETE]
    assert batch.cancelled() == (name != "task_group")
    assert batch.cancelled() or isinstance(batch.exception(), ExceptionGroup)


@pytest.mark.parametrize(("asks_first", "signals"), [(False, 1), (False, 2), (True, 2), (True, 3)])
def test_handlers_with_an_event_ask_first_and_cancel_at_the_second_signal(asks_first: bool, signals: int) -> None:
    stopping = asyncio.Event()
    working, queued = Job(), Job()
    lives: list[list[str]] = []

    async def polite() -> None:
        await stopping.wait()

    async def send() -> None:
        for signum in [signal.SIGHUP, INT, TERM][:signals]:
            await turns()
            signal.raise_signal(signum)
            await turns()
            lives.append(list(working.life))

    async def main() -> None:
        sending = asyncio.create_task(send())
        try:
            await handlers.run_tasks(jobs, 2, stopping if asks_first else None)
        finally:
            await sending

    jobs: list[Callable[[], Coroutine[Any, Any, None]]] = [polite, working, queued]
    before = signal.getsignal(signal.SIGHUP)
    with pytest.raises(SystemExit) as caught:
        asyncio.run(main())
    assert caught.value.code == 128 + signal.SIGHUP
    assert signal.getsignal(signal.SIGHUP) == before
    assert (working.life, queued.life, stopping.is_set()) == (COMPLETE, NEVER_BEGUN, asks_first)
    assert lives[0] == (["begun"] if asks_first else INTERRUPTED)
    assert lives[1:] == [INTERRUPTED] * (signals - 1)


def test_handlers_leave_a_signal_that_was_ignored() -> None:
    async def main() -> None:
        async def ignored() -> None:
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            signal.raise_signal(signal.SIGHUP)
            await turns()

        await handlers.run_tasks([ignored], 1)

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        asyncio.run(main())
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@every
@pytest.mark.parametrize("times", [0, 1, 2])
def test_signal_handlers_are_restored_after_results_and_cancellations(run_tasks: RunTasks, times: int) -> None:
    async def main() -> None:
        before = signal.getsignal(INT), signal.getsignal(TERM)
        await (cancelled(run_tasks, [Job()], times) if times else run_tasks([turns], 1))
        assert (signal.getsignal(INT), signal.getsignal(TERM)) == before

    asyncio.run(main())


@pytest.mark.parametrize(
    ("name", "signals", "kept", "status"),
    [
        *((name, [INT], 2, -2) for name in IMPLEMENTATIONS),
        *((name, [INT, INT], 0, -2) for name in LEAVE_SIGNALS_TO_ASYNCIO),
        *((name, [TERM], 0, -15) for name in LEAVE_SIGNALS_TO_ASYNCIO),
        *((name, [INT, INT], 2, -2) for name in ("handlers", "cancelkit")),
        *((name, [INT, TERM, TERM], 2, -2) for name in ("handlers", "cancelkit")),
        *((name, [TERM], 2, 143) for name in ("handlers", "cancelkit")),
        *((name, [TERM, INT, INT], 2, 143) for name in ("handlers", "cancelkit")),
    ],
)
def test_so_many_cleanups_are_kept_when_signals_come(
    name: str, signals: list[signal.Signals], kept: int, status: int
) -> None:
    """Five jobs, two at a time: the first signal finds two at work, the others find both in their cleanup."""
    moments = map(Moment.parse, ("begun=2,cleanups=0", "begun=2,cleanups=2,halfway=0", "begun=2,halfway=2"))
    program = Path(__file__).with_name("programs") / "shutdown_jobs.py"
    outcome = perform(Experiment(program, list(zip(moments, signals, strict=False)), [name], deadline=100))
    assert (outcome.jobs_begun, outcome.cleanups_finished, outcome.returncode) == (2, kept, status)
    if kept:
        assert (outcome.stdout, outcome.leaks) == ("restored\n", ())
    if name == "cancelkit":
        assert outcome.stderr.count("still being cleaned up: job-1, job-2 (at most ") == len(signals) - 1
