"""One measurement, in a process of its own: python jobs_work.py WORK IMPLEMENTATION JOBS LIMIT. Prints figures."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from cancelkit.contract.compare import IMPLEMENTATIONS
from cancelkit.lab.stage import function_of

RunTasks = Callable[[Iterable[Callable[[], Awaitable[Any]]], int], Awaitable[list[Any]]]


async def nothing() -> None:
    """A job that has nothing to do."""


def say(what: str) -> None:
    """Tell whoever measures."""
    print(what, flush=True)


def memory() -> dict[str, int]:
    """How much this process has in memory, and the most it ever had, in bytes."""
    status = Path("/proc/self/status").read_text()
    return {name: int(kilobytes) << 10 for name, kilobytes in re.findall(r"^(VmHWM|VmRSS):\s+(\d+) kB", status, re.M)}


async def done(run_tasks: RunTasks, jobs: Iterable[Callable[[], Awaitable[Any]]], count: int, limit: int) -> None:
    """Run jobs that do nothing; say how long it took, and by how much memory grew at its most."""
    before, begun = memory(), time.perf_counter()
    results = await run_tasks(jobs, limit)
    seconds, most = time.perf_counter() - begun, memory()
    if results != [None] * count:
        raise SystemExit(f"{len(results)} results of {count}")
    print(json.dumps({"seconds": seconds, "bytes": most["VmHWM"] - before["VmRSS"]}))


async def interrupted(run_tasks: RunTasks, count: int, limit: int) -> None:
    """Run jobs that never end until a signal comes; say when the last cleanup began, by the system's own clock."""
    begun, cleanups = 0, 0

    async def job() -> None:
        nonlocal begun, cleanups
        begun += 1
        if begun == limit:
            asyncio.get_running_loop().call_later(0.5, say, "ready")  # when everything is at rest
        try:
            await asyncio.Event().wait()
        finally:
            cleanups += 1
            if cleanups == limit:
                say(str(time.monotonic()))
            await asyncio.sleep(0)

    await run_tasks([job] * count, limit)


def main() -> None:
    """Measure."""
    work, name, *numbers = sys.argv[1:]
    count, limit = map(int, numbers)
    run_tasks, runner = map(function_of, IMPLEMENTATIONS[name].target[:2])
    if work == "list":
        runner(done(run_tasks, [nothing] * count, count, limit))
    elif work == "generator":
        runner(done(run_tasks, (nothing for _ in range(count)), count, limit))
    else:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        runner(interrupted(run_tasks, count, limit))


if __name__ == "__main__":
    main()
