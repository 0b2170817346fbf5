"""The first signal asks, the second cancels: an event that the jobs look at between two records.

Start me in a terminal: three jobs, two at a time, copy records. Press Ctrl-C once: each
copies its record to the end, and stops. Press twice: the record stays half copied, and
what is left to do is the cleanup.
"""

import asyncio
import functools

from cancelkit.lab.workload import say
from cancelkit.patterns.handlers import run_tasks


async def job(name: str, stopping: asyncio.Event) -> None:
    """Copy one record after the other, until asked to stop."""
    say("begun", name)
    try:
        while not stopping.is_set():
            await asyncio.sleep(0.2)
            print(f"{name}: half a record", flush=True)
            await asyncio.sleep(0.2)
            print(f"{name}: a whole record", flush=True)
    finally:
        say("cleanup begun", name)
        await asyncio.sleep(0.2)
        say("cleanup finished", name)


async def main() -> None:
    """Run three jobs, two at a time."""
    stopping = asyncio.Event()
    jobs = [functools.partial(job, f"job-{number}", stopping) for number in (1, 2, 3)]
    await run_tasks(jobs, max_concurrent=2, stopping=stopping)


if __name__ == "__main__":
    asyncio.run(main())
