"""One panel: the lanes of a timeline, a bar per state, marks for cancellations, a line through all lanes per signal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from cancelkit.plot.style import CANCEL_MARKS, DELIVERED, END_MARKS, LOOKS, REQUESTED, Theme, fill_of
from cancelkit.trace.states import State
from cancelkit.trace.timeline import Lane, Span, Timeline

SECOND = 1_000_000_000
_SHORTEST_DRAWN = 0.002
"""A span shorter than this share of the picture would be about a pixel wide."""
_ROOM_FOR_SIGNALS = -1.4
_ABOVE = 0.44
"""Rows by which the marks of cancellations stand above the middle of their lane."""
_CLOSE = 0.01
"""Marks that are closer than this share of the picture would cover each other."""
_CRACK = SECOND // 100
_SELDOM_LONG = frozenset({State.NOT_STARTED, State.RUNNING})
_BRIEF = 8
"""These take microseconds unless something is worth seeing, and are shown from so many times that width."""
_LONGEST_NAME = 28


@dataclass(frozen=True)
class Panel:
    """One timeline of a picture, with what stands above it and what came of it (`ended`: killed by SIGINT …)."""

    timeline: Timeline
    title: str = ""
    ended: str = ""


def zero_of(timeline: Timeline) -> int:
    """Where the time axis has its zero: at the first signal, if there is one."""
    return timeline.signals[0].time if timeline.signals else 0


def draw_panel(ax: Axes, panel: Panel, lanes: Sequence[Lane], low: float, high: float, theme: Theme) -> None:
    """Draw these lanes of a panel on axes that span the seconds from `low` to `high`."""
    timeline, zero = panel.timeline, zero_of(panel.timeline)
    rows = {lane.task: row for row, lane in enumerate(lanes)}
    ax.set_xlim(low, high)
    draw_phases(ax, timeline, (-0.6, len(lanes) - 0.5), theme)
    draw_spans(ax, lanes, zero, high - low)
    _draw_cleanups(ax, lanes, zero, theme)
    for what, points in cancellations(lanes, zero, high - low).items():
        _scatter(ax, points, CANCEL_MARKS[what], 26, fill_of(what, theme), what, edge=theme.ink, line=0.9)
    for state, (marker, color) in END_MARKS.items():
        ends = [
            ((lane.spans[-1].end - zero) / SECOND if lane.spans else 0.0, row)
            for row, lane in enumerate(lanes)
            if lane.end is state
        ]
        _scatter(ax, ends, marker, 40, color, state.value, edge=theme.page)
    for alarm in timeline.alarms:
        if alarm.lane.task in rows:
            _shout(ax, f"✗ {alarm.what}", (alarm.time - zero) / SECOND, rows[alarm.lane.task], theme)
    ax.set_ylim(len(lanes) - 0.5, _ROOM_FOR_SIGNALS)
    ax.set_yticks(range(len(lanes)), [_short(lane.name) for lane in lanes], fontsize=8, parse_math=False)
    ax.tick_params(axis="y", length=0)


def draw_phases(ax: Axes, timeline: Timeline, extent: tuple[float, float], theme: Theme) -> None:
    """Draw what happens to the whole program: the loop being closed, signals, the exit; tasks take up this extent."""
    zero = zero_of(timeline)
    low, high = ax.get_xlim()
    for start, end in closings(timeline, high - low):
        ax.axvspan((start - zero) / SECOND, (end - zero) / SECOND, color=theme.band, linewidth=0, zorder=0)
    for signal in timeline.signals:
        x, is_last = (signal.time - zero) / SECOND, signal is timeline.signals[-1]
        ax.axvline(x, color=theme.alarm, linewidth=1.6, zorder=3)
        ax.annotate(
            f"{signal.name} {signal.number}" if len(timeline.signals) > 1 else signal.name,
            (x, 1),
            xycoords=("data", "axes fraction"),
            xytext=(3 if is_last else -3, -1),
            textcoords="offset points",
            ha="left" if is_last else "right",  # so that names of signals that are close do not meet
            va="top",
            color=theme.alarm,
            fontsize=8,
            fontweight="bold",
        )
    exit_at = (timeline.duration - zero) / SECOND
    ax.vlines(exit_at, *extent, color=theme.faint, linewidth=1.0, linestyle=(0, (2, 2)), zorder=1, label="exit")


def closings(timeline: Timeline, width: float) -> list[tuple[int, int]]:
    """From when to when loops were being closed, if that can be seen in a picture that is so many seconds wide."""
    closed = [mark.time for mark in timeline.marks if mark.what == "closed"]
    starts = [mark.time for mark in timeline.marks if mark.what == "closing"]
    phases = [(start, min((end for end in closed if end >= start), default=timeline.duration)) for start in starts]
    return [(start, end) for start, end in phases if (end - start) / SECOND >= width * _SHORTEST_DRAWN]


def cancellations(lanes: Sequence[Lane], zero: int, width: float) -> dict[str, list[tuple[float, float]]]:
    """Where the marks of cancellations are, requested and delivered; of two that are close, the second alone."""
    points: dict[str, list[tuple[float, float]]] = {}
    for row, lane in enumerate(lanes):
        delivered = [(mark.time - zero) / SECOND for mark in lane.marks if mark.what == DELIVERED]
        requested = [(mark.time - zero) / SECOND for mark in lane.marks if mark.what == REQUESTED]
        waited = [x for x in requested if not any(0 <= later - x < width * _CLOSE for later in delivered)]
        points.setdefault(DELIVERED, []).extend((x, row - _ABOVE) for x in delivered)
        points.setdefault(REQUESTED, []).extend((x, row - _ABOVE) for x in waited)
    return {what: found for what, found in points.items() if found}


def cleanups(lanes: Iterable[Lane]) -> list[tuple[int, int]]:
    """When cleanups began, and in which row."""
    return [
        (span.start, row)
        for row, lane in enumerate(lanes)
        for before, span in zip((None, *lane.spans), lane.spans, strict=False)
        if span.state is State.CLEANING and (before is None or before.state is not State.CLEANING)
    ]


def _draw_cleanups(ax: Axes, lanes: Sequence[Lane], zero: int, theme: Theme) -> None:
    half = LOOKS[State.CLEANING].height / 2 + 0.06
    joined = [replace(lane, spans=tuple(_joined(lane.spans))) for lane in lanes]
    if begun := cleanups(joined):
        xs, rows = zip(*(((time - zero) / SECOND, row) for time, row in begun), strict=True)
        tops, bottoms = [row - half for row in rows], [row + half for row in rows]
        ax.vlines(xs, tops, bottoms, color=theme.ink, linewidth=1.8, zorder=2.5, label="cleanup begins")


def draw_spans(ax: Axes, lanes: Sequence[Lane], zero: int, width: float) -> None:
    """Draw one path for all spans of a state: a call for each lane, or a hatch for each span, takes far longer."""
    boxes: dict[State, list[list[tuple[float, float]]]] = {}
    for row, lane in enumerate(lanes):
        for span, end in _without_holes(_joined(lane.spans), width):
            left, right = (span.start - zero) / SECOND, (end - zero) / SECOND
            half = LOOKS[span.state].height / 2
            corners = [(left, row - half), (right, row - half), (right, row + half), (left, row + half)]
            boxes.setdefault(span.state, []).append(corners)
    for state, corners_of_boxes in boxes.items():
        look = LOOKS[state]
        path = _path_of(corners_of_boxes)
        style = {"facecolor": look.face, "hatch": look.hatch, "edgecolor": look.edge, "linewidth": 0.4}
        ax.add_artist(PathPatch(path, label=state.value, zorder=2, **style))  # the limits are known: none to be found


def _without_holes(spans: Sequence[Span], width: float) -> list[tuple[Span, int]]:
    """The spans that are drawn, and up to where: a step too short to be drawn belongs to what was before it."""
    drawn: list[tuple[Span, int]] = []
    for span in spans:
        if is_drawn(span, width):
            drawn.append((span, span.end))
        elif drawn and span.state is State.RUNNING:
            drawn[-1] = (drawn[-1][0], span.end)
    return drawn


def _path_of(boxes: Sequence[Sequence[tuple[float, float]]]) -> Path:
    """Many boxes, each by its four corners, as one path."""
    corners = np.asarray(boxes, dtype=float)
    vertices = np.concatenate([corners, corners[:, :1]], axis=1).reshape(-1, 2)
    codes = np.tile([Path.MOVETO, *[Path.LINETO] * 3, Path.CLOSEPOLY], len(corners))
    return Path(vertices, codes)


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


def is_drawn(span: Span, width: float) -> bool:
    """Whether a span is long enough to be seen in a picture that is so many seconds wide."""
    shortest = width * _SHORTEST_DRAWN * (_BRIEF if span.state in _SELDOM_LONG else 1)
    return (span.end - span.start) / SECOND >= shortest


def _scatter(
    ax: Axes,
    points: Sequence[tuple[float, float]],
    marker: str,
    size: float,
    color: str,
    label: str,
    edge: str = "none",
    line: float = 0.6,
) -> None:
    if points:
        x, y = zip(*points, strict=True)
        ax.scatter(
            x, y, s=size, c=color, marker=marker, edgecolors=edge, linewidths=line, label=label, zorder=4, clip_on=False
        )


def _shout(ax: Axes, text: str, x: float, row: int, theme: Theme) -> None:
    ax.annotate(
        text,
        (x, row),
        xytext=(7, 0),
        textcoords="offset points",
        color=theme.alarm,
        fontsize=8,
        fontweight="bold",
        va="center",
        zorder=5,
        bbox={"facecolor": theme.page, "edgecolor": theme.alarm, "pad": 1.2, "linewidth": 0.7},
    )


def _short(name: str) -> str:
    """A name that leaves room for the picture: its beginning and its end."""
    half = _LONGEST_NAME // 2
    return name if len(name) <= _LONGEST_NAME else f"{name[:half]}…{name[-half:]}"
