"""Counters that can be begun anew, and whose next number is had without a line of Python being run."""

from __future__ import annotations

import itertools
from typing import Protocol


class Counter(Protocol):
    """An iterator of numbers."""

    def __next__(self) -> int: ...

    def begin(self, at: int) -> None:
        """Go on from another number."""


def counter(first: int, step: int = 1) -> Counter:
    """A counter that begins with a number."""

    class Counting:
        def begin(self, at: int) -> None:
            # C looks the method up in the type, each time, and calls what it finds there: C again.
            type(self).__next__ = itertools.count(at, step).__next__  # type: ignore[attr-defined]

    counting = Counting()
    counting.begin(first)
    return counting  # type: ignore[return-value]
