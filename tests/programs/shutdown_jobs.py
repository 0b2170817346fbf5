"""Five jobs, two at a time, that wait to be cancelled and then clean up: python shutdown_jobs.py cancelkit|PATTERN."""

import asyncio
import functools
import importlib
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import cancelkit
from cancelkit.trace.reports import report

TURNS = 5
"""How many turns of the loop each half of a cleanup takes: a signal finds it under way however slow the machine is."""


def make_jobs(count: int) -> list[Callable[[], Awaitable[None]]]:
    return [functools.partial(job, f"job-{number}") for number in range(1, count + 1)]


async def job(name: str) -> None:
    report("begun", name)
    try:
        await asyncio.Event().wait()
    finally:
        await clean_up(name)


async def clean_up(name: str) -> None:
    for half in ("cleanup begun", "cleanup halfway"):
        report(half, name)
        for _ in range(TURNS):
            await asyncio.sleep(0)
    report("cleanup finished", name)


def state() -> list[Any]:
    """What must be as it was when all is over."""
    return [*map(signal.getsignal, (signal.SIGINT, signal.SIGTERM)), len([*Path("/dev/fd").iterdir()])]


if __name__ == "__main__":
    before = state()
    try:
        if sys.argv[1] == "cancelkit":
            cancelkit.run(cancelkit.run_tasks(make_jobs(5), 2))
        else:
            asyncio.run(importlib.import_module(f"cancelkit.patterns.{sys.argv[1]}").run_tasks(make_jobs(5), 2))
    finally:
        print("restored" if state() == before else f"changed: {before} to {state()}")
