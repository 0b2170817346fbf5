"""What an experiment costs: a program interrupted by hand, and by the lab; and what a thousand of them leave behind.

By hand is what most tests do: `subprocess.Popen`, a line read from a pipe when the program is ready, `send_signal`,
`communicate`. The lab does the same and more: it records every task, holds the program at its moment, watches over
what it leaves. Both take turns, in every second pair the other way round; ratios are those of pairs.

Python's cache of compiled modules is on, as it is by default, and filled before the first measurement.

Prints the figures, and with --save writes them to benchmarks/results/experiment.txt.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import track

RESULTS = Path(__file__).parent / "results" / "experiment.txt"

PROGRAM = """
import asyncio

async def job():
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)

async def main():
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(job())
        await asyncio.sleep(0)
        print("ready", flush=True)

asyncio.run(main())
"""


def by_hand(program: Path) -> int:
    """Interrupt the program when it says that it is ready; its exit status."""
    command = [sys.executable, str(program)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate()
    return process.returncode


def by_the_lab(program: Path) -> int:
    """Interrupt the program when its three jobs wait; its exit status."""
    from cancelkit.lab import Experiment, active, perform

    return perform(Experiment(program, [(active(3), signal.SIGINT)])).returncode


def seconds(work: Callable[[Path], int], program: Path) -> float:
    """How long it takes once."""
    begun = time.perf_counter()
    status = work(program)
    taken = time.perf_counter() - begun
    if status != -signal.SIGINT:
        sys.exit(f"{work.__name__}: status {status}")
    return taken


def pairs(program: Path, count: int, console: Console) -> list[tuple[float, float]]:
    """How long it takes by hand and by the lab, in turn."""
    measured = []
    for number in track(range(count), "pairs", console=console, disable=not console.is_terminal):
        order = [by_hand, by_the_lab] if number % 2 == 0 else [by_the_lab, by_hand]
        taken = {work: seconds(work, program) for work in order}
        measured.append((taken[by_hand], taken[by_the_lab]))
    return measured


def held() -> dict[str, int]:
    """What this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "threads": threading.active_count(),
        "children": len(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()),
        "KiB of memory": pages * resource.getpagesize() // 1024,
        "temporary files": len(os.listdir(tempfile.gettempdir())),  # noqa: PTH208
    }


def main() -> None:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=40, help="how many (40)")
    parser.add_argument("--in-a-row", type=int, default=1000, help="how many experiments in a row (1000)")
    parser.add_argument("--save", action="store_true", help=f"write the figures to {RESULTS.name}")
    options = parser.parse_args()
    console = Console(stderr=True)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PYTHONPYCACHEPREFIX"] = str(Path(folder, "cache"))
        os.environ["TMPDIR"] = folder
        tempfile.tempdir = None
        program = Path(folder, "program.py")
        program.write_text(PROGRAM)
        for work in (by_hand, by_the_lab) * 3:
            work(program)
        measured = pairs(program, options.pairs, console)
        for _ in range(20):  # until what is made once has been made
            by_the_lab(program)
        before = held()
        for _ in track(range(options.in_a_row), "in a row", console=console, disable=not console.is_terminal):
            by_the_lab(program)
        after = held()
    text = report(measured, before, after, options.in_a_row)
    print(text)
    if options.save:
        RESULTS.write_text(text + "\n")


def report(measured: list[tuple[float, float]], before: dict[str, int], after: dict[str, int], in_a_row: int) -> str:
    """All figures as text, under a line that says with what they were made."""
    today = datetime.datetime.now(datetime.UTC).date()
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    hand, lab = zip(*measured, strict=True)
    ratios = sorted(one / other for other, one in measured)
    middle = statistics.median(ratios)
    ratio = f"{middle:.2f} times (lowest {ratios[0]:.2f}, highest {ratios[-1]:.2f})"
    lines = [
        f"{today}, CPython {platform.python_version()}, {machine}",
        f"A program with three tasks, started, interrupted and waited for; {len(measured)} pairs, medians",
        f"  by hand  {statistics.median(hand) * 1e3:6.1f} ms",
        f"  the lab  {statistics.median(lab) * 1e3:6.1f} ms   {ratio}",
        f"What {in_a_row:,} experiments in a row leave in the process that makes them",
        *(f"  {name:<16} {before[name]:>8,} before, {after[name]:>8,} after" for name in before),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
