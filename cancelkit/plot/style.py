"""How things look: one colour, one hatch and one word for each state, and the marks on top.

The colours are Okabe and Ito's, which people with any kind of colour vision can tell apart; the hatches tell the
states apart in grey.
"""

from __future__ import annotations

from dataclasses import dataclass

from cancelkit.trace.states import State

_HATCH_INK = "#00000055"


@dataclass(frozen=True, slots=True)
class Look:
    """A fill: face colour, hatch pattern, and how much of the lane's height it takes."""

    face: str
    hatch: str = ""
    height: float = 0.62

    @property
    def edge(self) -> str:
        """The colour of the outline, which is the hatch's too."""
        return _HATCH_INK if self.hatch else self.face


LOOKS = {
    State.NOT_STARTED: Look("#DDDDDD", height=0.12),
    State.RUNNING: Look("#0072B2"),
    State.AWAITING: Look("#56B4E9"),
    State.QUEUED: Look("#F0E442", hatch="....", height=0.3),
    State.CLEANING: Look("#E69F00", hatch="////"),
}
"""Of the states that last."""

END_MARKS = {
    State.FINISHED: ("o", "#009E73"),
    State.CANCELLED: ("s", "#555555"),
    State.FAILED: ("X", "#D55E00"),
    State.ABANDONED: ("D", "#CC79A7"),
}
"""Marker and colour at the end of a lane."""

SIGNAL = "#B2182B"
LOST = "#B2182B"
INK = "#222222"
FAINT = "#888888"
