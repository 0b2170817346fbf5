"""The picture of a checklist: a mark and a sentence for each verdict, and its evidence in small."""

from __future__ import annotations

import textwrap

from matplotlib.figure import Figure

from cancelkit.lab.checklist import BROKEN, KEPT, NOT_APPLICABLE, TITLES, Checklist
from cancelkit.plot.style import LIGHT, VERDICT_LOOKS, Theme

_LOOKS = {KEPT: VERDICT_LOOKS["kept"], BROKEN: VERDICT_LOOKS["broken"], NOT_APPLICABLE: ("#888888", "_", 60)}
_ROW_INCHES = 0.42
_LETTERS = 130
"""In a line of evidence."""


def draw_checklist(checklist: Checklist, title: str = "", theme: Theme = LIGHT) -> Figure:
    """Draw the verdicts, from top to bottom."""
    rows = len(checklist)
    figure = Figure(figsize=(8.0, 0.5 + _ROW_INCHES * rows), layout="constrained", facecolor=theme.page)
    ax = figure.subplots()
    for row, verdict in enumerate(checklist):
        color, marker, area = _LOOKS[verdict.verdict]
        ax.scatter([0], [row], c=color, marker=marker, s=area, linewidths=2 if marker == "_" else 0, label=verdict.id)
        sentence = f"{TITLES[verdict.id]}: {verdict.verdict}"
        why = textwrap.shorten(verdict.why, _LETTERS, placeholder=" …")
        ax.text(0.25, row - 0.05, sentence, va="bottom", fontsize=9, color=theme.ink)
        ax.text(0.25, row + 0.05, why, va="top", fontsize=7, color=theme.faint, parse_math=False)
    ax.set(xlim=(-0.2, 8), ylim=(rows - 0.4, -0.6))
    ax.set_title(title, loc="left", fontsize=10, fontweight="bold", color=theme.ink, parse_math=False)
    ax.axis("off")
    return figure
