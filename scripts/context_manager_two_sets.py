"""Two TaskSets, one in the other: the jobs of the inner one end before those of the outer are asked to.

Start me in a terminal and press Ctrl-C when ann and bob are served: both say goodbye over the
line, and then the line is closed. Start me with --one, which puts all three jobs into one
TaskSet, and do it again: the line is closed at the same time, and nobody hears the goodbyes.
"""

import asyncio
import functools
import sys

from cancelkit.lab.workload import say
from cancelkit.patterns.context_manager import TaskSet

heard: list[str] = []
line: asyncio.Queue[str] = asyncio.Queue()


async def listen() -> None:
    """Take from the line what is said there; close it in the end, which takes a while."""
    say("begun", "line")
    try:
        while True:
            heard.append(await line.get())
    finally:
        say("cleanup begun", "line")
        await asyncio.sleep(0.3)
        say("cleanup finished", "line")


async def serve(client: str) -> None:
    """Serve a client for ever; say goodbye in the end."""
    say("begun", client)
    try:
        await asyncio.sleep(0.2)
        say("holding", client)
        await asyncio.Event().wait()
    finally:
        say("cleanup begun", client)
        await asyncio.sleep(0.2)
        line.put_nowait(f"goodbye from {client}")
        await asyncio.sleep(0.1)
        say("cleanup finished", client)


async def main() -> None:
    """Start the line in one TaskSet, and the clients in another, or in the same."""
    async with TaskSet(3) as outer, TaskSet(3) as inner:
        outer.start(listen).set_name("line")
        clients = outer if "--one" in sys.argv else inner
        for client in ("ann", "bob"):
            clients.start(functools.partial(serve, client)).set_name(client)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    finally:
        print("heard:", ", ".join(heard) or "nothing")
