"""A TaskSet hears of a job's error only when its block is left; a TaskGroup hears of it at once.

Start me in a terminal: the job fails at once, the block goes through all of its steps, and
only then the error comes out. Start me with --group: the first step is the last. Start me
without it again and press Ctrl-C at step 3: nobody is told of the error.
"""

import asyncio
import sys

from cancelkit.patterns.context_manager import TaskSet


async def fails() -> None:
    """Fail."""
    print("job: fails", flush=True)
    raise ValueError("broken")


async def steps() -> None:
    """Go on as long as nobody says otherwise."""
    for number in range(1, 4):
        print(f"main: step {number}", flush=True)
        await asyncio.sleep(0.2)


async def with_set() -> None:
    """Start the job in a TaskSet."""
    async with TaskSet(2) as tasks:
        tasks.start(fails)
        await steps()


async def with_group() -> None:
    """Start the job in a TaskGroup."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(fails())
        await steps()


async def main() -> None:
    """Do one or the other, and say what comes out."""
    try:
        await (with_group() if "--group" in sys.argv else with_set())
    except* ValueError as group:
        print("main: out of the block comes", repr(group.exceptions[0]))


if __name__ == "__main__":
    asyncio.run(main())
