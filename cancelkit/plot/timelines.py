"""Pictures of timelines: one, or several on one time axis; and the bytes that a file or a notebook wants."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from cancelkit.plot.lanes import SECOND, Panel, draw_panel, is_drawn, zero_of
from cancelkit.plot.style import END_MARKS, INK, LOOKS
from cancelkit.trace.timeline import Timeline

__all__ = ["Panel", "draw", "draw_grid", "save", "to_png"]

_LANE_INCHES = 0.26


def draw(panel: Panel) -> Figure:
    """Draw one timeline."""
    return draw_grid([[panel]])


def draw_grid(rows: Sequence[Sequence[Panel]]) -> Figure:
    """Draw timelines in rows, on one time axis, with the first signal of each at zero."""
    heights = [max(len(panel.timeline.lanes) for panel in row) + 1.4 for row in rows]
    columns = max(map(len, rows))
    single = len(rows) == 1 and columns == 1
    figure = Figure(
        figsize=(8.0 if single else 6.4 * columns, max(2.2, sum(heights) * _LANE_INCHES + 0.5 * len(rows) + 0.9)),
        layout="constrained",
        facecolor="white",
    )
    axes = figure.subplots(len(rows), columns, squeeze=False, sharex=True, height_ratios=heights)
    panels = [(axes[r][c], panel) for r, row in enumerate(rows) for c, panel in enumerate(row)]
    low, high = _time_limits([panel for _, panel in panels])
    for ax, panel in panels:
        draw_panel(ax, panel, low, high)
    for ax in axes[-1]:
        has_signal = any(panel.timeline.signals for _, panel in panels)
        ax.set_xlabel("seconds after the first signal" if has_signal else "seconds", color=INK)
    _add_legend(figure, [panel.timeline for _, panel in panels], high - low)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a picture; the ending (.png, .svg, .pdf) says in which format. The same figure gives the same bytes."""
    path.write_bytes(_render(figure, path.suffix.removeprefix(".")))


def to_png(figure: Figure) -> bytes:
    """The picture as the bytes of a PNG file; the same figure gives the same bytes."""
    return _render(figure, "png")


def _render(figure: Figure, file_format: str) -> bytes:
    """Without the date, without matplotlib's version, and with SVG's element names from a fixed salt."""
    dateless = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(file_format, {"Software": None})
    buffer = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "cancelkit"}):
        figure.savefig(buffer, format=file_format, dpi=144, metadata=dateless)
    return buffer.getvalue()


def _time_limits(panels: Sequence[Panel]) -> tuple[float, float]:
    """The seconds that the time axis spans, with a little room on both sides."""
    extents = [(-zero_of(p.timeline), p.timeline.duration - zero_of(p.timeline)) for p in panels]
    low = min(start for start, _ in extents) / SECOND
    high = max(end for _, end in extents) / SECOND
    room = max(high - low, 0.001) * 0.02
    has_alarms = any(panel.timeline.alarms for panel in panels)
    return low - room, high + room * (8 if has_alarms else 1)


def _add_legend(figure: Figure, timelines: Sequence[Timeline], width: float) -> None:
    """Explain what there is in the picture, and nothing else."""
    lanes = [lane for timeline in timelines for lane in timeline.lanes]
    seen = {span.state for lane in lanes for span in lane.spans if is_drawn(span, width)}
    ends = {lane.end for lane in lanes}
    handles: list[Patch | Line2D] = [
        Patch(facecolor=look.face, hatch=look.hatch, edgecolor=look.edge, linewidth=0.4, label=state.value)
        for state, look in LOOKS.items()
        if state in seen
    ]
    handles += [
        Line2D([], [], marker=marker, color=color, linestyle="none", markersize=6, label=state.value)
        for state, (marker, color) in END_MARKS.items()
        if state in ends
    ]
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=min(len(handles), 4 if len(handles) > 5 else 5),
        frameon=False,
        fontsize=8,
    )
