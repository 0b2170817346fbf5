"""Cancelled tasks that nobody awaits: main ends, and their cleanup is cancelled in its turn.

Start me in a terminal and press Ctrl-C when both jobs hold something: they are asked to end, and
asked again before their cleanup is done. With --mended it finishes before main closes the
database, which it needs. With --forgotten it finishes as well; but look at the order.
"""

import asyncio
import sys

from cancelkit.lab.workload import plain_job

Tasks = list[asyncio.Task[str]]


async def broken(tasks: Tasks) -> None:
    """Cancel them."""
    for task in tasks:
        task.cancel()


async def mended(tasks: Tasks) -> None:
    """Cancel them, and wait for all of them."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def forgotten(tasks: Tasks) -> None:
    """Leave them to asyncio.run."""


async def main() -> None:
    """Start two jobs, and wait for ever; then stop them, and close what they need."""
    stop = mended if "--mended" in sys.argv else forgotten if "--forgotten" in sys.argv else broken
    tasks = [asyncio.create_task(plain_job(name, 60), name=name) for name in ("job-1", "job-2")]
    try:
        await asyncio.Event().wait()
    finally:
        await stop(tasks)
        print("main: the database is closed", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
