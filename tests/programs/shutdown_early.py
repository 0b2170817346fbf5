"""Signals before any job has begun, sent to itself where no moment can be: shutdown_early.py before_start|LIMIT."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator

from cancelkit import run, run_tasks


async def job() -> None:
    print("a job began")


async def main() -> None:
    print("main began")
    await run_tasks([job], 1)


def late_jobs() -> Iterator[Callable[[], Awaitable[None]]]:
    try:
        signal.raise_signal(signal.SIGINT)
        yield job  # made into a task now, and its first step would come later
        print("another job was read")
        yield job
    finally:
        print("the generator was closed")


def loop_that_comes_late() -> asyncio.AbstractEventLoop:
    signal.raise_signal(signal.SIGINT)
    return asyncio.new_event_loop()


if __name__ == "__main__":
    if sys.argv[1] == "before_start":
        run(main(), loop_factory=loop_that_comes_late)
    else:
        run(run_tasks(late_jobs(), max_concurrent=int(sys.argv[1])))
