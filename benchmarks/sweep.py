"""How fast a program is swept, beside how fast processes are forked and started, in one run; needs Python 3.12.

Five jobs in a task group, two at a time, with plain cleanup and with cleanup inside `finish` (sweep_work.py), at level
check. In turn, again and again: processes that the warm process forks and that exit at once; the program, started
cold, interrupted and waited for; the sweep, on one core and on two. Then, once: the same points each in a process of
its own, and each in a process that was forked at the point, with their verdicts compared point for point.

Prints the figures, and with --save writes them to benchmarks/results/sweep.txt.
"""

from __future__ import annotations

import argparse
import datetime
import functools
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cancelkit.sweep import Program, Sweep, program_at, sweep
from cancelkit.sweep.plan import every_one
from cancelkit.sweep.pool import Warm

RESULTS = Path(__file__).parent / "results" / "sweep.txt"
PROGRAM = Path(__file__).with_name("sweep_work.py")
AT_POINT = Path(__file__).with_name("sweep_at_point.py")
CLEANUPS: dict[str, list[str]] = {"plain cleanup": [], "cleanup inside finish": ["--finish"]}
FORKS = """
import gc, os, sys, time
from cancelkit.sweep.inside.warm import Warm
path, count = sys.argv[1], int(sys.argv[2])
warm = Warm({"path": path, "arguments": ["0.1"], "level": "check", "all points": True})
warm.practice.undisturbed()
warm.practice.interrupted()
gc.freeze()
begun = time.perf_counter()
for _ in range(count):
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
print(count / (time.perf_counter() - begun))
"""


def forks(count: int = 300) -> float:
    """Processes a second that a warm process forks, which exit at once, and whose end it is told of."""
    command = [sys.executable, "-W", "ignore", "-c", FORKS, str(PROGRAM), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


def cold(count: int = 10) -> float:
    """Programs a second that are started, interrupted when they are ready, and waited for; cleanup takes no time."""
    begun = time.perf_counter()
    for _ in range(count):
        command = [sys.executable, str(PROGRAM), "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.send_signal(signal.SIGINT)
    return count / (time.perf_counter() - begun)


def swept(words: list[str], jobs: int) -> Sweep:
    """The program, swept on so many cores."""
    return sweep(program(words), level="check", jobs=jobs)


def program(words: list[str]) -> Program:
    """The program with these words more."""
    return program_at(PROGRAM, ["0.1", *words])


def alone(words: list[str]) -> tuple[list[str], float]:
    """The verdict at each point, each run in a process of its own, and how many a second."""
    with Warm(program(words), "check") as warm:
        tasks = every_one(warm.survey())
        begun = time.perf_counter()
        verdicts = [warm.alone(task).verdict.word for task in tasks]
        return verdicts, len(tasks) / (time.perf_counter() - begun)


def at_point(words: list[str]) -> tuple[list[str], float]:
    """The verdict at each point, each run in a process that was forked there, and how many a second."""
    command = [sys.executable, "-W", "ignore", str(AT_POINT), str(PROGRAM), "0.1", *words]
    begun = time.perf_counter()
    with tempfile.TemporaryFile() as complaints:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=complaints, text=True, check=True)
    verdicts: list[str] = json.loads(done.stdout.splitlines()[-1])
    return verdicts, len(verdicts) / (time.perf_counter() - begun)


def main() -> None:
    """Measure, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often (5)")
    parser.add_argument("--save", action="store_true", help="write the figures to benchmarks/results/sweep.txt")
    options = parser.parse_args()
    if not hasattr(sys, "monitoring"):
        print("level check needs Python 3.12: nothing was measured")
        return
    today = datetime.datetime.now(datetime.UTC).date()
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    lines = [f"{today}, CPython {platform.python_version()}, {system}; medians of {options.rounds} rounds"]
    for title, words in CLEANUPS.items():
        lines += ["", *compared(title, words, options.rounds)]
    print("\n".join(lines))
    if options.save:
        RESULTS.write_text("\n".join(lines) + "\n")


def compared(title: str, words: list[str], rounds: int) -> list[str]:
    """The figures for one kind of cleanup, in lines."""
    one, two = functools.partial(swept, words, 1), functools.partial(swept, words, 2)
    measures: dict[str, Callable[[], float]] = {
        "forks": forks,
        "cold": cold,
        "one core": lambda: one().points_per_second,
        "two cores": lambda: two().points_per_second,
    }
    found: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            found[name].append(measure())
    rate = {name: statistics.median(values) for name, values in found.items()}
    result = two()
    verdicts = [run.verdict.word for run in result.runs]
    unclean = sum(word != "clean" for word in verdicts) / len(verdicts)
    lines = [f"{title}: {result.points:,} points, {unclean:.0%} of them not clean, and so run twice"]
    lines += [f"  {name:<34}{rate[name]:>8.0f} a second" for name in measures]
    lines.append(f"  one core beside forks             {_ratio(found, 'one core', 'forks'):>8.2f} x (to reach: 0.5)")
    lines.append(f"  one core beside cold              {_ratio(found, 'one core', 'cold'):>8.1f} x (to reach: 25)")
    lines.append(
        f"  two cores beside one              {_ratio(found, 'two cores', 'one core'):>8.2f} x (to reach: 1.7)"
    )
    for name, (others, speed) in {
        "a process for each run": alone(words),
        "forked at the point": at_point(words),
    }.items():
        same = sum(a == b for a, b in zip(verdicts, others, strict=True))
        lines.append(f"  {name:<34}{speed:>8.0f} a second, one core; the same verdict at {same:,} points")
    return lines


def _ratio(found: dict[str, list[float]], name: str, beside: str) -> float:
    return statistics.median(a / b for a, b in zip(found[name], found[beside], strict=True))


if __name__ == "__main__":
    main()
