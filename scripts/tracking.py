"""Approach 2, tracking with shield: every task kept, cancelled once, and waited for.

Start me in a terminal: seven jobs, two at a time. Press Ctrl-C once: the jobs at work
clean up to the end, those in the queue never begin, and `echo $?` says 130. Start me
again and press Ctrl-C twice: the shield does not help, for a second Ctrl-C is no
cancellation.
"""

import asyncio

from cancelkit.lab.workload import make_jobs
from cancelkit.patterns.tracking import run_tasks


async def main() -> None:
    """Run the jobs and print their results."""
    print(await run_tasks(make_jobs(), max_concurrent=2))


if __name__ == "__main__":
    asyncio.run(main())
