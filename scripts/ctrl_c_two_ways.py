"""The same main under asyncio.run and under a loop that is run by hand: what arrives where.

Start me in a terminal and press Ctrl-C: a CancelledError arrives in main, which cleans
up; a KeyboardInterrupt arrives outside. Start me with --by-hand: nothing arrives in main,
and it does not clean up. With --mended the loop is run by hand too, and main cleans up.
"""

import asyncio
import contextlib
import sys


async def main() -> None:
    """Work for a while, wait for ever, and say what arrives."""
    try:
        await asyncio.sleep(0.2)  # some work
        print("main: waits", flush=True)
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        print("main: a CancelledError arrives")
        await asyncio.sleep(0.3)  # some cleanup
        print("main: has cleaned up")
        raise


def by_hand() -> None:
    """Run main as one did before there was asyncio.run."""
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()


def by_hand_mended() -> None:
    """The same, but cancel main on a KeyboardInterrupt, and run the loop until main has ended."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(main(), name="main")
    try:
        loop.run_until_complete(task)
    except KeyboardInterrupt:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(task)
        raise
    finally:
        loop.close()


WAYS = {"--by-hand": by_hand, "--mended": by_hand_mended}


if __name__ == "__main__":
    try:
        WAYS[sys.argv[1]]() if sys.argv[1:] else asyncio.run(main())
    except KeyboardInterrupt:
        print("outside: a KeyboardInterrupt arrives")
        raise
