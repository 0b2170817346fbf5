"""Approach 1, the task group: whatever happens, nobody leaves before everybody has ended.

Under `asyncio.run` the first Ctrl-C cancels the main task, which waits in the group; the group cancels every job once,
jobs that queue for the semaphore too, and waits. So the cleanup that a Ctrl-C causes runs to its end, and a second
cancellation, from a timeout around us, say, does not interrupt it. If a cleanup fails, though, the group raises an
ExceptionGroup in the place of the interrupt.

It cannot help with what never becomes a cancellation: a second Ctrl-C is a KeyboardInterrupt that breaks out of the
loop in the middle of that cleanup, and SIGTERM ends the process at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def run_tasks(tasks: Iterable[Callable[[], Awaitable[T]]], max_concurrent: int) -> list[T]:
    """Run jobs, at most `max_concurrent` at a time, and return their results in order."""
    slots = asyncio.Semaphore(max_concurrent)

    async def in_a_slot(job: Callable[[], Awaitable[T]]) -> T:
        async with slots:
            return await job()

    async with asyncio.TaskGroup() as group:
        running = [group.create_task(in_a_slot(job), name=f"job-{n}") for n, job in enumerate(tasks, 1)]
    return [task.result() for task in running]
