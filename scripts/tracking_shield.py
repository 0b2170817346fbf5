"""A cleanup in a shield that nobody waits for any more.

Start me in a terminal. Two jobs clean up at the end of their work; press Ctrl-C then. The
shield keeps the cancellation out of the cleanup, and nobody waits for it: main ends, and
closing the loop cancels the cleanup. With --linger main has something else to do first, and
the cleanup ends, after main has closed the database.
"""

import asyncio
import functools
import sys

from cancelkit.lab.workload import say
from cancelkit.patterns.tracking import run_tasks


async def tidy_up(name: str) -> None:
    """Take two steps, each of which takes a while."""
    say("cleanup begun", name)
    await asyncio.sleep(0.3)
    say("cleanup halfway", name)
    await asyncio.sleep(0.5)
    say("cleanup finished", name)


async def job(name: str) -> None:
    """Work for a short while, and clean up in a shield."""
    say("begun", name)
    try:
        await asyncio.sleep(0.2)
    finally:
        cleanup = asyncio.create_task(tidy_up(name), name=f"{name} cleanup")
        await asyncio.shield(cleanup)


async def main() -> None:
    """Run two jobs; then close the database, which the jobs need to the end."""
    try:
        await run_tasks([functools.partial(job, name) for name in ("job-1", "job-2")], max_concurrent=2)
    finally:
        await asyncio.sleep(0.15)  # to close it takes a while
        print("main: the database is closed", flush=True)
        if "--linger" in sys.argv:
            await asyncio.sleep(0.6)


if __name__ == "__main__":
    asyncio.run(main())
