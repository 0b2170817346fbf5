"""Approach 4, the context manager: every way out of the block is the same way out.

`async with TaskSet(limit) as tasks: tasks.start(job)` sets up; leaving it, by its last line, by an error or by a
cancellation, ends what must not go on and waits for all of it. The cleanup is written once, where nobody can forget it.
It is as strong as the cancellation that reaches it: a second one, from a timeout around us, say, interrupts cleanup.

Keeps: limit, one-signal, before-start, no-leftovers, restored, errors, results.
Cannot keep:
- two-signals, three-signals: a second Ctrl-C is a KeyboardInterrupt that breaks out of the loop, and of `__aexit__`.
- sigterm, honest-exit: nobody here handles SIGTERM, so it ends the process at once, also after a first Ctrl-C.
- no-late-start: a semaphore hands its slot on before anybody learns of the signal, and the next job begins.
- closing: when main has ended, Python's own handler is back. A Ctrl-C is a KeyboardInterrupt again.
- failing-cleanup: nothing takes the place of an interrupt, so of a cleanup that fails nobody is told.
- stubborn: it waits for ever for a job that will not end.
- lazy: there is a task for every job from the start.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")


class TaskSet:
    """Tasks that run at most `limit` at a time; those that were started before its end have ended after the block."""

    def __init__(self, limit: int) -> None:
        self._slots = asyncio.Semaphore(limit)
        self._tasks: list[asyncio.Task[Any]] = []

    def start(self, job: Callable[[], Awaitable[T]]) -> "asyncio.Task[T]":
        """Start a job as soon as a slot is free; the task returned holds its result afterwards."""
        task = asyncio.create_task(self._in_a_slot(job), name=f"job-{len(self._tasks) + 1}")
        self._tasks.append(task)
        return task

    async def _in_a_slot(self, job: Callable[[], Awaitable[T]]) -> T:
        async with self._slots:
            return await job()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        try:
            waited_for = 0
            while error is None and waited_for < len(self._tasks):  # perhaps again: jobs may start jobs
                waited_for = len(self._tasks)
                await asyncio.wait(self._tasks, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for task in self._tasks:
                task.cancel()  # does nothing to those that are done
            ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        errors = [e for e in (error, *ended) if isinstance(e, Exception)]
        if errors and (error is None or isinstance(error, Exception)):
            raise ExceptionGroup("jobs failed", errors)


async def run_tasks(tasks: Iterable[Callable[[], Awaitable[T]]], max_concurrent: int) -> list[T]:
    """Run jobs, at most `max_concurrent` at a time, and return their results in order."""
    async with TaskSet(max_concurrent) as running:
        started = [running.start(job) for job in tasks]
    return [task.result() for task in started]
