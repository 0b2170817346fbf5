"""The second Ctrl-C under asyncio.run is a KeyboardInterrupt, wherever Python is just then.

Start me in a terminal and press Ctrl-C, and again when I say that I save. I save without
an await, so the second one arrives in the middle of main. Start me with --await and do it
again: now Python is in the loop's own code, and what arrives in main is another
cancellation.
"""

import asyncio
import sys
import time


def save() -> None:
    """Stand for something long that gives control to nobody."""
    print("main: saves", flush=True)
    time.sleep(60)


async def save_with_await() -> None:
    """The same with an await."""
    print("main: saves", flush=True)
    await asyncio.sleep(60)


async def main() -> None:
    """Wait for ever; when that is interrupted, save."""
    print("main: begins", flush=True)
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        print("main: a CancelledError arrives at the await")
        try:
            if "--await" in sys.argv:
                await save_with_await()
            else:
                save()
        except BaseException as error:
            print(f"main: a {type(error).__name__} arrives while it saves")
            raise
        raise


if __name__ == "__main__":
    asyncio.run(main())
