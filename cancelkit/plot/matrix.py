"""The picture of a contract matrix: a cell for each promise and implementation, told by colour and by shape."""

from __future__ import annotations

from matplotlib.figure import Figure

from cancelkit.contract.matrix import Matrix
from cancelkit.plot.style import LIGHT, VERDICT_LOOKS, Theme

_CELL_INCHES = 0.32


def draw_matrix(matrix: Matrix, theme: Theme = LIGHT) -> Figure:
    """Draw who keeps which promise."""
    rows, columns = len(matrix.promises), len(matrix.compared)
    size = (2.2 + _CELL_INCHES * 1.5 * columns, 2.0 + _CELL_INCHES * rows)
    figure = Figure(figsize=size, layout="constrained", facecolor=theme.page)
    ax = figure.subplots()
    ax.set_facecolor(theme.page)
    for verdict, (color, marker, area) in VERDICT_LOOKS.items():
        cells = [
            (column, row)
            for row, (_, verdicts) in enumerate(matrix.rows())
            for column, found in enumerate(verdicts)
            if found.verdict == verdict
        ]
        if cells:
            x, y = zip(*cells, strict=True)
            ax.scatter(x, y, c=color, marker=marker, s=area, linewidths=0, label=verdict)
    ax.set(xlim=(-0.6, columns - 0.4), ylim=(rows - 0.4, -0.6))
    ax.set_yticks(range(rows), matrix.promises, color=theme.ink)
    ax.set_xticks(range(columns), [column.title for column in matrix.compared], rotation=40, ha="left", color=theme.ink)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.grid(color=theme.band)
    ax.set_axisbelow(True)
    for spine in ax.spines.values():
        spine.set_visible(False)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8, labelcolor=theme.ink)
    return figure
