"""Approach 2, tracking: keep every task, cancel each once, wait for all of them, and shield the waiting.

`asyncio.wait` watches the tasks without owning them: when this coroutine is cancelled, they are not. (Awaiting a
`gather` here would cancel them, and the loop below a second time, in the middle of their cleanup.) The shield holds
if a second cancellation comes while the cleanup is awaited: from a timeout around us, say. A third gets through.

Keeps: limit, one-signal, before-start, no-leftovers, restored, errors, results.
Cannot keep:
- two-signals, three-signals: a shield protects from a cancellation, and a second Ctrl-C is none. It is a
  KeyboardInterrupt that breaks out of the loop, and closing the loop then cancels what the shield protected.
- sigterm, honest-exit: nobody here handles SIGTERM, so it ends the process at once, also after a first Ctrl-C.
- no-late-start: a semaphore hands its slot on before anybody learns of the signal, and the next job begins.
- closing: when main has ended, Python's own handler is back. A Ctrl-C is a KeyboardInterrupt again.
- failing-cleanup: nothing takes the place of an interrupt, so of a cleanup that fails nobody is told.
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

    running: list[asyncio.Task[T]] = []
    try:
        for number, job in enumerate(tasks, 1):
            running.append(asyncio.create_task(in_a_slot(job), name=f"job-{number}"))
        if running:
            await asyncio.wait(running, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for task in running:
            task.cancel()  # does nothing to those that are done
        ended = asyncio.gather(*running, return_exceptions=True)
        try:
            await asyncio.shield(ended)
        except asyncio.CancelledError:
            await ended
            raise
    if errors := [e for e in ended.result() if isinstance(e, Exception)]:
        raise ExceptionGroup("jobs failed", errors)
    return [task.result() for task in running]
