"""Approach 3 in its simplest form: three signals, one handler, every task cancelled once, an honest exit status.

Start me in a terminal: seven jobs, two at a time. Press Ctrl-C when I say `job-4: holding`,
and again while they clean up: all cleanups finish, and `echo $?` says 130. With --every-time
the second Ctrl-C cancels again, and two cleanups are lost. With --silent it says 0, as if
nothing had happened.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from signal import SIGHUP, SIGINT, SIGTERM, Signals

from cancelkit.lab.workload import make_jobs


async def main() -> None:
    """Run the jobs, two at a time; cancel them all when a signal comes."""
    slots = asyncio.Semaphore(2)
    received: list[Signals] = []

    async def in_a_slot(job: Callable[[], Awaitable[str]]) -> str:
        async with slots:
            return await job()

    def on_signal(signum: Signals) -> None:
        received.append(signum)
        for task in tasks:
            if "--every-time" in sys.argv or not task.cancelling():
                task.cancel()

    tasks = [asyncio.create_task(in_a_slot(job), name=f"job-{n}") for n, job in enumerate(make_jobs(), 1)]
    for signum in (SIGINT, SIGTERM, SIGHUP):
        asyncio.get_running_loop().add_signal_handler(signum, on_signal, signum)
    await asyncio.wait(tasks)
    if received and "--silent" not in sys.argv:
        raise SystemExit(128 + received[0])


if __name__ == "__main__":
    asyncio.run(main())
