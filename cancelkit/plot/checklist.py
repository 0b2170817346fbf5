"""The picture of a checklist: a mark and a sentence for each verdict, and its evidence in small."""

from __future__ import annotations

import itertools
import textwrap

from matplotlib.figure import Figure

from cancelkit.lab.checklist import BROKEN, KEPT, NOT_APPLICABLE, TITLES, Checklist
from cancelkit.plot.style import LIGHT, VERDICT_LOOKS, Theme

_LOOKS = {KEPT: VERDICT_LOOKS["kept"], BROKEN: VERDICT_LOOKS["broken"], NOT_APPLICABLE: ("#888888", "_", 60)}
_ROW_INCHES = 0.42
_LINE = 0.28
"""Height of a line of evidence, in rows. There is room for the first in the row."""
_LETTERS = 130
"""In a line of evidence."""
_MOST_LINES = 5


def draw_checklist(checklist: Checklist, title: str = "", theme: Theme = LIGHT) -> Figure:
    """Draw the verdicts, from top to bottom."""
    evidence = [textwrap.wrap(v.why, _LETTERS, max_lines=_MOST_LINES, placeholder=" …") for v in checklist]
    heights = [1 + _LINE * max(0, len(lines) - 1) for lines in evidence]
    bottom = sum(heights)
    figure = Figure(figsize=(8.0, 0.5 + _ROW_INCHES * bottom), layout="constrained", facecolor=theme.page)
    ax = figure.subplots()
    for verdict, lines, row in zip(checklist, evidence, itertools.accumulate(heights, initial=0.0), strict=False):
        color, marker, area = _LOOKS[verdict.verdict]
        ax.scatter([0], [row], c=color, marker=marker, s=area, linewidths=2 if marker == "_" else 0, label=verdict.id)
        sentence = f"{TITLES[verdict.id]}: {verdict.verdict}"
        ax.text(0.25, row - 0.05, sentence, va="bottom", fontsize=9, color=theme.ink)
        ax.text(0.25, row + 0.05, "\n".join(lines), va="top", fontsize=7, color=theme.faint, parse_math=False)
    ax.set(xlim=(-0.2, 8), ylim=(bottom - 0.4, -0.6))
    ax.set_title(title, loc="left", fontsize=10, fontweight="bold", color=theme.ink, parse_math=False)
    ax.axis("off")
    return figure
