"""Other libraries as `run_tasks`, in a few lines each, so that the contract can be checked on them.

Each is used as its documentation says, and told not to give up on cleanup after some time of its own choosing. The
libraries come with `pip install 'cancelkit[peers]'`; none is imported before its adapter is called.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

Jobs = Iterable[Callable[[], Awaitable[Any]]]


async def gather(tasks: Jobs, max_concurrent: int) -> list[Any]:
    """`asyncio.gather`, and a semaphore."""
    slots = asyncio.Semaphore(max_concurrent)

    async def in_a_slot(job: Callable[[], Awaitable[Any]]) -> Any:
        async with slots:
            return await job()

    return await asyncio.gather(*map(in_a_slot, tasks))


async def aiometer(tasks: Jobs, max_concurrent: int) -> list[Any]:
    """`aiometer.run_all`."""
    from aiometer import run_all

    return await run_all(list(tasks), max_at_once=max_concurrent)


async def aiojobs(tasks: Jobs, max_concurrent: int) -> list[Any]:
    """`aiojobs.Scheduler`, closed in a `finally`: as a context manager it would wait for all the work to be done."""
    from aiojobs import Scheduler

    scheduler = Scheduler(limit=max_concurrent, pending_limit=0, close_timeout=None)
    try:
        running = [await scheduler.spawn(_awaited(job)) for job in tasks]
        return [await job.wait() for job in running]
    finally:
        await scheduler.close()


async def aiotools(tasks: Jobs, max_concurrent: int) -> list[Any]:
    """`aiotools.TaskScope`, and a semaphore."""
    from aiotools import TaskScope

    slots = asyncio.Semaphore(max_concurrent)

    async def in_a_slot(job: Callable[[], Awaitable[Any]]) -> Any:
        async with slots:
            return await job()

    async with TaskScope() as scope:
        running = [scope.create_task(in_a_slot(job)) for job in tasks]
    return [task.result() for task in running]


async def anyio(tasks: Jobs, max_concurrent: int) -> list[Any]:
    """`anyio.create_task_group`, and a `CapacityLimiter`."""
    from anyio import CapacityLimiter, create_task_group

    slots, results = CapacityLimiter(max_concurrent), dict[int, Any]()

    async def in_a_slot(number: int, job: Callable[[], Awaitable[Any]]) -> None:
        async with slots:
            results[number] = await job()

    async with create_task_group() as group:
        for number, job in enumerate(tasks):
            group.start_soon(in_a_slot, number, job)
    return [results[number] for number in sorted(results)]


async def aiorun(tasks: Jobs, max_concurrent: int) -> list[Any]:
    """Tasks and a semaphore: it is `aiorun.run` that cancels all of them, and waits."""
    slots = asyncio.Semaphore(max_concurrent)

    async def in_a_slot(job: Callable[[], Awaitable[Any]]) -> Any:
        async with slots:
            return await job()

    running = [asyncio.create_task(in_a_slot(job)) for job in tasks]
    await asyncio.wait(running)
    return [task.result() for task in running]


def run_with_anyio(main: Coroutine[Any, Any, None]) -> None:
    """`anyio.run`, on asyncio."""
    from anyio import run

    try:
        run(functools.partial(_awaited, lambda: main))
    finally:
        main.close()  # in case it never began


def run_with_aiorun(main: Coroutine[Any, Any, None]) -> None:
    """`aiorun.run`, which goes on for ever if neither a signal nor anybody else stops the loop."""
    from aiorun import run

    async def to_its_end() -> None:
        try:
            await main
        except asyncio.CancelledError:  # it has been stopped, and waits for this
            raise
        except BaseException:
            asyncio.get_running_loop().stop()
            raise
        asyncio.get_running_loop().stop()

    try:
        run(to_its_end(), stop_on_unhandled_errors=True)
    finally:
        main.close()  # in case it never began


async def _awaited(job: Callable[[], Awaitable[Any]]) -> Any:
    return await job()
