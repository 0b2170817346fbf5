"""How far a sweep has come, in a terminal: a bar, the rate and the time left; elsewhere nothing."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from cancelkit.sweep.sweeping import OnProgress, Progress


@contextlib.contextmanager
def sweep_progress() -> Iterator[OnProgress]:
    """Show it on stderr if that is a terminal, until the block is left."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("points"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TextColumn("{task.fields[rate]:,.0f} a second"),
        progress.TimeRemainingColumn(),
    )
    # Without a thread of its own, which would go on for a moment after this.
    with progress.Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False) as bars:
        bar = bars.add_task("", rate=0.0)

        def show(now: Progress) -> None:
            rate = now.done / now.seconds if now.seconds else 0.0
            bars.update(bar, completed=now.done, total=now.of, rate=rate, refresh=True)

        yield show
