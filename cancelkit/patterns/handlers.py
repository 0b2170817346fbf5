"""Approach 3, handlers: ask the loop for SIGINT and SIGTERM, and decide yourself what a signal means.

A handler registered with the loop runs as one of the loop's callbacks, between the steps of tasks and never inside
one, so it may use everything that asyncio offers. This one cancels every job the first time and does nothing the next
time: a second Ctrl-C no longer interrupts cleanup, and SIGTERM is treated as Ctrl-C is. Once all is cleaned up, the
signal goes on as the exception that the process's exit status is made of. Nothing takes its place, so of a cleanup
that fails then nobody is told. A cancellation is no signal: a second one, from a timeout around us, interrupts cleanup.

It holds while `run_tasks` runs, and only then: before its first line and after its last the signals are Python's
and `asyncio.run`'s again, so a Ctrl-C while the loop is being closed interrupts the cleanup of what was left behind.
"""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

if sys.platform == "win32":
    raise ImportError("this needs POSIX signals, which Windows does not have: use WSL, or try it on Binder")

T = TypeVar("T")


async def run_tasks(tasks: Iterable[Callable[[], Awaitable[T]]], max_concurrent: int) -> list[T]:
    """Run jobs, at most `max_concurrent` at a time, and return their results in order."""
    slots = asyncio.Semaphore(max_concurrent)
    received: list[signal.Signals] = []

    async def in_a_slot(job: Callable[[], Awaitable[T]]) -> T:
        async with slots:
            return await job()

    def on_signal(signum: signal.Signals) -> None:
        if not received:
            cancel_all()
        received.append(signum)

    def cancel_all() -> None:
        for task in running:
            task.cancel()

    loop = asyncio.get_running_loop()
    before = {signum: signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)}
    running: list[asyncio.Task[T]] = []
    for signum in before:
        loop.add_signal_handler(signum, on_signal, signum)
    try:
        for number, job in enumerate(tasks, 1):
            running.append(asyncio.create_task(in_a_slot(job), name=f"job-{number}"))
        if running:
            await asyncio.wait(running, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        if not received:
            cancel_all()  # an error, or a cancellation from outside
        try:
            ended = await asyncio.gather(*running, return_exceptions=True)
        finally:
            for signum, handler in before.items():
                loop.remove_signal_handler(signum)  # puts back Python's default, which need not be what stood before
                signal.signal(signum, handler)
    if received:
        raise KeyboardInterrupt if received[0] == signal.SIGINT else SystemExit(128 + received[0])
    if errors := [e for e in ended if isinstance(e, Exception)]:
        raise ExceptionGroup("jobs failed", errors)
    return [task.result() for task in running]
