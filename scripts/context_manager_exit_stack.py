"""As many TaskSets as there are names: an AsyncExitStack leaves them in the opposite order.

Start me in a terminal with names, such as `database cache web`: each gets a TaskSet with one
job. Press Ctrl-C when all three hold something: web cleans up, then cache, then database, one
after the other. Press again when cache is halfway: neither it nor database finishes.
"""

import asyncio
import functools
import sys
from contextlib import AsyncExitStack

from cancelkit.lab.workload import say
from cancelkit.patterns.context_manager import TaskSet


async def serve(name: str) -> None:
    """Get hold of something, and work for ever; then clean up."""
    say("begun", name)
    try:
        await asyncio.sleep(0.2)
        say("holding", name)
        await asyncio.Event().wait()
    finally:
        say("cleanup begun", name)
        await asyncio.sleep(0.15)
        say("cleanup halfway", name)
        await asyncio.sleep(0.15)
        say("cleanup finished", name)


async def main(names: list[str]) -> None:
    """Enter one TaskSet for each name, and wait."""
    async with AsyncExitStack() as stack:
        for name in names:
            tasks = await stack.enter_async_context(TaskSet(1))
            tasks.start(functools.partial(serve, name)).set_name(name)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
