"""Record what the tasks of an asyncio program do, without changing the program, and put the record in order.

`recorder` and those it uses put what happens on a `tape`, in the program's own process; a tape is read as `events`,
which are kept as a `record` and put together into a `timeline`. `launch` is what `cancelkit trace` does; `recording()`
records the process it is called in. Nothing here needs more than the standard library, so that a recorded program
starts fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cancelkit.trace.in_process import recording
    from cancelkit.trace.reports import holding

__all__ = ["holding", "recording"]


def __getattr__(name: str) -> Any:
    # Fetched when first used: a process that reads or draws a record needs nothing that hooks asyncio.
    if name == "recording":
        from cancelkit.trace.in_process import recording

        return recording
    if name == "holding":
        from cancelkit.trace.reports import holding

        return holding
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
