"""Concurrency model 2: a task for every job, and a semaphore that lets two of them work.

Start me in a terminal: six jobs, two slots. Press Ctrl-C when job-3 is holding: all five
tasks that are left are cancelled, and the two at work clean up. Press it in the instant in
which job-1 gives its slot back, and job-3 begins after it. A number: so many jobs.
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


async def in_a_slot(slots: asyncio.Semaphore, name: str) -> None:
    """Do a job when there is a slot for it."""
    async with slots:
        await job(name)


async def main(count: int = 6) -> None:
    """Make a task for every job, with two slots for all of them."""
    slots = asyncio.Semaphore(2)
    async with asyncio.TaskGroup() as group:
        for number in range(1, count + 1):
            group.create_task(in_a_slot(slots, f"job-{number}"), name=f"job-{number}")


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
