"""Keep every task, cancel each, await them all: what happens if the third step is left out, or mixed with the second.

Start me in a terminal: seven jobs, two at a time. Press Ctrl-C when I say `job-4: holding`:
the two jobs at work clean up to the end. With --leave I cancel all and await none: two
cleanups are lost. With --one-by-one I cancel one task, await it, and go on to the next:
three more jobs begin after the Ctrl-C.
"""

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable

from cancelkit.lab.workload import make_jobs

Tasks = list[asyncio.Task[str]]


async def all_together(tasks: Tasks) -> None:
    """Cancel each, and then wait for all of them."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def leave(tasks: Tasks) -> None:
    """Cancel each, and wait for none."""
    for task in tasks:
        task.cancel()


async def one_by_one(tasks: Tasks) -> None:
    """Cancel one and wait for it, then the next."""
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def main() -> None:
    """Run the jobs, two at a time, and stop them in the way that the command line says."""
    stop = {"--leave": leave, "--one-by-one": one_by_one}.get(sys.argv[-1], all_together)
    slots = asyncio.Semaphore(2)

    async def in_a_slot(job: Callable[[], Awaitable[str]]) -> str:
        async with slots:
            return await job()

    tasks = [asyncio.create_task(in_a_slot(job), name=f"job-{n}") for n, job in enumerate(make_jobs(), 1)]
    try:
        await asyncio.wait(tasks)
    finally:
        await stop(tasks)


if __name__ == "__main__":
    asyncio.run(main())
