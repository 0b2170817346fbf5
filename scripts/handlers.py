"""Approach 3, signal handlers: the program decides what a signal means.

Start me in a terminal: seven jobs, two at a time. Press Ctrl-C as often as you like:
the jobs at work clean up to the end, those in the queue never begin, and `echo $?`
says 130. Or send me SIGTERM from another terminal: the same cleanup, and 143.
"""

import asyncio

from cancelkit.lab.workload import make_jobs
from cancelkit.patterns.handlers import run_tasks


async def main() -> None:
    """Run the jobs and print their results."""
    print(await run_tasks(make_jobs(), max_concurrent=2))


if __name__ == "__main__":
    asyncio.run(main())
