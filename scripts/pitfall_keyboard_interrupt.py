"""Cleaning up in an `except KeyboardInterrupt` in a coroutine: a first Ctrl-C never gets there.

Start me in a terminal and press Ctrl-C when both jobs hold something: the cleanup never
begins, and two half-written files are left behind. Start me with --mended and do it again:
both jobs clean up.
"""

import asyncio
import sys

from cancelkit.lab.workload import Desk, say


async def broken(name: str) -> None:
    """Clean up when a KeyboardInterrupt arrives."""
    say("begun", name)
    desk = Desk(name)
    try:
        await desk.acquire()
        await desk.work(60)
    except KeyboardInterrupt:
        await desk.tidy_up()
        raise


async def mended(name: str) -> None:
    """Clean up whatever arrives."""
    say("begun", name)
    desk = Desk(name)
    try:
        await desk.acquire()
        await desk.work(60)
    finally:
        await desk.tidy_up()


async def main() -> None:
    """Run two jobs of one kind in a task group."""
    job = mended if "--mended" in sys.argv else broken
    async with asyncio.TaskGroup() as group:
        for name in ("job-1", "job-2"):
            group.create_task(job(name), name=name)


if __name__ == "__main__":
    asyncio.run(main())
