"""run, run_tasks and finish: what test_patterns.py, which compares run_tasks with the patterns, leaves to be said."""

import asyncio
import contextlib
import faulthandler
import gc
import inspect
import signal
import sys
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from contextvars import ContextVar, Token
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from test_patterns import COMPLETE, NEVER_BEGUN, Job, cancelled, turns

from cancelkit import finish, run, run_tasks
from cancelkit.lab import Experiment, Outcome, perform
from cancelkit.lab.moments import Moment

pytestmark = pytest.mark.core

Coro = Coroutine[Any, Any, None]
NEEDS_EAGER_TASKS = pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
PROGRAMS = Path(__file__).with_name("programs")


async def fail(text: str) -> None:
    await asyncio.sleep(0)
    raise ValueError(text)


def complaints() -> list[str]:
    """What the running loop's exception handler is told from now on, and not because nobody else was."""
    told: list[str] = []

    def handle(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if "never retrieved" not in context["message"]:
            told.append(repr(context["exception"]))

    asyncio.get_running_loop().set_exception_handler(handle)
    return told


def test_run_returns_the_result_and_leaves_nothing_behind() -> None:
    def state() -> list[Any]:
        wakeup = signal.set_wakeup_fd(-1)
        signal.set_wakeup_fd(wakeup)
        descriptors = [*Path("/dev/fd").iterdir()]
        return [*map(signal.getsignal, signal.valid_signals()), wakeup, threading.active_count(), len(descriptors)]

    async def main() -> asyncio.AbstractEventLoop:
        await asyncio.to_thread(int)
        return asyncio.get_running_loop()

    before = state()
    assert run(main()).is_closed()
    with pytest.raises(ValueError, match="of main"):
        run(fail("of main"))
    assert state() == before


@pytest.mark.parametrize("signals", [[signal.SIGTERM], [signal.SIGTERM, signal.SIGKILL]])
def test_run_that_cannot_begin_closes_main_and_restores_the_handlers(signals: list[signal.Signals]) -> None:
    def no_loop() -> asyncio.AbstractEventLoop:
        raise OSError("no loop")

    main, before = fail(""), signal.getsignal(signal.SIGTERM)
    with pytest.raises(OSError, match=r"no loop|Invalid argument"):
        run(main, signals=signals, loop_factory=no_loop)
    assert inspect.getcoroutinestate(main) == inspect.CORO_CLOSED
    assert signal.getsignal(signal.SIGTERM) == before


def test_run_refuses_what_is_no_coroutine_a_running_loop_and_another_thread() -> None:
    def refuse(match: str) -> None:
        main = fail("")
        with pytest.raises(RuntimeError, match=match):
            run(main)
        assert inspect.getcoroutinestate(main) == inspect.CORO_CLOSED

    async def in_a_running_loop() -> None:
        refuse("await main\\(\\) there instead")
        await asyncio.to_thread(refuse, "only handles signals in the main thread; use asyncio.run")

    asyncio.run(in_a_running_loop())
    with pytest.raises(TypeError, match=r"run\(main\(\)\), with the parentheses"):
        run(fail)  # type: ignore[arg-type]


def test_errors_are_freed_without_the_garbage_collector() -> None:
    class Error(Exception):
        pass

    async def raises() -> None:
        errors.append(weakref.ref(error := Error()))
        try:
            raise error
        finally:
            del error

    async def in_a_task_that_ends_with_it() -> None:
        owner = asyncio.create_task(run_tasks([raises], 1))
        await asyncio.wait([owner])
        assert owner.exception() is not None

    async def main() -> None:
        for attempt in (finish(raises()), run_tasks([raises], 1), in_a_task_that_ends_with_it()):
            with contextlib.suppress(Error, ExceptionGroup):
                await attempt
            await turns()
        assert [error() for error in errors] == [None, None, None]

    errors: list[weakref.ref[Error]] = []
    gc.disable()
    try:
        asyncio.run(main())
    finally:
        gc.enable()


def test_tasks_that_main_left_complete_their_cleanup_with_the_tasks_it_needs_and_are_reported_if_they_fail() -> None:
    async def needs(*others: Callable[[], Coro]) -> None:
        await asyncio.gather(*(other() for other in others))
        said.append("complete")

    async def cleans_up() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await needs(turns, partial(turns, 30))

    async def main() -> AsyncIterator[None]:
        for job in (finish(needs(partial(turns, 30))), cleans_up(), Job("left")()):
            tasks.append(asyncio.create_task(job))
        await turns()
        told.append(complaints())
        generator = closes()
        await anext(generator)
        return generator

    async def closes() -> AsyncIterator[None]:
        try:
            yield
        finally:
            await turns()
            said.append("generator closed")

    said: list[str] = []
    told: list[list[str]] = []
    tasks: list[asyncio.Task[None]] = []
    run(main())
    assert said == ["complete", "complete", "generator closed"]
    assert told == [["ValueError('left')"]]


@pytest.mark.parametrize("error", [SystemExit(3), BaseException("no Exception")])
def test_what_is_no_exception_cancels_the_other_jobs_and_comes_out_as_it_is(error: BaseException) -> None:
    async def leaves() -> None:
        raise error

    job = Job()
    jobs: list[Callable[[], Coro]] = [job, leaves]
    with pytest.raises(type(error)) as caught:
        run(run_tasks(jobs, 2))
    assert (caught.value, job.life) == (error, COMPLETE)


def outcome_of(program: str, *moments: str) -> Outcome:
    """Run a function of a program, which sends signals to itself, or is sent SIGINT at each of the moments."""
    file, _, name = program.partition(" ")
    signals = [(Moment.parse(moment), signal.SIGINT) for moment in moments]
    return perform(Experiment(PROGRAMS / f"shutdown_{file}.py", signals, [name], deadline=100))


AGAIN, INTERRUPT = "part of a cleanup\n", "KeyboardInterrupt"
CASES: dict[str, tuple[str, list[str], int, str, str]] = {
    "before main's first step: nothing begins": ("early before_start", [], 0, "", INTERRUPT),
    "while a job is read: it never begins": ("early 1", [], 0, "the generator was closed\n", INTERRUPT),
    "while a job is read: it is the last": ("early 2", [], 0, "the generator was closed\n", INTERRUPT),
    "in the closing": ("closing left", ["cleanups=1", "halfway=1"], 1, "", "cleaned up: job (as long as it takes"),
    "the closing cancels nobody again": ("closing gathered", ["begun=2"], 2, "", INTERRUPT),
    "while the loop is closed": ("closing at_the_close", [], 0, "", INTERRUPT),
    "main returns": ("answers swallows", [], 0, "swallowed\n", INTERRUPT),
    "main fails: reported": ("answers fails", [], 0, "", "ValueError: of the interrupt"),
    "a hundred at once": ("answers many_at_once", [], 0, "cancelled 1 times\n", "cleaned up: main (at most"),
    "jobs after it: only in finish": ("answers starts_more", [], 0, "refused\n" + AGAIN * 2, INTERRUPT),
    "no results that are not complete": ("answers is_not_told", [], 0, "cancelled\n", INTERRUPT),
    "in another thread: wakes the loop": ("elsewhere in_a_thread", [], 0, "", INTERRUPT),
}


@pytest.mark.parametrize(("program", "moments", "cleanups", "stdout", "stderr"), CASES.values(), ids=CASES)
def test_whenever_a_signal_comes_and_whatever_main_does_the_status_is_the_signals(
    program: str, moments: list[str], cleanups: int, stdout: str, stderr: str
) -> None:
    outcome = outcome_of(program, *moments)
    assert (outcome.stdout, outcome.cleanups_finished, outcome.returncode) == (stdout, cleanups, -signal.SIGINT)
    assert stderr in outcome.stderr
    assert "RuntimeError" not in outcome.stderr
    assert outcome.leaks == ()


@pytest.mark.parametrize(("stuck", "name"), [("job", "job-1"), ("main", "main")])
def test_what_will_not_end_is_named_with_where_it_is_stuck_and_left(stuck: str, name: str) -> None:
    outcome = outcome_of(f"stubborn {stuck}")
    assert (outcome.returncode, outcome.hung) == (-signal.SIGINT, False)
    assert "RuntimeError" not in outcome.stderr
    told = outcome.stderr.partition(f"gave up waiting for {name}, ")[2].partition("gave up")[0]
    assert "await asyncio.Event().wait()  # stuck here" in told


def test_a_loop_that_is_blocked_is_ended_with_where_it_is() -> None:
    outcome = outcome_of("stubborn blocked")
    assert (outcome.returncode, outcome.hung) == (1, False)
    lines = (PROGRAMS / "shutdown_stubborn.py").read_text().splitlines()
    place = next(number for number, line in enumerate(lines, 1) if "blocks here" in line)
    assert f'shutdown_stubborn.py", line {place} in block' in outcome.stderr


@pytest.mark.parametrize(
    ("grace", "signals", "expected"),
    [(10.0, 2, [("later", 12.0), ("called off",)]), (10.0, 0, []), (None, 2, [])],
)
def test_the_last_resort_is_prepared_at_the_first_signal_and_called_off_at_the_end(
    grace: float | None, signals: int, expected: list[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[object, ...]] = []

    def later(seconds: float, **options: bool) -> None:
        assert options == {"exit": True}
        calls.append(("later", seconds))

    monkeypatch.setattr(faulthandler, "dump_traceback_later", later)
    monkeypatch.setattr(faulthandler, "cancel_dump_traceback_later", lambda: calls.append(("called off",)))

    async def main() -> None:
        for _ in range(signals):
            signal.raise_signal(signal.SIGINT)
        await asyncio.sleep(0)

    with contextlib.suppress(KeyboardInterrupt):
        run(main(), grace=grace)
    assert calls == expected


def test_a_signal_that_was_ignored_stays_ignored() -> None:
    outcome = outcome_of("answers is_ignored")
    assert (outcome.stdout, outcome.stderr, outcome.returncode) == ("SIGINT was ignored\nTrue\n", "", 143)


def test_sigterm_lets_the_program_end_in_order() -> None:
    outcome = outcome_of("answers is_terminated")
    assert (outcome.stdout, outcome.stderr, outcome.returncode) == ("finally\natexit\n", "", 143)


def test_sigterm_ends_a_forked_process_as_ever() -> None:
    outcome = outcome_of("elsewhere in_a_fork")
    assert (outcome.stdout, outcome.stderr, outcome.returncode) == ("the child ended with -15\n", "", 0)


@pytest.mark.parametrize("limit", [0, -1, 2.5, float("nan"), None, "2"])
def test_run_tasks_refuses_a_limit_that_is_no_whole_number_above_0(limit: Any) -> None:
    with pytest.raises(ValueError, match=f"max_concurrent is {limit!r}; it must be a whole number of 1 or more"):
        asyncio.run(run_tasks([], limit))


def test_run_tasks_refuses_coroutine_objects_and_closes_all_of_them() -> None:
    wrong: list[Any] = [fail(""), fail("")]
    with pytest.raises(TypeError, match=r"job number 1 is <coroutine .* the coroutine function itself"):
        asyncio.run(run_tasks([turns, *wrong], 0))
    assert [*map(inspect.getcoroutinestate, wrong)] == [inspect.CORO_CLOSED] * 2
    not_even_a_list: Any = turns()
    with pytest.raises(TypeError, match=r"tasks is <coroutine .*; give run_tasks a list or a generator of jobs"):
        asyncio.run(run_tasks(not_even_a_list, 1))


def test_run_tasks_reads_a_generator_only_as_slots_get_free_and_closes_it() -> None:
    ahead, ended = [], []

    async def job() -> None:
        await turns()
        ended.append(1)
        if len(ended) == 7:
            raise ValueError

    def jobs() -> Generator[Callable[[], Coro], None, None]:
        for read in range(1, 100):
            ahead.append(read - len(ended))
            yield job

    generator = jobs()
    with pytest.raises(ExceptionGroup):
        asyncio.run(run_tasks(generator, 3))
    assert max(ahead) == 3
    assert inspect.getgeneratorstate(generator) == inspect.GEN_CLOSED


@pytest.mark.parametrize("read_before", [1, 2])
def test_jobs_that_have_tasks_do_not_begin_if_the_owner_is_cancelled_before_their_first_step(
    read_before: int,
) -> None:
    """As Ctrl-C does under asyncio.run, which nobody but the owner hears of."""
    three = [Job(), Job(), Job()]

    def jobs() -> Generator[Job, None, None]:
        for number, job in enumerate(three, 1):
            yield job
            if number == read_before:
                owners[0].cancel()

    async def main() -> None:
        owners.append(asyncio.create_task(run_tasks(jobs(), 3)))
        await asyncio.wait(owners)

    owners: list[asyncio.Task[list[None]]] = []
    asyncio.run(main())
    assert owners[0].cancelled()
    assert [job.life for job in three] == [NEVER_BEGUN] * 3


def test_jobs_are_run_in_the_cleanup_of_a_task_that_was_cancelled_before() -> None:
    async def job() -> int:
        await asyncio.sleep(0)
        return 1

    async def main() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.extend(await run_tasks([job, job, job], 2))

    async def cancel() -> None:
        task = asyncio.create_task(main())
        await turns()
        task.cancel()
        await asyncio.wait([task])

    cleaned: list[int] = []
    asyncio.run(cancel())
    assert cleaned == [1, 1, 1]


@pytest.mark.parametrize(("times", "reported"), [(0, ["ValueError"]), (3, ["TypeError", "ValueError"])])
def test_a_wrong_job_from_a_generator_cancels_the_others(times: int, reported: list[str]) -> None:
    async def main() -> list[str]:
        told = complaints()
        working, wrong = Job("cleanup"), fail("")
        jobs: Any = iter([partial(asyncio.sleep, 0), working, wrong])
        batch = await cancelled(run_tasks, jobs, times)
        assert (working.life, inspect.getcoroutinestate(wrong)) == (COMPLETE, inspect.CORO_CLOSED)
        assert batch.cancelled() or "job number 2 is <coroutine" in str(batch.exception())
        return [message.partition("(")[0] for message in told]

    assert asyncio.run(main()) == reported


@pytest.mark.parametrize("eager", [False, pytest.param(True, marks=NEEDS_EAGER_TASKS)])
def test_jobs_have_tasks_and_contexts_of_their_own(eager: bool) -> None:
    async def job() -> object:
        return asyncio.current_task(), variable.set("changed").old_value

    async def main() -> list[Any]:
        if eager:
            asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined]
        return await run_tasks([job] * 5, 2)

    variable: ContextVar[str] = ContextVar("variable")
    tasks, values = zip(*run(main()), strict=True)
    assert (len(set(tasks)), values) == (5, (Token.MISSING,) * 5)


def test_run_tasks_is_cancelled_by_a_job_that_somebody_else_cancelled() -> None:
    async def job() -> None:
        raise asyncio.CancelledError

    working, queued = Job(), Job()
    jobs: list[Callable[[], Coro]] = [working, job, queued]
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(run_tasks(jobs, 2))
    assert (working.life, queued.life) == (COMPLETE, NEVER_BEGUN)


def test_finish_hands_on_result_and_error() -> None:
    assert asyncio.run(finish(asyncio.sleep(0, "result"))) == "result"
    with pytest.raises(ValueError, match="of the cleanup"):
        asyncio.run(finish(fail("of the cleanup")))


@pytest.mark.parametrize("failure", [[], ["cleanup"]])
def test_finish_outlives_cancellations_due_or_to_come_which_then_go_on(failure: list[str]) -> None:
    async def clean_up() -> None:
        await turns(30)
        said.append("cleaned up")
        for text in failure:
            raise ValueError(text)

    async def main() -> list[str]:
        told = complaints()
        task = asyncio.create_task(cancels_itself())
        for _ in range(3):
            await turns()
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return told

    async def cancels_itself() -> None:
        asyncio.current_task().cancel()  # type: ignore[union-attr]
        await finish(clean_up())

    said: list[str] = []
    assert asyncio.run(main()) == [f"ValueError({text!r})" for text in failure]
    assert said == ["cleaned up"]
