"""A shield holds against a second cancellation. A third one gets through.

Start me in a terminal and press Ctrl-C: two jobs clean up, which takes 0.6 seconds. There
are two time limits around them; one is over whenever I get SIGALRM, so send me that from
another terminal while they clean up. The first SIGALRM does no harm. The second does.
"""

import asyncio
import functools
from signal import SIGALRM

from cancelkit.lab.workload import say
from cancelkit.patterns.tracking import run_tasks


async def job(name: str) -> None:
    """Work for ever, and clean up in three steps."""
    say("begun", name)
    try:
        await asyncio.sleep(0.2)
        say("holding", name)
        await asyncio.Event().wait()
    finally:
        say("cleanup begun", name)
        await asyncio.sleep(0.2)
        say("cleanup halfway", name)
        await asyncio.sleep(0.2)
        print(f"{name}: nearly done", flush=True)
        await asyncio.sleep(0.2)
        say("cleanup finished", name)


async def main() -> None:
    """Run two jobs within two time limits, which are over when SIGALRM says so: the inner one first."""
    async with asyncio.timeout(None) as outer, asyncio.timeout(None) as inner:
        limits = [outer, inner]
        asyncio.get_running_loop().add_signal_handler(SIGALRM, lambda: limits.pop().reschedule(0))
        await run_tasks([functools.partial(job, name) for name in ("job-1", "job-2")], max_concurrent=2)


if __name__ == "__main__":
    asyncio.run(main())
