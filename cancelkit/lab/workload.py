"""The standard workload: jobs that have something to tidy up, and say what becomes of it.

A job begins, acquires what it needs (then it holds something that must be tidied up), works, and cleans up. The first
two jobs are short and the others long, so that a timeline shows jobs that ended as they should beside those that a
signal found at work. Run two at a time, seven jobs reach a state that lasts for seconds: two have ended, two work,
three wait.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable

from cancelkit.shutdown import finish
from cancelkit.trace.reports import What, report

ACQUIRE = 0.15
"""Seconds that a job needs until it holds something."""

SHORT, LONG = (0.1, 0.2), 5.0
"""Seconds of work after that: of the first two jobs, and of each of the others."""

CLEANUP = 0.3
"""Seconds that a job needs to tidy up."""


def make_jobs(count: int = 7, *, finished: bool = False) -> list[Callable[[], Awaitable[str]]]:
    """Make `count` jobs, named job-1, job-2 …; with `finished`, their cleanup is inside `cancelkit.finish`."""
    job = job_with_finish if finished else plain_job
    work = (*SHORT, *[LONG] * count)[:count]
    return [functools.partial(job, f"job-{number}", seconds) for number, seconds in enumerate(work, 1)]


async def plain_job(name: str, work: float) -> str:
    """Work for a while, then clean up in a plain `finally`, as most programs do."""
    _say("begun", name)
    try:
        return await do_work(name, work)
    finally:
        await clean_up(name)


async def job_with_finish(name: str, work: float) -> str:
    """Work for a while, then clean up to the end, whatever comes."""
    _say("begun", name)
    try:
        return await do_work(name, work)
    finally:
        await finish(clean_up(name))


async def do_work(name: str, seconds: float) -> str:
    """Acquire something, and make use of it for a while."""
    await asyncio.sleep(ACQUIRE)
    _say("holding", name)
    await asyncio.sleep(seconds)
    return f"result of {name}"


async def clean_up(name: str) -> None:
    """Do something in two steps that take a while, and is lost if it is interrupted."""
    _say("cleanup begun", name)
    await asyncio.sleep(CLEANUP / 2)
    _say("cleanup halfway", name)
    await asyncio.sleep(CLEANUP / 2)
    _say("cleanup finished", name)


def _say(what: What, name: str) -> None:
    report(what, name)
    print(f"{name}: {what}", flush=True)  # noqa: T201 - for the person at the terminal
