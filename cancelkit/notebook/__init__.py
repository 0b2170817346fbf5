"""Show outcomes in a notebook: a picture for the eye, and the same in text for screen readers and for comparison."""

from __future__ import annotations

import ast
import base64
from pathlib import Path

try:
    from IPython.display import display
except ModuleNotFoundError:
    raise ImportError("cancelkit.notebook needs IPython: pip install 'cancelkit[course]'") from None

from cancelkit.lab import Outcome
from cancelkit.plot.timelines import Panel, draw, to_png

__all__ = ["show", "show_program"]


def show_program(path: str | Path) -> None:
    """Print a program without the docstring that says what to expect of it: a notebook asks for a prediction first."""
    text = Path(path).read_text(encoding="utf-8")
    first = ast.parse(text).body[0]
    has_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    lines = text.splitlines()[first.end_lineno if has_docstring else 0 :]
    print("\n".join(lines).strip())  # noqa: T201 - into the cell's output


def show(outcome: Outcome, title: str = "") -> None:
    """Display the timeline of an outcome under the cell that calls this; its text says the same in words."""
    text = str(outcome)
    png = to_png(draw(Panel(outcome.timeline, title, outcome.ended)))
    display(  # type: ignore[no-untyped-call]
        {"image/png": base64.b64encode(png).decode(), "text/plain": text},
        raw=True,
        metadata={"image/png": {"width": 760, "alt": text}},
    )
