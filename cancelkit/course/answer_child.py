"""A program that prepares something, and then is an answer.

    python answer_child.py PREPARATION ANSWER [ARGUMENT ...]

PREPARATION is `halves`: a desk that gets hold of its things says so when half of them are there. Or `hours`: whoever
looks at the loop's clock finds another hour gone, so that nothing is won by waiting for some time to go by.
"""

from __future__ import annotations

import itertools
import runpy
import sys
from asyncio import BaseEventLoop

from cancelkit.lab.workload import Desk

HALF = "half of it is there"
"""What a desk says then, after its name."""


def halves() -> None:
    """Have a desk say when it has its connection and its file, and is about to wait for the server's hello."""
    ask = Desk.ask

    async def ask_and_tell(desk: Desk, what: str, seconds: float) -> None:
        if what == "hello":
            print(f"{desk.name}: {HALF}", flush=True)  # noqa: T201
        await ask(desk, what, seconds)

    Desk.ask = ask_and_tell  # type: ignore[assignment, method-assign]


def hours() -> None:
    """Have an hour go by between any two looks at the loop's clock."""
    clock = itertools.count(step=3600.0)
    BaseEventLoop.time = lambda _: next(clock)  # type: ignore[assignment, method-assign]


if __name__ == "__main__":
    preparation, answer = sys.argv[1:3]
    {"halves": halves, "hours": hours}[preparation]()
    sys.argv[:] = sys.argv[2:]
    runpy.run_path(answer, run_name="__main__")
