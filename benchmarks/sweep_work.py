"""What is swept in benchmarks/sweep.py: five jobs in a task group, two at a time, with a cleanup of two steps.

    python sweep_work.py SECONDS [--finish]

SECONDS is how long each step of a cleanup takes. It says "ready" when it waits for its first two jobs.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

from cancelkit.shutdown import finish
from cancelkit.trace.reports import holding

STEP = float(sys.argv[1])


async def tidy_up(released: Callable[[], None]) -> None:
    """Two steps."""
    await asyncio.sleep(STEP)
    await asyncio.sleep(STEP)
    released()


async def job(number: int, limit: asyncio.Semaphore) -> None:
    """Hold something, work, tidy up."""
    async with limit:
        with holding(f"job-{number}") as released:
            try:
                if number == 2:
                    print("ready", flush=True)
                await asyncio.sleep(0.1 if number < 3 else 2)
            finally:
                await (finish(tidy_up(released)) if "--finish" in sys.argv else tidy_up(released))


async def main() -> None:
    """Run them."""
    limit = asyncio.Semaphore(2)
    async with asyncio.TaskGroup() as group:
        for number in range(1, 6):
            group.create_task(job(number, limit), name=f"job-{number}")


asyncio.run(main())
