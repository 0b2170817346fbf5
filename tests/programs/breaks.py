"""Implementations of `run_tasks` that break one promise of the shutdown contract each, by its name; and runners.

What is `_runner` below a promise's name has to be its runner: the flaw is there, or would not be seen under another.
"""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import cancelkit
from cancelkit.patterns.task_group import run_tasks as in_a_task_group

Jobs = Iterable[Callable[[], Awaitable[Any]]]
Main = Coroutine[Any, Any, Any]

kept_open: list[Any] = []


def cancel_jobs() -> None:
    for task in asyncio.all_tasks():
        if task.get_name().startswith("job-"):
            task.cancel()


def run_with(
    main: Main,
    act: Callable[[int, "asyncio.Task[Any]"], object],
    signals: Iterable[int] = (signal.SIGINT, signal.SIGTERM),
) -> None:
    """Do as asyncio.run, and call `act` with the number of each signal that comes, and the main task."""
    received: list[int] = []

    async def handled() -> None:
        task = asyncio.create_task(main, name="main")

        def on_signal(signum: int) -> None:
            received.append(signum)
            act(len(received), task)

        for signum in signals:
            asyncio.get_running_loop().add_signal_handler(signum, on_signal, signum)
        try:
            await task
        except asyncio.CancelledError:
            if not received:
                raise

    asyncio.run(handled())
    if received:
        raise KeyboardInterrupt if received[0] == signal.SIGINT else SystemExit(128 + received[0])


def cancel_once(number: int, main: "asyncio.Task[Any]") -> None:
    if number == 1:
        main.cancel()


async def limit(tasks: Jobs, most: int) -> list[Any]:
    return await cancelkit.run_tasks(tasks, most + 1)


async def one_signal(tasks: Jobs, most: int) -> list[Any]:
    batch = asyncio.create_task(cancelkit.run_tasks(tasks, most))
    try:
        return await asyncio.shield(batch)
    except asyncio.CancelledError:
        batch.cancel()
        while not batch.done():
            cancel_jobs()
            await asyncio.sleep(0)
        raise


two_signals = cancelkit.run_tasks


def two_signals_runner(main: Main) -> None:
    run_with(main, lambda number, task: cancel_jobs() if number == 2 else cancel_once(number, task))


three_signals = cancelkit.run_tasks


def three_signals_runner(main: Main) -> None:
    run_with(main, lambda number, task: cancel_jobs() if number == 3 else cancel_once(number, task))


sigterm = cancelkit.run_tasks


def sigterm_runner(main: Main) -> None:
    run_with(main, cancel_once, [signal.SIGINT])


async def no_late_start(tasks: Jobs, most: int) -> list[Any]:
    """Cancels those that have begun, and lets the others come to their turn."""
    slots, begun = asyncio.Semaphore(most), []

    async def in_a_slot(job: Callable[[], Awaitable[Any]]) -> Any:
        async with slots:
            begun.append(asyncio.current_task())
            return await job()

    running = [asyncio.create_task(in_a_slot(job), name=f"job-{n}") for n, job in enumerate(tasks, 1)]
    try:
        await asyncio.wait(running)
    except asyncio.CancelledError:
        for task in begun:
            task.cancel()  # type: ignore[union-attr]
        await asyncio.wait(running)
        raise
    return [task.result() for task in running]


before_start = cancelkit.run_tasks


def before_start_runner(main: Main) -> None:
    """Hears no signal before main's first step."""
    signal.signal(signal.SIGINT, lambda *_: None)

    async def heard() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        await main

    asyncio.run(heard())


closing = cancelkit.run_tasks
closing_runner = asyncio.run

honest_exit = cancelkit.run_tasks


def honest_exit_runner(main: Main) -> None:
    try:
        cancelkit.run(main)
    except (KeyboardInterrupt, SystemExit):
        sys.exit(0)


async def no_leftovers(tasks: Jobs, most: int) -> list[Any]:
    kept_open.append(Path(os.devnull).open())  # noqa: ASYNC230, SIM115
    return await cancelkit.run_tasks(tasks, most)


async def leaves_generator_open(tasks: Jobs, most: int) -> list[Any]:
    """Hands the jobs on in a way that nobody below can see that they come from a generator."""
    return await cancelkit.run_tasks(filter(None, tasks), most)


failing_cleanup = in_a_task_group
failing_cleanup_runner = asyncio.run

stubborn = cancelkit.run_tasks
stubborn_runner = partial(cancelkit.run, grace=None)


def silent_runner(main: Main) -> None:
    """Ends at once, whatever is going on, and tells nobody."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    asyncio.run(main)


restored = cancelkit.run_tasks


def restored_runner(main: Main) -> None:
    """What stood before is not known any more: the loop puts the system's default in its place."""
    run_with(main, cancel_once)


async def errors(tasks: Jobs, most: int) -> list[Any]:
    """Hands the error on, and leaves the others to the closing of the loop."""
    slots = asyncio.Semaphore(most)

    async def in_a_slot(job: Callable[[], Awaitable[Any]]) -> Any:
        async with slots:
            return await job()

    return await asyncio.gather(*map(in_a_slot, tasks))


async def results(tasks: Jobs, most: int) -> list[Any]:
    """Gives them in the order in which they came."""
    came: list[Any] = []

    async def noted(job: Callable[[], Awaitable[Any]]) -> None:
        came.append(await job())

    await cancelkit.run_tasks([partial(noted, job) for job in tasks], most)
    return came


async def lazy(tasks: Jobs, most: int) -> list[Any]:
    return await cancelkit.run_tasks(list(tasks), most)


# These do not do the work at all.


async def runs_nothing(tasks: Jobs, most: int) -> list[Any]:
    return [f"result of job-{number}" for number, _ in enumerate(tasks, 1)]


async def runs_one_by_one(tasks: Jobs, most: int) -> list[Any]:
    return [await job() for job in tasks]


async def blocks_the_loop(tasks: Jobs, most: int) -> list[Any]:
    return threading.Event().wait()  # type: ignore[return-value]


async def exits(tasks: Jobs, most: int) -> list[Any]:
    os._exit(0)


async def returns_nothing(tasks: Jobs, most: int) -> None:
    await cancelkit.run_tasks(tasks, most)


async def takes_one_argument(tasks: Jobs) -> list[Any]:
    return await cancelkit.run_tasks(tasks, 2)


def is_not_awaitable(tasks: Jobs, most: int) -> list[Any]:
    return []


not_callable = 7
