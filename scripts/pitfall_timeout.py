"""Testing with a timeout: it passes, for it never comes to the line that is wrong.

Start me with --test: main is ended by a timeout, and the test passes. Start me without it,
and press Ctrl-C twice, or send me SIGTERM: no cleanup finishes. With --mended both do, and
the test could not tell the difference.
"""

import asyncio
import contextlib
import sys

import cancelkit
from cancelkit.lab.workload import say

cleaned: set[str] = set()


async def job(name: str) -> None:
    """Get hold of something, and work for ever; then clean up, and take a note of it."""
    say("begun", name)
    try:
        await asyncio.sleep(0.2)
        say("holding", name)
        await asyncio.Event().wait()
    finally:
        say("cleanup begun", name)
        await asyncio.sleep(0.3)
        cleaned.add(name)
        say("cleanup finished", name)


async def main() -> None:
    """Run two jobs in a task group."""
    async with asyncio.TaskGroup() as group:
        for name in ("job-1", "job-2"):
            group.create_task(job(name), name=name)


def broken() -> None:
    """Run main, and leave the signals to chance."""
    asyncio.run(main())


def mended() -> None:
    """Run main, and own the signals."""
    cancelkit.run(main())


async def test_with_a_timeout() -> None:
    """End main by a timeout: both jobs have cleaned up."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(main(), timeout=0.3)
    assert cleaned == {"job-1", "job-2"}
    print("test: passed")


if __name__ == "__main__":
    if "--test" in sys.argv:
        asyncio.run(test_with_a_timeout())
    else:
        (mended if "--mended" in sys.argv else broken)()
