"""How things look: one colour, one hatch and one word for each state, marks on top; on a light page and a dark one.

The colours are Okabe and Ito's, which people with any kind of colour vision can tell apart; hatches and heights tell
the states apart in grey, and every mark has a shape of its own.
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
    State.NOT_STARTED: Look("#BBBBBB", height=0.12),
    State.RUNNING: Look("#0072B2"),
    State.AWAITING: Look("#56B4E9"),
    State.QUEUED: Look("#F0E442", hatch="....", height=0.3),
    State.CLEANING: Look("#E69F00", hatch="////"),
}
"""Of the states that last."""

END_MARKS = {
    State.FINISHED: ("o", "#009E73"),
    State.CANCELLED: ("s", "#777777"),
    State.FAILED: ("X", "#D55E00"),
    State.ABANDONED: ("D", "#CC79A7"),
}
"""Marker and colour at the end of a lane."""

VERDICT_LOOKS = {"kept": ("#009E73", "o", 36), "broken": ("#D55E00", "X", 58)}
"""Colour, marker and its size, of what was promised."""

SWEEP_LOOKS = {
    "clean": ("#DDDDDD", ""),
    "hung": ("#000000", ""),
    "crashed": ("#777777", "xxxx"),
    "cleanup lost": ("#D55E00", "////"),
    "cleanup interrupted": ("#E69F00", "\\\\\\\\"),
    "late start": ("#56B4E9", "...."),
    "interrupt swallowed": ("#CC79A7", "oo"),
    "wrong exit": ("#0072B2", "++++"),
    "leftovers": ("#F0E442", "----"),
    "unresolved": ("#FFFFFF", "||||"),
}
"""Colour and hatch of each verdict of a sweep."""

REQUESTED, DELIVERED = "cancel requested", "cancel delivered"
CANCEL_MARKS = {REQUESTED: "v", DELIVERED: "v"}
"""Marker above a lane: hollow where it was only asked for, filled where it arrived."""


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of a page: what is written on it, and what must be seen at once."""

    page: str
    ink: str
    faint: str
    band: str
    alarm: str


def fill_of(what: str, theme: Theme) -> str:
    """What the mark of a cancellation is filled with; its edge is ink."""
    return theme.page if what == REQUESTED else theme.ink


LIGHT = Theme(page="#FFFFFF", ink="#222222", faint="#888888", band="#EEEEEE", alarm="#B2182B")
DARK = Theme(page="#1B1B1F", ink="#EEEEEE", faint="#999999", band="#34343C", alarm="#FF7B7B")
