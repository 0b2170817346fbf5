"""The two jobs and the two time limits of tracking_timeout.py, under another approach than tracking.

Start me in a terminal with --group, press Ctrl-C, and send me SIGALRM twice from another
terminal while the jobs clean up: a task group holds. Start me with --handlers: send SIGALRM
once in the cleanup, and I exit with 1, as if nobody had pressed; send it twice without any
Ctrl-C, once at work and once in the cleanup, and both cleanups are lost.
"""

import asyncio
import sys

import tracking_timeout

from cancelkit.patterns import handlers, task_group

if __name__ == "__main__":
    approach = handlers if "--handlers" in sys.argv else task_group
    tracking_timeout.run_tasks = approach.run_tasks  # type: ignore[attr-defined]
    asyncio.run(tracking_timeout.main())
