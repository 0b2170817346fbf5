"""A TaskSet on its own: task_set.py WHERE [FAILURE], main waiting "in the block" or at its end, after a failure or not.

Two jobs are at work and one waits for a slot. Each says what becomes of it, and main what came out of the block.
"""

import asyncio
import functools
import sys

from cancelkit.lab.workload import say
from cancelkit.patterns.context_manager import TaskSet


async def job(name: str) -> None:
    """Work for ever; clean up in two steps."""
    say("begun", name)
    try:
        await asyncio.Event().wait()
    finally:
        say("cleanup begun", name)
        await asyncio.sleep(0.1)
        say("cleanup halfway", name)
        await asyncio.sleep(0.1)
        say("cleanup finished", name)


async def fails() -> None:
    """Fail."""
    raise ValueError("of the job")


async def main(where: str, failure: str = "") -> None:
    """Start them, wait, and see that all of them have ended."""
    started = []
    try:
        async with TaskSet(2) as tasks:
            if failure:
                started.append(tasks.start(fails))
                await asyncio.wait(started)
            started += [tasks.start(functools.partial(job, f"job-{n}")) for n in range(1 + len(started), 4)]
            if where == "in the block":
                await asyncio.Event().wait()
    except BaseException as error:
        print(f"out of the block: {type(error).__name__}; ended:", *(task.done() for task in started))
        raise


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
