"""What each of the two is for: run keeps out a second signal, finish a cancellation.

Start me in a terminal with --run, with --finish, with both or with neither, and press
Ctrl-C. Press it twice while the jobs are at work, the second time within the 0.3 seconds
that their cleanup takes; or once, when the first two jobs say that their cleanup has
begun. Only with both of them no cleanup is lost.
"""

import asyncio
import sys

from cancelkit import run, run_tasks
from cancelkit.lab.workload import make_jobs


async def main() -> None:
    """Run the jobs and print their results."""
    print(await run_tasks(make_jobs(finished="--finish" in sys.argv), max_concurrent=2))


if __name__ == "__main__":
    if "--run" in sys.argv:
        run(main())
    else:
        asyncio.run(main())
