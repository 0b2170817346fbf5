"""A task that main leaves behind, and a Ctrl-C while the loop is being closed.

Start me in a terminal: when the two jobs have ended, main returns, and the task that it
left behind is cancelled and cleans up. Press Ctrl-C then, quickly: its cleanup is lost,
although the jobs run under approach 3, for that owns the signals only while it runs.
Start me with the argument --owned and do it again: `cancelkit.run` still owns them.
"""

import asyncio
import sys

import cancelkit
from cancelkit.lab.workload import make_jobs, plain_job
from cancelkit.patterns.handlers import run_tasks

left_behind: set[asyncio.Task[str]] = set()


async def main() -> None:
    """Start a task, run two short jobs, and leave without waiting for the task."""
    left_behind.add(asyncio.create_task(plain_job("leftover", work=60), name="leftover"))
    await run_tasks(make_jobs(2), max_concurrent=2)


if __name__ == "__main__":
    run = cancelkit.run if "--owned" in sys.argv else asyncio.run
    run(main())
