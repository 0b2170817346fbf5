"""Show outcomes in a notebook: a picture for the eye, and the same in text for screen readers and for comparison."""

from __future__ import annotations

import base64

try:
    from IPython.display import display
except ModuleNotFoundError:
    raise ImportError("cancelkit.notebook needs IPython: pip install 'cancelkit[course]'") from None

from cancelkit.lab.experiment import Outcome
from cancelkit.plot.timelines import Panel, draw, to_png

__all__ = ["show"]


def show(outcome: Outcome, title: str = "") -> None:
    """Display the timeline of an outcome under the cell that calls this; its text says the same in words."""
    text = str(outcome)
    png = to_png(draw(Panel(outcome.timeline, title, outcome.ended)))
    display(  # type: ignore[no-untyped-call]
        {"image/png": base64.b64encode(png).decode(), "text/plain": text},
        raw=True,
        metadata={"image/png": {"width": 760, "alt": text}},
    )
