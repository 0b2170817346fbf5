"""Tasks that come and go, wait for each other and are cancelled, and say each thing that they do to a descriptor.

python tells_the_truth.py DESCRIPTOR: one line, written at once, whenever a task was made, has begun a step or was
cancelled; for as long as somebody reads. The order of the lines is the order of what happened.
"""

import asyncio
import itertools
import os
import sys

TRUTH = int(sys.argv[1])
numbers = itertools.count(1)


def tell(*words: object) -> None:
    """Write a line."""
    os.write(TRUTH, (" ".join(map(str, words)) + "\n").encode())


async def steps(name: str, slots: asyncio.Semaphore) -> None:
    """Take some steps, some of them in a queue."""
    tell("step", name)
    async with slots:
        for _ in range(3):
            await asyncio.sleep(0)
            tell("step", name)


async def waits(name: str) -> None:
    """Wait for ever, and clean up."""
    tell("step", name)
    try:
        await asyncio.Event().wait()
    finally:
        tell("reached", name)
        await asyncio.sleep(0)
        tell("step", name)


async def main() -> None:
    """Make tasks, and tasks, and tasks."""
    slots = asyncio.Semaphore(2)
    for round_ in itertools.count():
        waiter = asyncio.create_task(waits(f"waiter-{round_}"), name=f"waiter-{round_}")
        tell("made", f"waiter-{round_}")
        tasks = []
        for number in range(5):
            name = f"job-{round_}-{number}"
            tasks.append(asyncio.create_task(steps(name, slots), name=name))
            tell("made", name)
        await asyncio.gather(*tasks)
        for task in tasks:
            tell("ended", task.get_name())
        waiter.cancel()
        tell("asked", waiter.get_name())
        await asyncio.wait([waiter])
        tell("ended", waiter.get_name())


if __name__ == "__main__":
    asyncio.run(main())
