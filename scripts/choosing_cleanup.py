"""What must happen before exit? Two jobs whose goodbye takes a while, with two kinds of protection.

Start me in a terminal. Press Ctrl-C at once: both goodbyes are said. Press it when job-1 is
halfway through its goodbye: it is lost, but not with --finish. Press it at once and again
when both are halfway: both are lost, but not with --owned. With both words nothing is lost.
"""

import asyncio
import sys

import cancelkit
from cancelkit.lab.workload import say


async def goodbye(name: str) -> None:
    """Say goodbye, in two steps."""
    say("cleanup begun", name)
    await asyncio.sleep(0.15)
    say("cleanup halfway", name)
    await asyncio.sleep(0.15)
    say("cleanup finished", name)


async def job(name: str) -> None:
    """Work, the first job for a while and the other for ever; then say goodbye."""
    say("begun", name)
    try:
        await (asyncio.sleep(0.2) if name == "job-1" else asyncio.Event().wait())
    finally:
        await (cancelkit.finish(goodbye(name)) if "--finish" in sys.argv else goodbye(name))


async def main() -> None:
    """Run both."""
    async with asyncio.TaskGroup() as group:
        for name in ("job-1", "job-2"):
            group.create_task(job(name), name=name)


if __name__ == "__main__":
    run = cancelkit.run if "--owned" in sys.argv else asyncio.run
    run(main())
