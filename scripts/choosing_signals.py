"""Which signals? The same two jobs under four owners of the signals.

Start me in a terminal with one of the words asyncio, handlers, kit, kit-with-hup. Press
Ctrl-C, or from another terminal `kill -TERM` or `kill -HUP` my process: a signal that
nobody owns ends me on the spot. One that is owned lets both jobs clean up first.
"""

import asyncio
import sys
from functools import partial
from signal import SIGHUP, SIGINT, SIGTERM

import cancelkit
from cancelkit.lab.workload import say
from cancelkit.patterns import handlers, task_group


async def job(name: str) -> None:
    """Work for ever; then clean up."""
    say("begun", name)
    try:
        await asyncio.Event().wait()
    finally:
        say("cleanup begun", name)
        await asyncio.sleep(0.2)
        say("cleanup finished", name)


JOBS = [partial(job, "job-1"), partial(job, "job-2")]

if __name__ == "__main__":
    match sys.argv[1:]:
        case ["asyncio"]:
            asyncio.run(task_group.run_tasks(JOBS, 2))
        case ["handlers"]:
            asyncio.run(handlers.run_tasks(JOBS, 2))
        case ["kit"]:
            cancelkit.run(cancelkit.run_tasks(JOBS, 2))
        case ["kit-with-hup"]:
            cancelkit.run(cancelkit.run_tasks(JOBS, 2), signals=(SIGINT, SIGTERM, SIGHUP))
        case _:
            sys.exit(f"usage: {sys.argv[0]} asyncio | handlers | kit | kit-with-hup")
