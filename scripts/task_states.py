"""Four jobs in four states at one moment: running, awaiting, queued, not started.

Start me in a terminal and press Ctrl-C when I say that I compute: three jobs are
cancelled, and one begins. Start me with --long and press twice, the second time when I
say that I go on: now that one never begins. With --eager, from Python 3.12 on, it has
begun before you can press anything.
"""

import asyncio
import socket
import sys
import time

from cancelkit.lab.workload import say

slots = asyncio.Semaphore(2)
connected = asyncio.Event()


async def reads() -> None:
    """Wait for the answer of a server that never gives one; then clean up, which takes a while."""
    async with slots:
        say("begun", "reads")
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=ours)
        connected.set()
        with theirs:
            try:
                await reader.readline()
            finally:
                say("cleanup begun", "reads")
                await asyncio.sleep(0.3)
                writer.close()
                say("cleanup finished", "reads")


async def computes(group: asyncio.TaskGroup, main: asyncio.Task[None]) -> None:
    """Start one more job, and compute; then clean up, without an await."""
    async with slots:
        say("begun", "computes")
        await connected.wait()
        try:
            group.create_task(new(), name="new")
            compute(main)
            await asyncio.Event().wait()
        finally:
            say("cleanup begun", "computes")
            say("cleanup finished", "computes")


def compute(main: asyncio.Task[None]) -> None:
    """Compute, and give control to nobody, until somebody has asked main to end; with --long, for a minute more."""
    time.sleep(0.3)
    print("I compute", flush=True)
    while not main.cancelling():
        time.sleep(0.01)
    if "--long" in sys.argv:
        time.sleep(0.2)
        print("I go on", flush=True)
        time.sleep(60)
    time.sleep(0.3)


async def queues() -> None:
    """Wait for a slot; then work for ever."""
    async with slots:
        say("begun", "queues")
        await asyncio.Event().wait()


async def new() -> None:
    """Work for ever; then clean up, which takes a while."""
    say("begun", "new")
    try:
        await asyncio.Event().wait()
    finally:
        say("cleanup begun", "new")
        await asyncio.sleep(0.3)
        say("cleanup finished", "new")


async def main() -> None:
    """Start three jobs, of which one starts a fourth."""
    main_task = asyncio.current_task()
    assert main_task is not None
    if "--eager" in sys.argv and sys.version_info >= (3, 12):
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    async with asyncio.TaskGroup() as group:
        group.create_task(reads(), name="reads")
        group.create_task(computes(group, main_task), name="computes")
        group.create_task(queues(), name="queues")


if __name__ == "__main__":
    asyncio.run(main())
