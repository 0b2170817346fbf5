"""Approach 4, the context manager: every way out of the block is the same way out.

`async with TaskSet(limit) as tasks:` sets up; leaving it, by the last line, by an error or by a cancellation, cancels
what must not go on and waits for all of it. The cleanup is written once, where it cannot be forgotten.

It is as strong as the cancellation that reaches it. One Ctrl-C under `asyncio.run` is one; the second is a
KeyboardInterrupt that breaks out of the loop while `__aexit__` waits, and SIGTERM ends the process at once. A second
cancellation interrupts cleanup as well. Nothing takes the place of an interrupt, so of a cleanup that fails then
nobody is told.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")


class TaskSet:
    """Tasks that run at most `limit` at a time and have all ended when the block is left."""

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
            if error is None and self._tasks:
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
