"""Show outcomes and matrices in a notebook: a picture for the eye, and the same in text for readers and comparison."""

from __future__ import annotations

import ast
import base64
from pathlib import Path

try:
    from IPython.display import display
except ModuleNotFoundError:
    raise ImportError("cancelkit.notebook needs IPython: pip install 'cancelkit[course]'") from None

from cancelkit.contract.matrix import Matrix
from cancelkit.lab import Outcome
from cancelkit.plot.matrix import draw_matrix
from cancelkit.plot.timelines import Panel, draw, to_png

__all__ = ["show", "show_program"]

_WIDTH = 760
"""Pixels: of a timeline, and at most of a matrix."""

_PIXELS_PER_INCH = 96


def show_program(path: str | Path) -> None:
    """Print a program without the docstring that says what to expect of it: a notebook asks for a prediction first."""
    text = Path(path).read_text(encoding="utf-8")
    first = ast.parse(text).body[0]
    has_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    lines = text.splitlines()[first.end_lineno if has_docstring else 0 :]
    print("\n".join(lines).strip())  # noqa: T201 - into the cell's output


def show(shown: Outcome | Matrix, title: str = "") -> None:
    """Display the timeline of an outcome, or a matrix, under the cell that calls this; its text says the same."""
    text, width = str(shown), _WIDTH
    if isinstance(shown, Matrix):
        figure = draw_matrix(shown)
        figure.suptitle(title)
        width = min(_WIDTH, round(figure.get_figwidth() * _PIXELS_PER_INCH))
    else:
        figure = draw(Panel(shown.timeline, title, shown.ended))
    display(  # type: ignore[no-untyped-call]
        {"image/png": base64.b64encode(to_png(figure)).decode(), "text/plain": text},
        raw=True,
        metadata={"image/png": {"width": width, "alt": text}},
    )
