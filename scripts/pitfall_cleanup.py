"""A cleanup that is itself cancelled, and what keeps the cancellation out of it.

A person is too slow for this; let the lab press Ctrl-C when both jobs are halfway through their
cleanup: `cancelkit interrupt scripts/pitfall_cleanup.py --when halfway=2`. It does not finish,
nor does it with `-- --shield` added; with `-- --mended` it does. With `--when holding=2 --then
halfway=2` a second Ctrl-C falls into a cleanup that the first has caused, and it takes
`-- --owned` to survive that.
"""

import asyncio
import sys

import cancelkit
from cancelkit.lab.workload import say


async def tidy_up(name: str) -> None:
    """Take two steps, each of which takes a while."""
    say("cleanup begun", name)
    await asyncio.sleep(0.1)
    say("cleanup halfway", name)
    await asyncio.sleep(0.4)
    say("cleanup finished", name)


async def work(name: str) -> None:
    """Work for a short while."""
    say("begun", name)
    say("holding", name)
    await asyncio.sleep(0.1)


async def broken(name: str) -> None:
    """Clean up, like most programs."""
    try:
        await work(name)
    finally:
        await tidy_up(name)


async def shielded(name: str) -> None:
    """Clean up in a shield."""
    try:
        await work(name)
    finally:
        await asyncio.shield(tidy_up(name))


async def mended(name: str) -> None:
    """Clean up to the end."""
    try:
        await work(name)
    finally:
        await cancelkit.finish(tidy_up(name))


async def main() -> None:
    """Run two jobs of one kind in a task group."""
    job = mended if "--mended" in sys.argv else shielded if "--shield" in sys.argv else broken
    try:
        async with asyncio.TaskGroup() as group:
            for name in ("job-1", "job-2"):
                group.create_task(job(name), name=name)
    finally:
        await asyncio.sleep(0.1)  # main has something to tidy up as well


if __name__ == "__main__":
    run = cancelkit.run if "--owned" in sys.argv else asyncio.run
    run(main())
