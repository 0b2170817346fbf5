"""A job that gets hold of a lock, and has one line too many before its `try`.

Press Ctrl-C when it says "at work", as often as you like: it unlocks, and says so. The line before
takes a thousandth of a second. Let the sweep press it at every point, and it finds the line:
`cancelkit sweep scripts/sweep_window.py`. With `-- --mended` there is no such line, and every
point is clean.
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
            print("at work", flush=True)
            await asyncio.sleep(1)
        finally:
            await cancelkit.finish(unlock(released))


cancelkit.run(cancelkit.run_tasks([job, job], 1))
