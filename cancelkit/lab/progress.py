"""A bar on stderr, in a terminal; where output is captured or compared there is none."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def progress_bar(total: int) -> Iterator[Callable[[], None]]:
    """Show how many of `total` things are done; call what this gives after each, in any thread."""
    if total < 2 or sys.stderr is None or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    # Without a thread of its own, which would go on for a moment after this.
    with Progress(console=Console(stderr=True), transient=True, auto_refresh=False) as progress:
        bar = progress.add_task("experiments", total=total)
        yield lambda: progress.update(bar, advance=1, refresh=True)
