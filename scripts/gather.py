"""A common claim: "gather does not cancel the jobs that queue for a semaphore".

Start me in a terminal and press Ctrl-C while two jobs work: no queued job begins, for
all of them were cancelled; but the two cleanups never finish. Start me with the
argument --return-exceptions and do it again: now they do.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable

from cancelkit.lab.workload import make_jobs


async def main() -> None:
    """Run the jobs, two at a time, in a plain gather."""
    slots = asyncio.Semaphore(2)

    async def in_a_slot(job: Callable[[], Awaitable[str]]) -> str:
        async with slots:
            return await job()

    tasks = [asyncio.create_task(in_a_slot(job), name=f"job-{n}") for n, job in enumerate(make_jobs(), 1)]
    print(await asyncio.gather(*tasks, return_exceptions="--return-exceptions" in sys.argv))


if __name__ == "__main__":
    asyncio.run(main())
