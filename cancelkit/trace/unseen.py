"""What keeps the recorder out of sight: of tracebacks, of stacks that are printed, of what Python says of a task."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Iterator
from types import FrameType

from cancelkit.trace.inject import Replacements
from cancelkit.trace.sources import OURS

_TRACE, _SWEEP = OURS
_TRACE_LENGTH, _SWEEP_LENGTH = map(len, OURS)


def is_ours(frame: FrameType) -> bool:
    """Whether a frame runs code of the recorder's, or of the sweep's."""
    return frame.f_code.co_filename.startswith(OURS)


def without_us(error: BaseException) -> None:
    """Take the frames of ours out of a traceback that begins with them.

    A bare `raise` adds no line for the frame that it stands in: who catches an error, calls this and raises it again
    leaves no trace. The frames in a traceback keep those below them alive, and what their variables refer to; so what
    would have died with the error has to be let go of before.
    """
    below = error.__traceback__
    # No call of is_ours(): there may be no room for another, if that is the error.
    while below is not None:
        name = below.tb_frame.f_code.co_filename
        if name[:_TRACE_LENGTH] != _TRACE and name[:_SWEEP_LENGTH] != _SWEEP:
            break
        below = below.tb_next
    error.__traceback__ = below


def hide_from_stacks(replacements: Replacements) -> None:
    """Have the functions of `traceback` that print or keep a stack leave frames of ours out.

    asyncio keeps a stack, in debug mode, for everything that is made, and of some only the ten lines next to it.
    """
    walk_stack = traceback.walk_stack

    @functools.wraps(walk_stack)
    def walk_past_us(frame: FrameType | None) -> Iterator[tuple[FrameType, int]]:
        # Which frame is meant by None depends on how many there are in between.
        return walk_stack(frame) if frame is None else (pair for pair in walk_stack(frame) if not is_ours(pair[0]))

    replacements.put(traceback, "walk_stack", walk_past_us)
