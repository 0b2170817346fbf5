"""Signals in the closing of the loop, and tasks that main left behind: python shutdown_closing.py NAME."""

import asyncio
import signal
import sys
from typing import Any

from shutdown_jobs import job

from cancelkit import run


async def leave_behind() -> str:
    left = asyncio.create_task(job("left"))
    await asyncio.sleep(0)
    del left
    return "main's result"


async def gather() -> None:
    """The first to end ends the gathering, and main with it, while the others are still cleaning up."""
    await asyncio.gather(asyncio.Event().wait(), job("job-1"), job("job-2"))


class LateLoop(asyncio.SelectorEventLoop):
    def close(self) -> None:
        super().close()
        signal.raise_signal(signal.SIGINT)


def left() -> Any:
    return run(leave_behind(), grace=None)


def gathered() -> Any:
    return run(gather())


def at_the_close() -> Any:
    return run(asyncio.sleep(0, "main's result"), loop_factory=LateLoop)


if __name__ == "__main__":
    print(globals()[sys.argv[1]]())
