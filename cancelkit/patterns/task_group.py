"""Approach 1, the task group: whatever happens, nobody leaves before everybody has ended.

Under `asyncio.run` the first Ctrl-C cancels the main task, which waits in the group; the group cancels every job once,
jobs that queue for the semaphore too, and waits. So the cleanup that a Ctrl-C causes runs to its end, and a second
cancellation, from a timeout around us, say, does not interrupt it.

Keeps: limit, one-signal, before-start, no-leftovers, restored, errors, results.
Cannot keep:
- two-signals, three-signals: the second Ctrl-C is no cancellation. It is a KeyboardInterrupt wherever Python happens to
  be; it breaks out of the loop, and closing the loop interrupts the cleanup that was under way.
- sigterm, honest-exit: nobody here handles SIGTERM, so it ends the process at once, also after a first Ctrl-C.
- no-late-start: a semaphore hands its slot on before anybody learns of the signal, and the next job begins.
- closing: when main has ended, Python's own handler is back. A Ctrl-C is a KeyboardInterrupt again.
- failing-cleanup: a group puts its ExceptionGroup in the place of the interrupt, and the exit status is 1.
- stubborn: it waits for ever for a job that will not end.
- lazy: there is a task for every job from the start.
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
