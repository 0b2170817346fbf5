"""Approach 3, handlers: ask the loop for the signals, and decide yourself what each of them means.

A handler registered with the loop runs between the steps of tasks, never inside one, so it may use all of asyncio. The
first signal cancels every job, and later ones do nothing; or, with an event, the first asks the jobs that check it to
end in their own time, and the second cancels. Then the signal goes on as the exception that the exit status is made of.
A handler that the loop itself already had for one of them is lost, for nobody can ask a loop which ones it has.

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
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

if sys.platform == "win32":
    raise ImportError("this needs POSIX signals, which Windows does not have: use WSL, or try it on Binder")

T = TypeVar("T")


async def run_tasks(
    tasks: Iterable[Callable[[], Awaitable[T]]], max_concurrent: int, stopping: asyncio.Event | None = None
) -> list[T]:
    """Run jobs, at most `max_concurrent` at a time, and return their results in order; a signal sets `stopping`."""
    slots = asyncio.Semaphore(max_concurrent)
    received: list[signal.Signals] = []
    running: list[asyncio.Task[T]] = []

    async def in_a_slot(job: Callable[[], Awaitable[T]]) -> T:
        async with slots:
            if received:
                raise asyncio.CancelledError  # too late to begin
            return await job()

    def on_signal(signum: signal.Signals) -> None:
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
    before = {signum: signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    taken = [signum for signum, handler in before.items() if handler is not signal.SIG_IGN]  # as nohup has it
    for signum in taken:
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
            for signum in taken:
                loop.remove_signal_handler(signum)  # which puts back Python's default: not what stood before
                signal.signal(signum, before[signum] or signal.SIG_DFL)
    if received:
        raise KeyboardInterrupt if received[0] == signal.SIGINT else SystemExit(128 + received[0])
    if errors := [e for e in ended if isinstance(e, Exception)]:
        raise ExceptionGroup("jobs failed", errors)
    return [task.result() for task in running]
