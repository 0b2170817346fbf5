"""Three jobs, with or without the two halves of the mend: cleanup that finishes, a run that owns the signals.

Let the sweep press Ctrl-C at every point, once and twice: `cancelkit sweep
scripts/sweep_two_halves.py --signals 2`, and with `-- --finish`, `-- --own`, `-- --finish --own`.
Cleanup is safe under one Ctrl-C with the first half, and under two only with both.
"""

import asyncio
import sys
from collections.abc import Callable

import cancelkit
from cancelkit.trace import holding


async def tidy_up(released: Callable[[], None]) -> None:
    """Take two steps."""
    await asyncio.sleep(0.1)
    await asyncio.sleep(0.1)
    released()


async def job(name: str) -> None:
    """Hold something, work, tidy up."""
    with holding(name) as released:
        try:
            await asyncio.sleep(1)
        finally:
            await (cancelkit.finish(tidy_up(released)) if "--finish" in sys.argv else tidy_up(released))


async def main() -> None:
    """Run three jobs, two at a time."""
    limit = asyncio.Semaphore(2)

    async def limited(name: str) -> None:
        async with limit:
            await job(name)

    async with asyncio.TaskGroup() as group:
        for number in range(1, 4):
            group.create_task(limited(f"job-{number}"), name=f"job-{number}")


run = cancelkit.run if "--own" in sys.argv else asyncio.run
run(main())
