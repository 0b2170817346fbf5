"""Starting a job when the block has been left: a TaskSet does it, and nobody waits for that job.

Start me in a terminal and press Ctrl-C when late has begun: it is cancelled last of all, when
asyncio.run closes the loop. Press twice, and its cleanup is lost. Start me with --group: a
TaskGroup refuses.
"""

import asyncio
import sys

from cancelkit.lab.workload import say
from cancelkit.patterns.context_manager import TaskSet


async def quick() -> None:
    """Do something short."""
    await asyncio.sleep(0.1)


async def late() -> None:
    """Work for ever; then clean up."""
    say("begun", "late")
    try:
        await asyncio.Event().wait()
    finally:
        say("cleanup begun", "late")
        await asyncio.sleep(0.3)
        say("cleanup finished", "late")


async def with_set() -> None:
    """Start a job in the block, and another one after it."""
    async with TaskSet(2) as tasks:
        tasks.start(quick).set_name("quick")
    print("main: has left the block", flush=True)
    tasks.start(late).set_name("late")


async def with_group() -> None:
    """The same with a TaskGroup."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(quick(), name="quick")
    print("main: has left the block", flush=True)
    coroutine = late()
    try:
        tasks.create_task(coroutine, name="late")
    except RuntimeError as error:
        print("main: the group refuses with a", type(error).__name__)
        coroutine.close()
        raise


async def main() -> None:
    """Do one or the other, and then something else, for ever."""
    await (with_group() if "--group" in sys.argv else with_set())
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
