"""What both commands print: the table of tasks, and what goes with it."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cancelkit.trace.table import first_of, rows_of
from cancelkit.trace.timeline import Timeline


def console_for(*, to_stderr: bool = False) -> Console:
    """What prints to stdout or to stderr. In a pipe or a file a line is a line, however long."""
    console = Console(stderr=to_stderr, highlight=False, markup=False)
    if not console.is_terminal:
        console.width = 1000
    return console


def print_timeline(console: Console, timeline: Timeline) -> None:
    """Print what became of the tasks, on what signals landed, what jobs report, and what must not be overlooked."""
    if timeline.lanes:
        table = Table("task", "states", box=None, pad_edge=False)
        for row in rows_of(timeline):
            table.add_row(Text(row.title), row.what)
        console.print(table)
    for signal in first_of([str(signal) for signal in timeline.signals]):
        console.print(signal, soft_wrap=True)
    if timeline.jobs:
        finished = sum(job.cleanup_finished is not None for job in timeline.jobs)
        begun = sum(job.begun is not None for job in timeline.jobs)
        console.print(f"cleanups finished: {finished} of {begun} jobs begun")
    for alarm in first_of([str(alarm) for alarm in timeline.alarms]):
        console.print(alarm, style="bold red", soft_wrap=True)
