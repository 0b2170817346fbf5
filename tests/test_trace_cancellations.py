"""Cancellations, signals and complaints: who asked, what reached the task, how it took that, and what was left over."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import threading
import warnings
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from cancelkit.trace import recording
from cancelkit.trace.in_process import Recording
from cancelkit.trace.timeline import Lane

pytestmark = pytest.mark.core

Main = Callable[[], Coroutine[Any, Any, None]]


def recorded(main: Main) -> Recording:
    """The recording of a program that may end in any way."""
    with recording() as run, contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError, SystemExit):
        asyncio.run(main())
    return run


def lane(run: Recording, name: str) -> Lane:
    (found,) = (lane for lane in run.timeline.lanes if lane.name == name)
    return found


async def job() -> None:
    await asyncio.Event().wait()


async def swallows() -> None:
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


async def answers() -> None:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        raise OSError("something else") from None


async def cleans_up() -> None:
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)
        await asyncio.sleep(0)


def requests(run: Recording, name: str) -> list[str]:
    """Who asked for a task to be cancelled, in words without the file."""
    marks = [mark.more for mark in lane(run, name).marks if mark.what == "cancel requested"]
    return [more.replace(__file__, "FILE") for more in marks]


def line_of(function: Callable[..., Any], offset: int) -> int:
    return function.__code__.co_firstlineno + offset


def test_a_task_asks() -> None:
    async def main() -> None:
        task = asyncio.create_task(job(), name="job")
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    assert requests(recorded(main), "job") == [f"by main at FILE:{line_of(main, 3)}"]


def test_a_task_hands_its_own_on() -> None:
    async def waits(task: asyncio.Task[None]) -> None:
        await task

    async def main() -> None:
        task = asyncio.create_task(job(), name="job")
        waiter = asyncio.create_task(waits(task), name="waiter")
        await asyncio.sleep(0)
        waiter.cancel()
        await asyncio.wait([waiter])

    run = recorded(main)
    at = f"FILE:{line_of(main, 4)}"
    assert requests(run, "waiter") == [f"by main at {at}"]
    assert requests(run, "job") == [f"by waiter, which was asked itself and awaits it at {at}"]


def test_a_timeout_asks_and_takes_back() -> None:
    async def main() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.001):
                await job()

    run = recorded(main)
    assert requests(run, "main") == ["by the callback Timeout._on_timeout"]
    assert lane(run, "main").remarks == ()


def test_the_handler_of_a_runner_asks() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGINT)
        await job()

    run = recorded(main)
    (request,) = requests(run, "main")
    assert request.startswith("by the handler of SIGINT")
    assert [str(mark) for mark in run.timeline.signals] == ["signal 1: SIGINT, landed on no tasks"]


def test_a_handler_of_the_loop_asks() -> None:
    async def main() -> None:
        task = asyncio.create_task(job(), name="job")
        await asyncio.sleep(0)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait([task])

    run = recorded(main)
    assert requests(run, "job") == ["by the handler of SIGTERM"]
    assert [mark.name for mark in run.timeline.signals] == ["SIGTERM"]
    handlers = [mark.more for mark in run.timeline.marks if mark.what == "handler" and "SIGTERM" in mark.more]
    assert handlers[0] == "SIGTERM from default to Task.cancel"


def test_the_closing_loop_asks() -> None:
    async def main() -> None:
        asyncio.create_task(cleans_up(), name="left over")  # noqa: RUF006
        await asyncio.sleep(0)

    run = recorded(main)
    (request,) = requests(run, "left over")
    assert request.startswith("by the closing loop")
    kinds = [event.kind for event in run.record.events if event.kind in ("closing", "closed", "cancel requested")]
    assert kinds == ["closing", "cancel requested", "closed"]


def test_another_thread_asks() -> None:
    async def main() -> None:
        task = asyncio.create_task(job(), name="job")
        loop = asyncio.get_running_loop()

        def ask() -> None:
            task.cancel()  # which is wrong, and happens
            loop.call_soon_threadsafe(int)

        thread = threading.Thread(target=ask, name="another")
        await asyncio.sleep(0)
        thread.start()
        await asyncio.wait([task])
        thread.join()

    (event,) = (e for e in recorded(main).record.events if e.kind == "cancel requested")
    assert (event.detail["by"], event.detail["thread"]) == ("outside the loop", "another")


def test_how_a_cancellation_is_taken() -> None:
    async def main() -> None:
        tasks = [asyncio.create_task(f(), name=f.__name__) for f in (job, swallows, answers, cleans_up)]
        await asyncio.sleep(0)
        early = asyncio.create_task(job(), name="early")
        for task in (*tasks, early):
            task.cancel()
        await asyncio.sleep(0)
        tasks[3].cancel()
        await asyncio.gather(*tasks, early, return_exceptions=True)

    run = recorded(main)
    assert {name: lane(run, name).remarks for name in ("job", "swallows", "answers", "cleans_up", "early")} == {
        "job": (),
        "swallows": ("swallowed its cancellation",),
        "answers": ("answered its cancellation with OSError",),
        "cleans_up": ("cancelled twice",),
        "early": ("cancelled before its first step: its cleanup never had a chance",),
    }
    assert str(lane(run, "early")).startswith("not started → cancelled (cancelled before its first step")
    assert "running" not in str(lane(run, "early"))


def test_a_cancellation_that_is_asked_for_and_never_reaches() -> None:
    async def main() -> None:
        task = asyncio.create_task(asyncio.sleep(0), name="sleeper")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()

    marks = lane(recorded(main), "sleeper").marks
    assert [mark.what for mark in marks] == []  # it had ended


def test_complaints() -> None:
    async def fails() -> None:
        raise ValueError

    async def main() -> None:
        task = asyncio.create_task(fails(), name="fails")
        await asyncio.sleep(0)
        del task
        gc.collect()

    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)

    with recording() as run, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loop.run_until_complete(main())
        pending = loop.create_task(job(), name="pending")
        del pending
        loop.close()
        gc.collect()
        job()  # type: ignore[unused-coroutine]
        gc.collect()
    assert sorted(run.timeline.complaints) == [
        "fails: never retrieved",
        "never awaited: job",  # that of the task, which never had a step,
        "never awaited: job",  # and one without
        "pending: destroyed but pending",
    ]


def test_handlers_that_are_replaced_and_asked_for() -> None:
    def first(*_: object) -> None: ...
    def second(*_: object) -> None: ...

    before = signal.getsignal(signal.SIGUSR1)
    with recording() as run:
        assert signal.signal(signal.SIGUSR1, first) is before
        assert signal.getsignal(signal.SIGUSR1) is first
        assert signal.signal(signal.SIGUSR1, second) is first
        signal.raise_signal(signal.SIGUSR1)
        assert signal.signal(signal.SIGUSR1, signal.SIG_IGN) is second
        assert signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN
        signal.signal(signal.SIGUSR1, first)
    assert signal.getsignal(signal.SIGUSR1) is first
    signal.signal(signal.SIGUSR1, before)
    titles = [
        (e.detail["before"].rpartition(".")[2], e.detail["handler"].rpartition(".")[2])
        for e in run.record.events
        if e.kind == "handler"
    ]
    assert titles == [("default", "first"), ("first", "second"), ("second", "ignored"), ("ignored", "first")]
    assert [mark.name for mark in run.timeline.signals] == ["SIGUSR1"]


def test_nothing_is_left_of_a_recording() -> None:
    import selectors

    looked_at: list[Any] = [asyncio, asyncio.tasks, asyncio.events.Handle, asyncio.base_events.BaseEventLoop, signal]
    looked_at += [warnings, asyncio.BoundedSemaphore, asyncio.unix_events._UnixSelectorEventLoop, selectors]
    looked_at += [asyncio.runners.Runner]
    before = [dict(vars(owner)) for owner in looked_at]
    handlers = [signal.getsignal(signum) for signum in signal.valid_signals()]
    for _ in range(3):
        recorded(cleans_up_never)
    assert [dict(vars(owner)) for owner in looked_at] == before
    assert [signal.getsignal(signum) for signum in signal.valid_signals()] == handlers


async def cleans_up_never() -> None:
    await asyncio.sleep(0)


def test_one_recording_at_a_time() -> None:
    from cancelkit.errors import CancelkitError

    with recording(), pytest.raises(CancelkitError, match="recorded already"), recording():
        pass
    recorded(cleans_up_never)
