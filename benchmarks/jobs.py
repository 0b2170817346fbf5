"""What it costs to run many jobs under a limit: this kit, its patterns, and other libraries, in one run.

Three questions, each answered in processes of their own, one implementation after the other, again and again: how many
jobs that do nothing a second, and how much memory at the most; how much memory a million jobs from a generator take;
and how long one Ctrl-C takes, when most jobs are queued, to reach the last of those at work, and to end the process.

Prints the figures, and with --save writes them to benchmarks/results/jobs.txt. `make bench` installs the libraries.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from cancelkit.contract.compare import IMPLEMENTATIONS

RESULTS = Path(__file__).parent / "results" / "jobs.txt"
PROGRAM = Path(__file__).with_name("jobs_work.py")
BESIDE = "TaskGroup + Semaphore"
LIMIT = 100
NEVER = "-"

_MOST_SECONDS = 300.0
"""For one process."""

Figures = dict[str, float]
Rounds = Mapping[str, Sequence[Figures]]
"""Of each implementation, the figures of one process after the other."""


def run(work: str, name: str, jobs: int) -> Figures:
    """Run jobs to their end, from a list or a generator."""
    command = [sys.executable, str(PROGRAM), work, name, str(jobs), str(LIMIT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_MOST_SECONDS, check=False)
    if done.returncode:
        sys.exit(f"{name}, {work}: {done.stderr}")
    figures: Figures = json.loads(done.stdout)
    return figures


def interrupt(name: str, jobs: int) -> Figures:
    """Send SIGINT when as many jobs as may be are at work; seconds to the last cleanup's beginning and to the exit."""
    command = [sys.executable, str(PROGRAM), "interrupted", name, str(jobs), str(LIMIT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        deadline = threading.Timer(_MOST_SECONDS, process.kill)
        deadline.start()
        try:
            process.stdout.readline()
            begun = time.monotonic()
            process.send_signal(signal.SIGINT)
            last = process.stdout.readline()
            process.wait()
            ended = time.monotonic()
        finally:
            deadline.cancel()
            deadline.join()
            process.kill()
    if process.returncode == -signal.SIGKILL:
        return {}
    return {"exit": ended - begun} | ({"cleanup": float(last) - begun} if last else {})


def present() -> dict[str, str]:
    """The implementations that can be measured, with the version of their library."""
    versions = {}
    for name, each in IMPLEMENTATIONS.items():
        try:
            versions[name] = importlib.metadata.version(each.library) if each.library else ""
        except importlib.metadata.PackageNotFoundError:
            print(f"{name}: not installed", file=sys.stderr)
    return versions


def in_turn(
    names: Sequence[str], rounds: int, measure: Callable[[str], Figures], what: str, progress: Progress
) -> Rounds:
    """Measure each, then each again, so that what goes on in the machine befalls all alike."""
    figures: dict[str, list[Figures]] = {name: [] for name in names}
    task = progress.add_task(what, total=rounds * len(names))
    for _ in range(rounds):
        for name in names:
            figures[name].append(measure(name))
            progress.advance(task)
    return figures


def middle(rounds: Sequence[Figures], key: str) -> float | None:
    """The median of a figure; None if there is none in most rounds."""
    found = [figures[key] for figures in rounds if key in figures]
    return statistics.median(found) if len(found) * 2 > len(rounds) else None


def ratio(rounds: Rounds, name: str, key: str) -> str:
    """How many times what the task group takes, in the same round; the median of all rounds."""
    pairs = zip(rounds[name], rounds[BESIDE], strict=True)
    ratios = [one[key] / other[key] for one, other in pairs if key in one and key in other]
    return f"{statistics.median(ratios):.2f}" if ratios else NEVER


def mb(value: float | None) -> str:
    """Bytes as megabytes."""
    return NEVER if value is None else f"{value / 1e6:,.1f}"


def ms(value: float | None) -> str:
    """Seconds as milliseconds."""
    return NEVER if value is None else f"{value * 1e3:,.0f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of words, the first of each to the left and the others to the right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return [
        "  " + "   ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])
        for row in (head, *rows)
    ]


def report(
    lists: Rounds, generators: Mapping[int, Rounds], signals: Rounds, jobs: int, versions: dict[str, str]
) -> str:
    """All figures as text, under a line that says with what they were made."""
    today = datetime.datetime.now(datetime.UTC).date()
    libraries = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    lines = [
        f"{today}, CPython {platform.python_version()}, {machine}",
        f"{libraries}; uvloop is not used",
        f"Processes in turn, medians; ratios are those of rounds, beside {BESIDE}.",
        "",
        f"{jobs:,} jobs that do nothing, from a list, {LIMIT} at a time; rounds: {len(lists[BESIDE])}",
    ]
    rows = [
        [
            name,
            f"{jobs / seconds:,.0f}" if (seconds := middle(rounds, "seconds")) else NEVER,
            ratio(lists, name, "seconds"),
            mb(middle(rounds, "bytes")),
        ]
        for name, rounds in lists.items()
    ]
    lines += table(["", "jobs a second", "times as long", "MB at most"], rows)
    lines += ["", "MB at most, jobs that do nothing, from a generator; one process each"]
    counts = list(generators)
    rows = [[name, *(mb(middle(generators[n][name], "bytes")) for n in counts)] for name in lists]
    lines += table(["", *(f"{n:,} jobs" for n in counts)], rows)
    lines += [
        "",
        f"One SIGINT, {LIMIT} jobs at work, {jobs - LIMIT:,} queued: ms to the last cleanup's begin, and to the exit",
    ]
    rows = [
        [name, ms(middle(rounds, "cleanup")), ms(middle(rounds, "exit")), ratio(signals, name, "exit")]
        for name, rounds in signals.items()
    ]
    lines += table(["", "last cleanup", "exit", "times as long"], rows)
    return "\n".join(lines)


def main() -> None:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=100_000, help="how many jobs (100000)")
    parser.add_argument("--rounds", type=int, default=7, help="how many rounds (7)")
    parser.add_argument("--save", action="store_true", help=f"write the figures to {RESULTS.name}")
    options = parser.parse_args()
    versions, console = present(), Console(stderr=True)
    names, jobs = list(versions), options.jobs
    with Progress(console=console, disable=not console.is_terminal) as progress:
        lists = in_turn(names, options.rounds, lambda name: run("list", name, jobs), "from a list", progress)
        generators = {
            count: in_turn(names, 1, lambda name, n=count: run("generator", name, n), f"{count:,}", progress)  # type: ignore[misc]
            for count in (jobs // 10, jobs, jobs * 10)
        }
        signals = in_turn(names, options.rounds, lambda name: interrupt(name, jobs), "interrupted", progress)
    text = report(lists, generators, signals, jobs, versions)
    print(text)
    if options.save:
        RESULTS.write_text(text + "\n")


if __name__ == "__main__":
    main()
