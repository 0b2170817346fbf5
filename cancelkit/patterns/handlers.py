"""Approach 3, handlers: ask the loop for the signals, and decide yourself what each of them means.

A handler registered with the loop runs between the steps of tasks, never inside one, so it may use all of asyncio. The
first signal cancels every job, and later ones do nothing; or, with an event, the first asks the jobs that check it to
end in their own time, and the second cancels. Then the signal goes on as the exception that the exit status is made of.

Keeps: limit, one-signal, two-signals, three-signals, sigterm, before-start, honest-exit, no-leftovers, restored,
errors, results.
Cannot keep:
- no-late-start: the loop comes to our handler after what was ready before it: a job that has just got a slot.
- closing: before our first line and after our last the signals are Python's and `asyncio.run`'s again.
- failing-cleanup: nothing takes the place of an interrupt, so of a cleanup that fails nobody is told.
- stubborn: it waits for ever for a job that will not end.
- lazy: there is a task for every job from the start.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from signal import SIG_DFL, SIG_IGN, SIGHUP, SIGINT, SIGTERM, Signals, getsignal, signal
from typing import TypeVar

T = TypeVar("T")


async def run_tasks(
    tasks: Iterable[Callable[[], Awaitable[T]]], max_concurrent: int, stopping: asyncio.Event | None = None
) -> list[T]:
    """Run jobs, at most `max_concurrent` at a time, and return their results in order; a signal sets `stopping`."""
    slots = asyncio.Semaphore(max_concurrent)
    received: list[Signals] = []
    running: list[asyncio.Task[T]] = []

    async def in_a_slot(job: Callable[[], Awaitable[T]]) -> T:
        async with slots:
            if received:
                raise asyncio.CancelledError  # too late to begin
            return await job()

    def on_signal(signum: Signals) -> None:
        received.append(signum)
        if stopping is None or stopping.is_set():
            cancel_all()
        else:
            stopping.set()

    def cancel_all() -> None:
        for task in running:
            if not task.cancelling():  # once: another time would interrupt its cleanup
                task.cancel()

    loop = asyncio.get_running_loop()
    before = {s: handler for s in (SIGINT, SIGTERM, SIGHUP) if (handler := getsignal(s)) is not SIG_IGN}  # as by nohup
    for signum in before:
        loop.add_signal_handler(signum, on_signal, signum)
    try:
        for number, job in enumerate(tasks, 1):
            running.append(asyncio.create_task(in_a_slot(job), name=f"job-{number}"))
        if running:
            await asyncio.wait(running, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        cancel_all()
        try:
            ended = await asyncio.gather(*running, return_exceptions=True)
        finally:
            for signum, handler in before.items():
                loop.remove_signal_handler(signum)  # which puts back Python's default: not what stood before
                signal(signum, SIG_DFL if handler is None else handler)
    if received:
        raise KeyboardInterrupt if received[0] == SIGINT else SystemExit(128 + received[0])
    if errors := [e for e in ended if isinstance(e, Exception)]:
        raise ExceptionGroup("jobs failed", errors)
    return [task.result() for task in running]
