"""Something that will not end, whatever comes: python shutdown_stubborn.py NAME."""

import asyncio
import signal
import sys
from collections.abc import Awaitable

from cancelkit import run, run_tasks


async def wait_for_ever() -> None:
    while True:
        try:
            await asyncio.Event().wait()  # stuck here
        except asyncio.CancelledError:
            continue


async def job() -> None:
    signal.raise_signal(signal.SIGINT)
    await wait_for_ever()


async def beside_a_task(main: Awaitable[object]) -> None:
    beside = asyncio.create_task(asyncio.Event().wait(), name="beside")
    await main
    del beside


if __name__ == "__main__":
    run(run_tasks([job], 1) if sys.argv[1] == "job" else beside_a_task(job()), grace=0.01)
