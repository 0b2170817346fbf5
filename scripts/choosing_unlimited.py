"""Concurrency model 3: a task for every job, and no limit.

Start me in a terminal: six jobs. Press Ctrl-C when job-1 has cleaned up: nothing is queued,
so nothing can begin too late; but all five that are left clean up at the same time. With a
number as an argument there are so many jobs: try 200.
"""

import asyncio
import sys

from cancelkit.lab.workload import say


async def job(name: str) -> None:
    """Get hold of something, work, the first job for a while and the others for ever, and clean up."""
    say("begun", name)
    await asyncio.sleep(0.1)
    say("holding", name)
    try:
        await (asyncio.sleep(0.2) if name == "job-1" else asyncio.Event().wait())
    finally:
        say("cleanup begun", name)
        await asyncio.sleep(0.2)
        say("cleanup finished", name)


async def main(count: int = 6) -> None:
    """Make a task for every job."""
    async with asyncio.TaskGroup() as group:
        for number in range(1, count + 1):
            group.create_task(job(f"job-{number}"), name=f"job-{number}")


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
