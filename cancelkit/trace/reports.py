"""Reports: a program tells the recorder what no recorder can see, that a job has begun or that its cleanup has.

Without a recorder a report goes nowhere, so programs can keep the line in when nobody watches.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Literal, get_args

What = Literal["begun", "holding", "cleanup begun", "cleanup halfway", "cleanup finished"]
"""What a job can say of itself."""

_SAYINGS = get_args(What)

_listener: Callable[[What, str], None] | None = None


def report(what: What, job: str) -> None:
    """Say of `job` that it has begun, holds something to tidy up, or how far its cleanup is.

    Raises:
        ValueError: `what` is none of those.
    """
    if what not in _SAYINGS:
        raise ValueError(f"report() was told {what!r} of {job!r}; it knows {', '.join(_SAYINGS)}")
    if _listener is not None:
        _listener(what, job)


@contextlib.contextmanager
def holding(what: str) -> Iterator[Callable[[], None]]:
    """Declare something that cleanup is owed for: a record that is half written, a connection that is to be closed.

    The block gets a function to call when that is done. What is left without that call is a lost cleanup, whatever
    the program says: `with holding("record 7") as released: try: ... finally: await complete(); released()`.
    """
    report("holding", what)
    yield lambda: report("cleanup finished", what)


def listen(listener: Callable[[What, str], None] | None) -> None:
    """Hand reports to `listener` from now on; to nobody if it is None."""
    global _listener
    _listener = listener
