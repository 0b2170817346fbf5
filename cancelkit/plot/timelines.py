"""Pictures of timelines: one, or several on one time axis; and the bytes that a file or a notebook wants."""

from __future__ import annotations

import io
from collections.abc import Collection, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import EngFormatter

from cancelkit.plot.choice import how_many, lanes_shown
from cancelkit.plot.lanes import SECOND, Panel, cancellations, cleanups, closings, draw_panel, is_drawn, zero_of
from cancelkit.plot.overview import draw_overview
from cancelkit.plot.style import CANCEL_MARKS, END_MARKS, LIGHT, LOOKS, Theme, fill_of
from cancelkit.trace.states import State
from cancelkit.trace.timeline import Lane, Timeline

__all__ = ["Panel", "draw", "draw_grid", "save", "to_png"]

_LANE_INCHES = 0.26
_OVERVIEW_ROWS = 8
"""The height of an overview, in lanes."""
_BRIEF = 0.002
"""So many seconds are better told in parts of one."""


def draw(panel: Panel, theme: Theme = LIGHT) -> Figure:
    """Draw one timeline; of very many tasks, how many are in which state, and a choice of their lanes."""
    lanes = lanes_shown(panel.timeline)
    if not how_many(lanes, panel.timeline):
        return draw_grid([[panel]], theme)
    low, high = _time_limits([panel])
    figure = _figure(8.0, (len(lanes) + _OVERVIEW_ROWS) * _LANE_INCHES + 2.0, theme)
    heights = [_OVERVIEW_ROWS, len(lanes) + 1.4]
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=heights)
    counted = draw_overview(above, panel.timeline, low, high, theme)
    _dress(above, panel.title, panel.ended, theme)
    draw_panel(below, panel, lanes, low, high, theme)
    _dress(below, "", how_many(lanes, panel.timeline), theme)
    _name_time(below, [panel], theme)
    _add_legend(figure, [(panel.timeline, lanes)], high - low, theme, counted)
    return figure


def draw_grid(rows: Sequence[Sequence[Panel]], theme: Theme = LIGHT) -> Figure:
    """Draw timelines in rows, on one time axis, with the first signal of each at zero."""
    shown = {id(panel): lanes_shown(panel.timeline) for row in rows for panel in row}
    heights = [max(len(shown[id(panel)]) for panel in row) + 1.4 for row in rows]
    columns = max(map(len, rows))
    single = len(rows) == 1 and columns == 1
    height = max(2.2, sum(heights) * _LANE_INCHES + 0.5 * len(rows) + 0.9)
    figure = _figure(8.0 if single else 6.4 * columns, height, theme)
    axes = figure.subplots(len(rows), columns, squeeze=False, sharex=True, height_ratios=heights)
    panels = [(axes[r][c], panel) for r, row in enumerate(rows) for c, panel in enumerate(row)]
    low, high = _time_limits([panel for _, panel in panels])
    for ax, panel in panels:
        lanes = shown[id(panel)]
        draw_panel(ax, panel, lanes, low, high, theme)
        ended = ", ".join(filter(None, (how_many(lanes, panel.timeline), panel.ended)))
        _dress(ax, panel.title, ended, theme)
    for ax in axes[-1]:
        _name_time(ax, [panel for _, panel in panels], theme)
    _add_legend(figure, [(panel.timeline, shown[id(panel)]) for _, panel in panels], high - low, theme)
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


def _figure(width: float, height: float, theme: Theme) -> Figure:
    return Figure(figsize=(width, height), layout="constrained", facecolor=theme.page)


def _dress(ax: Axes, title: str, ended: str, theme: Theme) -> None:
    """Give a panel what every one has: its titles, the time axis, no frame."""
    ax.set_facecolor(theme.page)
    ax.set_title(ended, loc="right", fontsize=8, color=theme.faint)
    ax.set_title(title, loc="left", fontsize=10, fontweight="bold", color=theme.ink, parse_math=False)
    ax.tick_params(axis="x", labelsize=8, colors=theme.ink)
    ax.tick_params(axis="y", labelcolor=theme.ink)
    ax.spines["bottom"].set_color(theme.ink)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)


def _name_time(ax: Axes, panels: Sequence[Panel], theme: Theme) -> None:
    low, high = ax.get_xlim()
    unit = "seconds"
    if high - low < _BRIEF:
        ax.xaxis.set_major_formatter(EngFormatter("s"))  # 20 µs, rather than 2 and far away a factor of 0.00001
        unit = "time"
    has_signal = any(panel.timeline.signals for panel in panels)
    ax.set_xlabel(f"{unit} after the first signal" if has_signal else unit, color=theme.ink)


def _time_limits(panels: Sequence[Panel]) -> tuple[float, float]:
    """The seconds that the time axis spans, with a little room on both sides."""
    extents = [(-zero_of(p.timeline), p.timeline.duration - zero_of(p.timeline)) for p in panels]
    low = min(start for start, _ in extents) / SECOND
    high = max(end for _, end in extents) / SECOND
    room = max(high - low, 0.001) * 0.02
    has_alarms = any(panel.timeline.alarms for panel in panels)
    return low - room, high + room * (8 if has_alarms else 1)


def _add_legend(
    figure: Figure,
    drawn: Sequence[tuple[Timeline, Sequence[Lane]]],
    width: float,
    theme: Theme,
    counted: Collection[State] = (),
) -> None:
    """Explain what there is in the picture, and nothing else."""
    lanes = [lane for _, shown in drawn for lane in shown]
    states = {*counted, *(span.state for lane in lanes for span in lane.spans if is_drawn(span, width))}
    ends = {lane.end for lane in lanes}
    handles: list[Patch | Line2D] = [
        Patch(facecolor=look.face, hatch=look.hatch, edgecolor=look.edge, linewidth=0.4, label=state.value)
        for state, look in LOOKS.items()
        if state in states
    ]
    marks = [(CANCEL_MARKS[what], fill_of(what, theme), theme.ink, what) for what in cancellations(lanes, 0, width)]
    marks += [(marker, color, color, state.value) for state, (marker, color) in END_MARKS.items() if state in ends]
    if cleanups(lanes):
        handles.append(
            Line2D([], [], color=theme.ink, linewidth=1.8, marker="|", linestyle="none", label="cleanup begins")
        )
    handles += [
        Line2D([], [], marker=marker, color=edge, markerfacecolor=face, linestyle="none", markersize=6, label=label)
        for marker, face, edge, label in marks
    ]
    if any(closings(timeline, width) for timeline, _ in drawn):
        handles.append(Patch(facecolor=theme.band, label="the loop is being closed"))
    handles.append(Line2D([], [], color=theme.faint, linewidth=1.0, linestyle=(0, (2, 2)), label="exit"))
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=min(len(handles), 4 if len(handles) > 5 else 5),
        frameon=False,
        fontsize=8,
        labelcolor=theme.ink,
    )
