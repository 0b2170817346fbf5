"""The main job, `make demo`: five programs, one Ctrl-C and then two, what became of their tasks, and a picture.

Every program runs seven jobs, two at a time. The first SIGINT is sent when two jobs have ended, two are at work and
hold something that must be tidied up, and three wait. The second is sent when the cleanup that it caused is halfway.
"""

from __future__ import annotations

import argparse
import itertools
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Column, Table

from cancelkit.lab import Experiment, Outcome, perform
from cancelkit.lab.moments import Moment
from cancelkit.plot.timelines import Panel, draw_grid, save

ROOT = Path(__file__).parents[1]
PROGRAMS = {
    "task_group": "task group",
    "tracking": "tracking with shield",
    "handlers": "signal handlers",
    "context_manager": "context manager",
    "run_and_finish": "cancelkit.run, finish",
}
LEGEND = """\
status     of the process: -2 is "killed by SIGINT", what a shell shows as 130
cleanups   that finished, of the jobs that had begun
late       jobs that began after the first signal
leaks      tasks that had not ended, and sockets and files that were left

Signal handlers hold too, while their jobs run; cancelkit.run holds until the loop is closed.
`cancelkit interrupt scripts/leftover.py --when cleanups=3` shows the difference.
"""
SIGNALS = ((Moment.parse("holding=4"), signal.SIGINT), (Moment.parse("halfway=4"), signal.SIGINT))


def main() -> None:
    """Make the experiments, print the table, save the picture and say where it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plot", type=Path, default=ROOT / "build" / "demo.png", help="where to save the picture")
    plot = parser.parse_args().plot
    plot.parent.mkdir(parents=True, exist_ok=True)

    console = Console(highlight=False)
    cases = list(itertools.product(PROGRAMS, (1, 2)))
    with ThreadPoolExecutor(len(PROGRAMS)) as pool:  # more than there are cores: the programs mostly wait
        outcomes = track(
            pool.map(interrupt, cases),
            "pressing Ctrl-C",
            len(cases),
            console=Console(stderr=True),
            transient=True,
            disable=not console.is_terminal,
        )
        found = dict(zip(cases, outcomes, strict=True))
    console.print(table_of(found))
    console.print(LEGEND, soft_wrap=True)
    rows = [[panel_of(name, count, found[name, count]) for count in (1, 2)] for name in PROGRAMS]
    save(draw_grid(rows), plot)
    console.print(f"The timelines are drawn in {os.path.relpath(plot)}", soft_wrap=True)


def interrupt(case: tuple[str, int]) -> Outcome:
    """Interrupt one of the programs so many times."""
    name, count = case
    return perform(Experiment(ROOT / "scripts" / f"{name}.py", SIGNALS[:count]))


def table_of(outcomes: dict[tuple[str, int], Outcome]) -> Table:
    """What each program did: right, or what was wrong."""
    table = Table(
        Column("program", no_wrap=True), "Ctrl-C", "status", "cleanups", "late", "leaks", "", box=box.SIMPLE_HEAD
    )
    for (name, count), outcome in outcomes.items():
        timeline = outcome.timeline
        table.add_row(
            PROGRAMS[name] if count == 1 else "",
            "once" if count == 1 else "twice",
            str(outcome.returncode),
            f"{outcome.cleanups_finished} of {outcome.jobs_begun}",
            str(len(timeline.jobs_begun_late)),
            str(len(outcome.leaks)),
            "[green]✓ right[/]" if is_right(outcome) else "[bold red]✗ wrong[/]",
            end_section=count == 2,
        )
    return table


def is_right(outcome: Outcome) -> bool:
    """Every cleanup finished, nothing began late, nothing was left over, and the status says what happened."""
    return (
        outcome.returncode == -signal.SIGINT
        and outcome.cleanups_finished == outcome.jobs_begun
        and not outcome.timeline.jobs_begun_late
        and not outcome.leaks
    )


def panel_of(name: str, count: int, outcome: Outcome) -> Panel:
    """The timeline of one case, under its name."""
    return Panel(outcome.timeline, f"{PROGRAMS[name]}: Ctrl-C {'once' if count == 1 else 'twice'}", outcome.ended)


if __name__ == "__main__":
    main()
