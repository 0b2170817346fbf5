"""A gather that is cancelled does not wait for its children: the first one that ends completes it.

Start me in a terminal and press Ctrl-C when two jobs hold something: no cleanup finishes. Do
it again with --no-queue, when all four hold something: the shortest cleanup does, and no
other. With --mended, with a queue or without, all of them do.
"""

import asyncio
import sys

from cancelkit.lab.workload import say

CLEANUPS = {"job-1": 0.1, "job-2": 0.5, "job-3": 0.5, "job-4": 0.5}
slots = asyncio.Semaphore(4 if "--no-queue" in sys.argv else 2)


async def job(name: str, cleanup: float) -> None:
    """Get hold of something, in a slot, and work for ever; then clean up, which takes so many seconds."""
    async with slots:
        say("begun", name)
        try:
            await asyncio.sleep(0.2)
            say("holding", name)
            await asyncio.Event().wait()
        finally:
            say("cleanup begun", name)
            await asyncio.sleep(cleanup)
            say("cleanup finished", name)


async def broken() -> None:
    """Run the jobs in a gather."""
    tasks = [asyncio.create_task(job(name, cleanup), name=name) for name, cleanup in CLEANUPS.items()]
    await asyncio.gather(*tasks)


async def mended() -> None:
    """Run the jobs in a task group."""
    async with asyncio.TaskGroup() as group:
        for name, cleanup in CLEANUPS.items():
            group.create_task(job(name, cleanup), name=name)


if __name__ == "__main__":
    asyncio.run(mended() if "--mended" in sys.argv else broken())
