"""A handler that the loop had for a signal is not put back: nobody can ask the loop for it.

Start me in a terminal: main has the loop call a handler of its own for SIGINT. Then a job
runs under approach 3, which registers for SIGINT as well. Press Ctrl-C when I say `main:
goes on`: nothing happens, for nobody handles SIGINT. With --alone there
is no job, and main hears of it.
"""

import asyncio
import sys
from signal import SIGINT

from cancelkit.lab.workload import make_jobs
from cancelkit.patterns.handlers import run_tasks


async def main() -> None:
    """Handle SIGINT, run a job, and go on until SIGINT comes, or for a while."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(SIGINT, stopping.set)
    if "--alone" not in sys.argv:
        await run_tasks(make_jobs(1), max_concurrent=1)
    print("main: goes on", flush=True)
    try:
        async with asyncio.timeout(1):
            await stopping.wait()
        print("main: has heard of SIGINT")
    except TimeoutError:
        print("main: has heard of nothing")


if __name__ == "__main__":
    asyncio.run(main())
