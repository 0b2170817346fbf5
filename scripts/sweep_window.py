"""A job that gets hold of a lock, and has one line too many before its `try`.

Press Ctrl-C as often as you like: it says "unlocked", for that line takes a thousandth of a second.
Then let the sweep press it at every point: `cancelkit sweep scripts/sweep_window.py` finds the
line. With `-- --mended` added there is no such line, and every point is clean.
"""

import asyncio
import sys
from collections.abc import Callable

import cancelkit
from cancelkit.trace import holding


async def unlock(released: Callable[[], None]) -> None:
    """Give the lock back, which takes a while."""
    await asyncio.sleep(0.1)
    released()
    print("unlocked", flush=True)


async def job() -> None:
    """Lock, work, unlock."""
    with holding("the lock") as released:
        if "--mended" not in sys.argv:
            await asyncio.sleep(0.001)  # the window
        try:
            await asyncio.sleep(1)
        finally:
            await cancelkit.finish(unlock(released))


cancelkit.run(cancelkit.run_tasks([job, job], 1))
