"""How long importing cancelkit takes, beside importing asyncio: new processes in turn, medians, and their ratio.

The aim: `import cancelkit` takes at most 1.3 times as long as `import asyncio`. Prints the figures, and with --save
writes them to benchmarks/results/import_time.txt.
"""

from __future__ import annotations

import argparse
import datetime
import platform
import statistics
import subprocess
import sys
from pathlib import Path

STATEMENTS = ("import asyncio", "import cancelkit", "from cancelkit import run", "import cancelkit.trace.recorder")
ROUNDS = 31
RESULTS = Path(__file__).with_name("results") / "import_time.txt"
TIMED = "from time import perf_counter; start = perf_counter(); {}; print(perf_counter() - start)"


def main() -> None:
    """Measure, print, and save if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--save", action="store_true", help=f"write the figures to {RESULTS.name}")
    save = parser.parse_args().save
    seconds: dict[str, list[float]] = {statement: [] for statement in STATEMENTS}
    for _ in range(ROUNDS):
        for statement, times in seconds.items():
            times.append(measure(statement))
    text = report(seconds)
    print(text)
    if save:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(text + "\n")


def measure(statement: str) -> float:
    """Seconds that a statement takes in a new process, which the start of the interpreter is no part of."""
    done = subprocess.run([sys.executable, "-c", TIMED.format(statement)], check=True, capture_output=True, text=True)
    return float(done.stdout)


def report(seconds: dict[str, list[float]]) -> str:
    """The figures as text."""
    base = statistics.median(seconds["import asyncio"])
    today = datetime.datetime.now(datetime.UTC).date()
    lines = [f"{today}, CPython {platform.python_version()}, {platform.system()}; {ROUNDS} rounds in turn, medians"]
    for statement, times in seconds.items():
        median = statistics.median(times)
        lines.append(f"{statement:<33} {median * 1000:6.1f} ms   {median / base:4.2f} x import asyncio")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
