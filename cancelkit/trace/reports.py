"""Reports: a program tells the recorder what no recorder can see, that a job has begun or that its cleanup has.

Without a recorder a report goes nowhere, so programs can keep the line in when nobody watches.
"""

from __future__ import annotations

from collections.abc import Callable
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


def listen(listener: Callable[[What, str], None] | None) -> None:
    """Hand reports to `listener` from now on; to nobody if it is None."""
    global _listener
    _listener = listener
