"""What both commands print: the table of tasks, and what goes with it."""

from __future__ import annotations

import io
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cancelkit.trace.table import first_of, rows_of
from cancelkit.trace.timeline import Timeline


class Page:
    """What is to be printed to a stream, as its terminal can show it; whole, so that it is written or is not.

    In a pipe or a file a line is a line, however long.
    """

    def __init__(self, stream: TextIO | None) -> None:
        is_terminal = stream is not None and stream.isatty()
        width = None if is_terminal else 1000
        self._text = io.StringIO()
        self._console = Console(file=self._text, force_terminal=is_terminal, width=width, highlight=False, markup=False)

    def print(self, what: str | Table, style: str = "") -> None:
        """Add a table or a line."""
        self._console.print(what, style=style, soft_wrap=isinstance(what, str))

    def __str__(self) -> str:
        return self._text.getvalue()


def print_timeline(page: Page, timeline: Timeline) -> None:
    """Print what became of the tasks, on what signals landed, what jobs report, and what must not be overlooked."""
    if timeline.lanes:
        table = Table("task", "states", box=None, pad_edge=False)
        for row in rows_of(timeline):
            table.add_row(Text(row.title), row.what)
        page.print(table)
    for signal in first_of([str(signal) for signal in timeline.signals]):
        page.print(signal)
    if timeline.jobs:
        finished = sum(job.cleanup_finished is not None for job in timeline.jobs)
        begun = sum(job.begun is not None for job in timeline.jobs)
        page.print(f"cleanups finished: {finished} of {begun} jobs begun")
    for alarm in first_of([str(alarm) for alarm in timeline.alarms]):
        page.print(alarm, "bold red")
