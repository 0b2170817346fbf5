"""What a recording costs: the same work plain, recorded, and under the peers, in turn; medians, and ratios to plain.

Every measurement is made in a process of its own, so that nothing a tool leaves behind slows down the next. There is
one run that is not watched, and then one that is, of which `asyncio.run` alone is timed: all that a tool does while the
program runs, and nothing of what it does before and afterwards. In each round plain and recorded come one right after
the other, in every second round the other way round. The peers take part in every third round, since they take long.

The peers are used as their own documentation has it: asyncio's debug mode; viztracer with log_async, and a buffer that
holds every call; yappi with its default options, by wall time and by processor time. Given a tag callback, yappi could
also tell the tasks apart; for 20,000 tasks that takes minutes, and is left out.

Memory is what Linux says of the process just before the run and just after it. Python takes and gives back its own in
pieces of a megabyte or less, so a difference of that size says little.

Prints the figures, and with --save writes them to benchmarks/results/recording.txt.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import importlib.util
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from recording_report import PLAIN, RECORDED, Measurement, Round, Sizes, growth, table
from recording_tools import TOOLS
from recording_work import WORKS

PAIRS, MEMORY_PAIRS = 15, 3
PEERS_IN_EVERY = 3
DEADLINE = 600
"""Seconds for one measurement; far more than any takes."""

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "recording.txt"


def main() -> None:
    """Measure, print, and save if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=PAIRS, help=f"how often plain and recorded are run ({PAIRS})")
    parser.add_argument("--save", action="store_true", help=f"write the figures to {RESULTS.name}")
    arguments = parser.parse_args()
    peers = [name for name, tool in TOOLS.items() if name not in (PLAIN, RECORDED) and is_there(tool.package)]
    plans = {
        "switching": plan(arguments.pairs, peers),
        "echo": plan(arguments.pairs, peers),
        "passing briefly": plan(min(arguments.pairs, MEMORY_PAIRS), ()),
        "passing": plan(min(arguments.pairs, MEMORY_PAIRS), ()),
    }
    rounds: dict[str, list[Round]] = {work: [] for work in plans}
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        bar = progress.add_task("", total=1 + sum(len(tools) for plan in plans.values() for tools in plan))
        for work, tools_by_round in plans.items():
            for tools in tools_by_round:
                found = {}
                for tool in tools:
                    progress.update(bar, advance=1, description=f"{work}: {tool}")
                    found[tool] = Measurement(**in_a_process(tool, work))
                rounds[work].append({tool: found[tool] for tool in TOOLS if tool in found})
        progress.update(bar, advance=1, description="the size of a record")
        sizes = Sizes(**in_a_process("sizes", "passing"))
    text = report(rounds, sizes)
    print(text)
    if arguments.save:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(text + "\n")


def plan(pairs: int, peers: Sequence[str]) -> list[list[str]]:
    """Which tools take part in each round, in the order in which they are run."""
    rounds = []
    for number in range(pairs):
        both = [PLAIN, RECORDED] if number % 2 == 0 else [RECORDED, PLAIN]
        rounds.append([*both, *(peers if number % PEERS_IN_EVERY == 0 else ())])
    return rounds


def is_there(package: str) -> bool:
    """Whether a package that a tool needs is installed."""
    return not package or importlib.util.find_spec(package) is not None


def in_a_process(tool: str, work: str) -> dict[str, Any]:
    """What a new process measures; ends this program if it cannot."""
    command = [sys.executable, str(HERE / "recording_tools.py"), tool, work]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
    if done.returncode:
        sys.exit(f"{tool}, {work}: status {done.returncode}\n{done.stderr}")
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def report(rounds: dict[str, list[Round]], sizes: Sizes) -> str:
    """All figures as text, under a line that says with what they were made."""
    packages = sorted({tool.package for tool in TOOLS.values()} - {""})
    versions = [f"{name} {importlib.metadata.version(name)}" for name in packages if is_there(name)]
    absent = [f"{name} is not installed and was left out" for name in packages if not is_there(name)]
    today = datetime.datetime.now(datetime.UTC).date()
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    lines = [", ".join([f"{today}, CPython {platform.python_version()}", machine, *versions, *absent])]
    lines += ["Processes in turn, medians; ratios are those of pairs. Own memory: how much more it grew than plain's."]
    for work in ("switching", "echo"):
        lines += ["", WORKS[work].title, *table(rounds[work])]
    lines += ["", WORKS["passing"].title, *growth([rounds["passing briefly"], rounds["passing"]], sizes)]
    lines += ["", "What one learns of the tasks"]
    lines += [f"  {name:<20} {tool.gives}" for name, tool in TOOLS.items() if tool.gives]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
