"""A TaskSet and a file: what is entered last is left first, and jobs need the file to the end.

Start me in a terminal and press Ctrl-C when both jobs hold something: each writes its goodbye
into the file and says that its cleanup is finished, and then the file is closed. Start me with
--swapped and do it again: the file is closed while the jobs are still at work, no goodbye can
be written, and nobody says so.
"""

import asyncio
import functools
import sys
import tempfile
from typing import IO

from cancelkit.lab.workload import say
from cancelkit.patterns.context_manager import TaskSet


async def job(name: str, file: IO[str]) -> None:
    """Get hold of something, and work for ever; then write a goodbye."""
    say("begun", name)
    try:
        await asyncio.sleep(0.2)
        say("holding", name)
        await asyncio.Event().wait()
    finally:
        say("cleanup begun", name)
        await asyncio.sleep(0.2)
        file.write("goodbye\n")
        say("cleanup finished", name)


async def start_and_wait(tasks: TaskSet, file: IO[str]) -> None:
    """Start two jobs, and wait for ever."""
    for name in ("job-1", "job-2"):
        tasks.start(functools.partial(job, name, file))
    await asyncio.Event().wait()


async def main() -> None:
    """Enter a file and a TaskSet, in one order or the other."""
    if "--swapped" in sys.argv:
        async with TaskSet(2) as tasks:
            with tempfile.TemporaryFile("w") as file:
                await start_and_wait(tasks, file)
    else:
        with tempfile.TemporaryFile("w") as file:
            async with TaskSet(2) as tasks:
                await start_and_wait(tasks, file)


if __name__ == "__main__":
    asyncio.run(main())
