"""What a picture of very many tasks costs: the kit's, and the usual way, a call of `broken_barh` for each lane.

Ten thousand tasks with five spans each, to the bytes of a PNG. Drawn by the kit as it draws such a timeline (how many
tasks are in which state, and a choice of lanes), and as all of its lanes; each in turn, in processes of their own.

Prints the figures, and with --save writes them to benchmarks/results/drawing.txt.
"""

from __future__ import annotations

import argparse
import datetime
import io
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import track

from cancelkit.plot.lanes import Panel, draw_spans
from cancelkit.plot.style import LOOKS
from cancelkit.plot.timelines import draw, to_png
from cancelkit.trace.states import State
from cancelkit.trace.timeline import Lane, Span, Timeline

RESULTS = Path(__file__).parent / "results" / "drawing.txt"
STATES = (State.NOT_STARTED, State.QUEUED, State.AWAITING, State.RUNNING, State.CLEANING)
SECOND = 1_000_000_000


def timeline(tasks: int) -> Timeline:
    """So many tasks, each a little later than the one before, and a second in each of five states."""
    lanes = []
    for task in range(tasks):
        start = task * SECOND // 100
        spans = tuple(Span(s, start + n * SECOND, start + (n + 1) * SECOND) for n, s in enumerate(STATES))
        lanes.append(Lane(task, f"job-{task}", is_main=False, spans=spans, marks=(), end=State.FINISHED))
    return Timeline(tuple(lanes), (), (), lanes[-1].spans[-1].end)


def as_the_kit_does(tasks: int) -> bytes:
    """Counts, and a choice of lanes."""
    return to_png(draw(Panel(timeline(tasks))))


def all_lanes(tasks: int) -> bytes:
    """The bars of every lane, with their hatches, as the kit draws those that it shows."""
    shown = timeline(tasks)
    figure = Figure(figsize=(8, 8), layout="constrained")
    ax = figure.subplots()
    ax.set(xlim=(0, shown.duration / SECOND), ylim=(-0.5, tasks - 0.5))
    draw_spans(ax, shown.lanes, 0, shown.duration / SECOND)
    return to_png(figure)


def broken_barh(tasks: int) -> bytes:
    """Every lane, as most people would."""
    figure = Figure(figsize=(8, 8), layout="constrained")
    ax = figure.subplots()
    for row, lane in enumerate(timeline(tasks).lanes):
        bars = [(span.start / SECOND, (span.end - span.start) / SECOND) for span in lane.spans]
        ax.broken_barh(bars, (row - 0.3, 0.6), facecolors=[LOOKS[span.state].face for span in lane.spans])
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=144)
    return buffer.getvalue()


WAYS = {way.__name__: way for way in (broken_barh, as_the_kit_does, all_lanes)}


def seconds(way: str, tasks: int) -> float:
    """How long one way takes, in a process of its own, without what it takes to import matplotlib."""
    command = [sys.executable, __file__, "--way", way, "--tasks", str(tasks)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        sys.exit(f"{way}: {done.stderr}")
    return float(done.stdout)


def report(measured: dict[str, list[float]], tasks: int) -> str:
    """All figures as text, under a line that says with what they were made."""
    today = datetime.datetime.now(datetime.UTC).date()
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    lines = [
        f"{today}, CPython {platform.python_version()}, {machine}, matplotlib {mpl.__version__}",
        f"{tasks:,} tasks with 5 spans each, to PNG; {len(measured['broken_barh'])} rounds, medians",
    ]
    usual = statistics.median(measured["broken_barh"])
    for way, times in measured.items():
        middle = statistics.median(times)
        lines.append(f"  {way:<16} {middle:>8.2f} s   {usual / middle:>6.1f} times as fast as broken_barh")
    return "\n".join(lines)


def main() -> None:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=10_000, help="how many tasks (10000)")
    parser.add_argument("--rounds", type=int, default=5, help="how many rounds (5)")
    parser.add_argument("--way", choices=list(WAYS), help="draw this way only, once, and print the seconds")
    parser.add_argument("--save", action="store_true", help=f"write the figures to {RESULTS.name}")
    options = parser.parse_args()
    if options.way:
        WAYS[options.way](10)  # what is made once, is made
        begun = time.perf_counter()
        WAYS[options.way](options.tasks)
        print(time.perf_counter() - begun)
        return
    console, measured = Console(stderr=True), {way: list[float]() for way in WAYS}
    for _ in track(range(options.rounds), "rounds", console=console, disable=not console.is_terminal):
        for way in WAYS:
            measured[way].append(seconds(way, options.tasks))
    text = report(measured, options.tasks)
    print(text)
    if options.save:
        RESULTS.write_text(text + "\n")


if __name__ == "__main__":
    main()
