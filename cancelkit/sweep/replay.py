"""Replay: one run of a sweep once more, in a new process, with nothing instrumented but the places of its points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cancelkit.errors import CancelkitError
from cancelkit.sweep.pool import Warm
from cancelkit.sweep.program import Program
from cancelkit.sweep.runs import Run, Spot
from cancelkit.sweep.tokens import read_token
from cancelkit.sweep.verdicts import CRASHED, HUNG
from cancelkit.trace.builder import timeline_of
from cancelkit.trace.timeline import Timeline


class Replayed(NamedTuple):
    """What came of a replay.

    Attributes:
        program: what was run.
        expected: the verdict that the sweep had given.
        run: the run, with its events.
    """

    program: Program
    expected: str
    run: Run

    @property
    def is_same(self) -> bool:
        """Whether the verdict is that of the sweep."""
        return self.run.verdict.word == self.expected

    @property
    def timeline(self) -> Timeline:
        """What every task did."""
        return timeline_of(self.run.events)


def replay(token: str) -> Replayed:
    """Make the run once more that a token stands for.

    Raises:
        BadTokenError: it is no token, or not of this Python and this program.
        CancelkitError: the program cannot be run any more.
    """
    program, level, spots, expected = read_token(token)
    return Replayed(program, expected, run_at(program, level, spots))


def run_at(program: Program, level: str, spots: Sequence[Spot]) -> Run:
    """A run in a new process, with signals raised at these spots.

    Raises:
        CancelkitError: the program does not come to one of them.
    """
    with Warm(program, level, all_points=False) as warm:
        run = warm.at(spots)
    if run.verdict.word not in (CRASHED, HUNG) and len(run.raised) < len(spots):
        site, time = spots[len(run.raised)]
        raise CancelkitError(f"{program.title} did not come to {site} for the {time}. time: it does not do the same")
    return run
