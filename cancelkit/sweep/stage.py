"""The program that a target is swept on: five jobs, two at a time, each of which holds something to be tidied up.

    python stage.py TARGET RUNNER JOBS [--finish]

The jobs are those of the standard workload, without its server and its files, whose answers would take real time.
"""

from __future__ import annotations

import asyncio
import functools
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from cancelkit.errors import CancelkitError
from cancelkit.lab.stage import function_of
from cancelkit.shutdown import finish
from cancelkit.trace.reports import holding, report

JOBS, LIMIT = 5, 2

SHORT, LONG, CLEANUP = 0.1, 5.0, 0.3
"""Seconds, by the virtual clock: the work of the first two jobs, that of the others, and each cleanup."""


async def job(name: str, seconds: float, *, is_finished: bool) -> str:
    """Work for a while, and tidy up."""
    report("begun", name)
    with holding(name) as released:
        try:
            await asyncio.sleep(seconds)
            return f"result of {name}"
        finally:
            await (finish(tidy_up(released)) if is_finished else tidy_up(released))


async def tidy_up(released: Callable[[], None]) -> None:
    """Two steps that take a while."""
    await asyncio.sleep(CLEANUP / 2)
    await asyncio.sleep(CLEANUP / 2)
    released()


async def play(target: Callable[..., Awaitable[Any]], jobs: int, *, is_finished: bool) -> None:
    """Run the jobs under the target."""
    seconds = [SHORT if number <= LIMIT else LONG for number in range(1, jobs + 1)]
    tasks = [
        functools.partial(job, f"job-{number}", each, is_finished=is_finished) for number, each in enumerate(seconds, 1)
    ]
    await target(tasks, LIMIT)


def main() -> None:
    """Read the words, and play."""
    sys.path[0] = str(Path.cwd())  # in place of this file's folder, as with `python -m`
    target, runner, jobs, *flags = sys.argv[1:]
    try:
        run_tasks, run = function_of(target), function_of(runner)
    except CancelkitError as error:
        sys.exit(str(error))
    run(play(run_tasks, int(jobs), is_finished="--finish" in flags))


if __name__ == "__main__":
    main()
