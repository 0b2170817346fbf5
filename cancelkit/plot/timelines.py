"""Draw timelines: one lane per task, a bar per state, a line through all lanes per signal."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from cancelkit.plot.style import END_MARKS, FAINT, HATCH_INK, INK, LOOKS, LOST, SIGNAL, Look
from cancelkit.trace.states import State
from cancelkit.trace.timeline import Lane, Span, Timeline

SECOND = 1_000_000_000
_LANE_INCHES = 0.26
_SHORTEST_DRAWN = 0.002
"""A span shorter than this share of the picture would be about a pixel wide."""
_CRACK = SECOND // 100
_SELDOM_LONG = frozenset({State.NOT_STARTED, State.RUNNING})
_BRIEF = 8
"""These take microseconds unless something is worth seeing, and are shown from so many times that width."""


@dataclass(frozen=True)
class Panel:
    """One timeline of a picture, with what stands above it and what came of it (`ended`: killed by SIGINT …)."""

    timeline: Timeline
    title: str = ""
    ended: str = ""


def draw(panel: Panel) -> Figure:
    """Draw one timeline."""
    return draw_grid([[panel]])


def draw_grid(rows: Sequence[Sequence[Panel]]) -> Figure:
    """Draw timelines in rows, on one time axis, with the first signal of each at zero."""
    heights = [max(_lane_count(panel) for panel in row) + 1.4 for row in rows]
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
        _draw_panel(ax, panel, low, high)
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


def _zero(timeline: Timeline) -> int:
    return timeline.signals[0].time if timeline.signals else 0


def _time_limits(panels: Sequence[Panel]) -> tuple[float, float]:
    """The seconds that the time axis spans, with a little room on both sides."""
    extents = [(-_zero(p.timeline), p.timeline.duration - _zero(p.timeline)) for p in panels]
    low = min(start for start, _ in extents) / SECOND
    high = max(end for _, end in extents) / SECOND
    room = max(high - low, 0.001) * 0.02
    return low - room, high + room * (
        8 if any(_alarms(p.timeline, lane) for p in panels for lane in p.timeline.lanes) else 1
    )


def _draw_panel(ax: Axes, panel: Panel, low: float, high: float) -> None:
    timeline, zero = panel.timeline, _zero(panel.timeline)
    lanes = _shown(timeline)
    rows = {lane.task: row for row, lane in enumerate(lanes)}
    _draw_spans(ax, lanes, zero, high - low)
    for lane in lanes:
        _draw_end(ax, lane, rows[lane.task], zero)
        for text, time in _alarms(timeline, lane):
            _shout(ax, text, (time - zero) / SECOND, rows[lane.task])
    for signal in timeline.signals:
        x = (signal.time - zero) / SECOND
        ax.axvline(x, color=SIGNAL, linewidth=1.6, zorder=3)
        ax.annotate(
            f"{signal.name} {signal.number}" if len(timeline.signals) > 1 else signal.name,
            (x, 1),
            xycoords=("data", "axes fraction"),
            xytext=(3, -1),
            textcoords="offset points",
            ha="left",
            va="top",
            color=SIGNAL,
            fontsize=8,
            fontweight="bold",
        )
    ax.axvline((timeline.duration - zero) / SECOND, color=FAINT, linewidth=1.0, linestyle=(0, (2, 2)), zorder=1)
    ax.set_title(panel.ended, loc="right", fontsize=8, color=FAINT)
    ax.set_xlim(low, high)
    ax.set_ylim(len(lanes) - 0.5, -1.4)
    ax.set_yticks(range(len(lanes)), [lane.name for lane in lanes], fontsize=8)
    ax.tick_params(axis="y", length=0)
    ax.tick_params(axis="x", labelsize=8, colors=INK)
    ax.set_title(panel.title, loc="left", fontsize=10, fontweight="bold", color=INK)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)


def _shown(timeline: Timeline) -> list[Lane]:
    """The lanes as they are drawn: the main task, then the others as they were made, a cleanup under its owner."""
    position = {lane.name: number for number, lane in enumerate(timeline.lanes)}

    def rank(lane: Lane) -> tuple[bool, int]:
        owner = lane.name.removesuffix(" cleanup")
        return not lane.is_main, position.get(owner, position[lane.name])

    return sorted(timeline.lanes, key=rank)


def _lane_count(panel: Panel) -> int:
    return len(panel.timeline.lanes)


def _draw_spans(ax: Axes, lanes: Sequence[Lane], zero: int, width: float) -> None:
    """One collection for all spans of a state: a call per lane would take forty times as long."""
    boxes: dict[State, list[list[tuple[float, float]]]] = {}
    for row, lane in enumerate(lanes):
        for span in _joined(lane.spans):
            left, right = (span.start - zero) / SECOND, (span.end - zero) / SECOND
            if not _is_drawn(span, width):
                continue
            half = LOOKS[span.state].height / 2
            corners = [(left, row - half), (right, row - half), (right, row + half), (left, row + half)]
            boxes.setdefault(span.state, []).append(corners)
    for state, polygons in boxes.items():
        look = LOOKS[state]
        ax.add_collection(
            PolyCollection(
                polygons,
                facecolors=look.face,
                hatch=look.hatch,
                edgecolors=_edge(look),
                linewidths=0.4,
                label=state.value,
                zorder=2,
            )
        )


def _joined(spans: Sequence[Span]) -> list[Span]:
    """Spans of one state with nothing but a short step between them as one, or each step would leave a crack."""
    joined: list[Span] = []
    for span in spans:
        between = joined[-2:]
        is_crack = len(between) == 2 and between[1].state is State.RUNNING and between[0].state is span.state
        if is_crack and between[1].end - between[1].start < _CRACK:
            joined[-2:] = [replace(span, start=between[0].start)]
        elif joined and joined[-1].state is span.state:
            joined[-1] = replace(joined[-1], end=span.end)
        else:
            joined.append(span)
    return joined


def _is_drawn(span: Span, width: float) -> bool:
    """Whether a span is long enough to be seen in a picture that is so many seconds wide."""
    shortest = width * _SHORTEST_DRAWN * (_BRIEF if span.state in _SELDOM_LONG else 1)
    return (span.end - span.start) / SECOND >= shortest


def _edge(look: Look) -> str:
    return HATCH_INK if look.hatch else look.face


def _draw_end(ax: Axes, lane: Lane, row: int, zero: int) -> None:
    marker, color = END_MARKS[lane.end]
    end = lane.spans[-1].end if lane.spans else 0
    ax.plot(
        [(end - zero) / SECOND],
        [row],
        marker=marker,
        color=color,
        markersize=6,
        markeredgecolor="white",
        markeredgewidth=0.6,
        linestyle="none",
        zorder=4,
        clip_on=False,
    )


def _alarms(timeline: Timeline, lane: Lane) -> list[tuple[str, int]]:
    """What is to jump out of a lane, and when it happened: a job that began late, a cleanup lost or never made."""
    end = lane.spans[-1].end if lane.spans else 0
    found = []
    for job in timeline.jobs:
        if job.name != lane.name:
            continue
        if job in timeline.jobs_begun_late and job.begun is not None:
            found.append(("✗ began late", job.begun))
        if job.cleanup_begun is not None and job.cleanup_finished is None:
            found.append(("✗ cleanup lost", end))
        if job.begun is not None and job.cleanup_begun is None and lane.end is State.ABANDONED:
            found.append(("✗ no cleanup", end))
    return found


def _shout(ax: Axes, text: str, x: float, row: int) -> None:
    ax.annotate(
        text,
        (x, row),
        xytext=(7, 0),
        textcoords="offset points",
        color=LOST,
        fontsize=8,
        fontweight="bold",
        va="center",
        zorder=5,
        bbox={"facecolor": "white", "edgecolor": LOST, "pad": 1.2, "linewidth": 0.7},
    )


def _add_legend(figure: Figure, timelines: Sequence[Timeline], width: float) -> None:
    """Explain what there is in the picture, and nothing else."""
    lanes = [lane for timeline in timelines for lane in timeline.lanes]
    seen = {span.state for lane in lanes for span in lane.spans if _is_drawn(span, width)}
    ends = {lane.end for lane in lanes}
    handles: list[Patch | Line2D] = [
        Patch(facecolor=look.face, hatch=look.hatch, edgecolor=_edge(look), linewidth=0.4, label=state.value)
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
