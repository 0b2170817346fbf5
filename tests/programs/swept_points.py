"""A task group of two jobs, between much that is no point: it comes before the runner is entered, or after."""

import asyncio
import sys
from collections.abc import Coroutine

from cancelkit.trace import holding


def busy() -> int:
    """Call something again and again."""
    return sum(len(str(number)) for number in range(1000))


def double(number: int) -> int:
    return 2 * number


async def job(name: str) -> None:
    with holding(name) as released:
        try:
            await asyncio.sleep(3600)
            len(name)  # a function of C's
            double(21)  # a function of Python's
            for _ in name:
                pass  # a jump back
        finally:
            released()


async def main() -> None:
    async with asyncio.TaskGroup() as group:
        for name in ("one", "two"):
            group.create_task(job(name))


async def turns() -> None:
    """Give way a few times, and take no time."""
    for _ in range(5):
        await asyncio.sleep(0)


def by_hand(coro: Coroutine[object, object, None]) -> None:
    """As few points as can be: the loop is made before, and nothing is tidied up after."""
    loop = asyncio.new_event_loop()
    loop.run_until_complete(coro)
    loop.close()


if __name__ == "__main__":
    busy()
    for name in sys.argv[1:] or ["main"]:
        name, _, runner = name.partition(" ")
        (by_hand if runner else asyncio.run)(vars()[name]())
        busy()
