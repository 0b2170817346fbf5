"""Why tracking waits with `asyncio.wait`, and not with a bare gather.

Start me in a terminal: seven jobs, two at a time. Press Ctrl-C once, when I say
`job-4: holding`: two cleanups are lost, for the gather has cancelled all jobs already, and
my loop does it again. Start me with --wait and do the same: nothing is lost. Nor is it with
--all, where the gather waits for all of the jobs, whatever becomes of one.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable

from cancelkit.lab.workload import make_jobs


async def main() -> None:
    """Run the jobs, two at a time; at the end cancel each, and wait for all of them."""
    slots = asyncio.Semaphore(2)

    async def in_a_slot(job: Callable[[], Awaitable[str]]) -> str:
        async with slots:
            return await job()

    tasks = [asyncio.create_task(in_a_slot(job), name=f"job-{n}") for n, job in enumerate(make_jobs(), 1)]
    try:
        if "--wait" in sys.argv:
            await asyncio.wait(tasks)
        else:
            await asyncio.gather(*tasks, return_exceptions="--all" in sys.argv)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


if __name__ == "__main__":
    asyncio.run(main())
