"""Displays: a picture for the eye, and the same in words for screen readers and for comparison.

What draws them is imported when there is the first to draw: it takes as long as a cell should.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from IPython.display import display

from cancelkit.contract.matrix import Matrix
from cancelkit.errors import CancelkitError
from cancelkit.lab.checklist import Checklist
from cancelkit.lab.outcome import Outcome
from cancelkit.sweep.result import Sweep
from cancelkit.trace.timeline import Timeline

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Shown = Outcome | Timeline | Checklist | Matrix | Sweep
"""What there are pictures of."""

_WIDTH = 760
"""Pixels: of a timeline, and at most of the others."""

_PIXELS_PER_INCH = 96


def show(shown: Shown, title: str = "") -> None:
    """Display a picture under the cell that calls this; its text says the same."""
    _display(_figure_of(shown, title), _words_of(shown))


def show_together(*titled: tuple[str, Outcome]) -> None:
    """Display outcomes in one picture, one below the other, on one time axis; each comes as `(title, outcome)`.

    Raises:
        CancelkitError: there is none.
    """
    if not titled:
        raise CancelkitError("show_together() is given nothing to show; give it pairs of a title and an outcome")
    from cancelkit.plot.timelines import Panel, draw_grid

    rows = [[Panel(outcome.timeline, title, f"{outcome.ended}; {_verdict(outcome)}")] for title, outcome in titled]
    _display(draw_grid(rows), "\n\n".join(f"{title}\n{outcome}" for title, outcome in titled))


def register(formatters: Any) -> None:
    """Have an IPython display these as pictures, and in words instead of as Python writes them."""
    for kind in (Outcome, Timeline, Checklist, Matrix, Sweep):
        formatters.formatters["image/png"].for_type(kind, _png_of)
        formatters.formatters["text/plain"].for_type(kind, lambda shown, page, _: page.text(_words_of(shown)))


def _display(figure: Figure, words: str) -> None:
    png, metadata = _rendered(figure, words)
    display(  # type: ignore[no-untyped-call]
        {"image/png": base64.b64encode(png).decode(), "text/plain": words},
        raw=True,
        metadata={"image/png": metadata},
    )


def _png_of(shown: Shown) -> tuple[bytes, dict[str, Any]]:
    return _rendered(_figure_of(shown, ""), _words_of(shown))


def _words_of(shown: Shown) -> str:
    return shown.in_words() if isinstance(shown, Sweep) else str(shown)


def _rendered(figure: Figure, words: str) -> tuple[bytes, dict[str, Any]]:
    """A picture, and what a page has to know of it."""
    from cancelkit.plot.timelines import to_png

    width = min(_WIDTH, round(figure.get_figwidth() * _PIXELS_PER_INCH))
    return to_png(figure), {"width": width, "alt": words}


def _verdict(outcome: Outcome) -> str:
    broken = ", ".join(verdict.id for verdict in outcome.broken)
    return f"broken: {broken}" if broken else "clean"


def _figure_of(shown: Shown, title: str) -> Figure:
    from cancelkit.plot.checklist import draw_checklist
    from cancelkit.plot.matrix import draw_matrix
    from cancelkit.plot.sweep import draw_sweep
    from cancelkit.plot.timelines import Panel, draw

    match shown:
        case Outcome():
            return draw(Panel(shown.timeline, title, shown.ended))
        case Timeline():
            return draw(Panel(shown, title))
        case Checklist():
            return draw_checklist(shown, title)
        case Matrix():
            figure = draw_matrix(shown)
            figure.suptitle(title)
            return figure
        case Sweep():
            return draw_sweep(shown, title)
