"""A second cancellation, here by a timeout around the block, interrupts the cleanup in a TaskSet.

Start me in a terminal and press Ctrl-C when both jobs hold something: when they are halfway
through their cleanup the time is up. Neither finishes. Start me with --group and do it again: both
do. (In a program of yours the time would be some seconds, and up at any moment.)
"""

import asyncio
import functools
import sys

from cancelkit.lab.workload import say
from cancelkit.patterns.context_manager import TaskSet


async def job(name: str, limit: asyncio.Timeout) -> None:
    """Get hold of something, and work for ever; then clean up, in two steps, between which the time is up."""
    say("begun", name)
    try:
        await asyncio.sleep(0.2)
        say("holding", name)
        await asyncio.Event().wait()
    finally:
        say("cleanup begun", name)
        await asyncio.sleep(0.2)
        if name == "job-1":
            limit.reschedule(0)  # the time is up: now
        await asyncio.sleep(0.5)
        say("cleanup finished", name)


async def main() -> None:
    """Start two jobs in a block with a timeout around it, and wait in the block or at its end."""
    async with asyncio.timeout(None) as limit:
        if "--group" in sys.argv:
            async with asyncio.TaskGroup() as group:
                for name in ("job-1", "job-2"):
                    group.create_task(job(name, limit), name=name)
        else:
            async with TaskSet(2) as tasks:
                for name in ("job-1", "job-2"):
                    tasks.start(functools.partial(job, name, limit))
                if "--waiting" in sys.argv:
                    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
