"""Four ways out of one block: success, an error in the block, an error in a job, Ctrl-C. All are the same way out.

Start me in a terminal: two jobs end, and then the block does. Start me with --error and it
is the block that fails, with --failing it is job-1. Start me with --waiting and press Ctrl-C
while main waits in the block, or with --long and press it while main waits at its end. Each
time, both jobs clean up before I say what came out of the block.
"""

import asyncio
import functools
import sys

from cancelkit.lab.workload import say
from cancelkit.patterns.context_manager import TaskSet


async def job(name: str, seconds: float) -> str:
    """Get hold of something, work for a while, or fail; and clean up."""
    say("begun", name)
    try:
        await asyncio.sleep(0.2)
        say("holding", name)
        await asyncio.sleep(seconds)
        if name == "job-1" and "--failing" in sys.argv:
            raise ValueError("the job fails")
        return f"result of {name}"
    finally:
        say("cleanup begun", name)
        await asyncio.sleep(0.2)
        say("cleanup finished", name)


async def main() -> None:
    """Start two jobs in a block, and leave it in the way that the command line says."""
    seconds = 0.3 if len(sys.argv) == 1 else 60
    try:
        async with TaskSet(2) as tasks:
            tasks.start(functools.partial(job, "job-1", 0.3 if "--failing" in sys.argv else seconds))
            tasks.start(functools.partial(job, "job-2", seconds))
            if "--waiting" in sys.argv:
                await asyncio.Event().wait()
            await asyncio.sleep(0.3)  # the block has something to do as well
            if "--error" in sys.argv:
                raise LookupError("the block fails")
            print("main: the last line of the block", flush=True)
    except BaseException as error:
        print(f"main: out of the block comes {type(error).__name__}")
        raise
    print("main: out of the block comes nothing")


if __name__ == "__main__":
    asyncio.run(main())
