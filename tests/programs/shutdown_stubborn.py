"""Something that will not end, whatever comes: python shutdown_stubborn.py NAME."""

import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

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


async def block() -> None:
    signal.raise_signal(signal.SIGINT)
    while True:
        time.sleep(60)  # noqa: ASYNC251 - blocks here


async def beside_a_task(main: Awaitable[object]) -> None:
    beside = asyncio.create_task(asyncio.Event().wait(), name="beside")
    await main
    del beside


MAINS: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
    "job": lambda: run_tasks([job], 1),
    "main": lambda: beside_a_task(job()),
    "blocked": lambda: run_tasks([block], 1),
}

if __name__ == "__main__":
    run(MAINS[sys.argv[1]](), grace=0.01)
