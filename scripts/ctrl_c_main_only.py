"""The first Ctrl-C under asyncio.run cancels one task, main; the others hear of it later.

Start me in a terminal and press Ctrl-C: the job that main awaits is cancelled with it.
The other one works on, until main has ended and the loop is closed. Press twice, and
cleanup is lost.
"""

import asyncio

from cancelkit.lab.workload import say


async def job(name: str) -> None:
    """Get hold of something, work for ever, and clean up in two steps."""
    say("begun", name)
    await asyncio.sleep(0.2)
    say("holding", name)
    try:
        await asyncio.Event().wait()
    finally:
        say("cleanup begun", name)
        await asyncio.sleep(0.2)
        say("cleanup halfway", name)
        await asyncio.sleep(0.2)
        say("cleanup finished", name)


async def main() -> None:
    """Start two jobs, and await one of them."""
    background = asyncio.create_task(job("background"), name="background")
    awaited = asyncio.create_task(job("awaited"), name="awaited")
    try:
        await awaited
    finally:
        await asyncio.sleep(0.3)  # main has something to clean up as well
        print("main: has cleaned up, and the other job has not ended:", not background.done())


if __name__ == "__main__":
    asyncio.run(main())
