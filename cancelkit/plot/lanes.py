"""One panel: the lanes of one timeline, a bar per state, a line through all of them per signal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection

from cancelkit.plot.style import END_MARKS, FAINT, INK, LOOKS, LOST, SIGNAL
from cancelkit.trace.states import State
from cancelkit.trace.timeline import Lane, Span, Timeline

SECOND = 1_000_000_000
_SHORTEST_DRAWN = 0.002
"""A span shorter than this share of the picture would be about a pixel wide."""
_ROOM_FOR_SIGNALS = -1.4
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


def zero_of(timeline: Timeline) -> int:
    """Where the time axis has its zero: at the first signal, if there is one."""
    return timeline.signals[0].time if timeline.signals else 0


def draw_panel(ax: Axes, panel: Panel, low: float, high: float) -> None:
    """Draw a panel on axes that span the seconds from `low` to `high`."""
    timeline, zero = panel.timeline, zero_of(panel.timeline)
    lanes = _shown(timeline)
    rows = {lane.task: row for row, lane in enumerate(lanes)}
    _draw_spans(ax, lanes, zero, high - low)
    for lane in lanes:
        _draw_end(ax, lane, rows[lane.task], zero)
    for alarm in timeline.alarms:
        _shout(ax, f"✗ {alarm.what}", (alarm.time - zero) / SECOND, rows[alarm.lane.task])
    for signal in timeline.signals:
        x = (signal.time - zero) / SECOND
        is_last = signal is timeline.signals[-1]
        ax.axvline(x, color=SIGNAL, linewidth=1.6, zorder=3)
        ax.annotate(
            f"{signal.name} {signal.number}" if len(timeline.signals) > 1 else signal.name,
            (x, 1),
            xycoords=("data", "axes fraction"),
            xytext=(3 if is_last else -3, -1),
            textcoords="offset points",
            ha="left" if is_last else "right",  # so that names of signals that are close do not meet
            va="top",
            color=SIGNAL,
            fontsize=8,
            fontweight="bold",
        )
    end = (timeline.duration - zero) / SECOND
    ax.vlines(end, -0.6, len(lanes) - 0.5, color=FAINT, linewidth=1.0, linestyle=(0, (2, 2)), zorder=1)
    ax.set_title(panel.ended, loc="right", fontsize=8, color=FAINT)
    ax.set_xlim(low, high)
    ax.set_ylim(len(lanes) - 0.5, _ROOM_FOR_SIGNALS)
    ax.set_yticks(range(len(lanes)), [lane.name for lane in lanes], fontsize=8, parse_math=False)
    ax.tick_params(axis="y", length=0)
    ax.tick_params(axis="x", labelsize=8, colors=INK)
    ax.set_title(panel.title, loc="left", fontsize=10, fontweight="bold", color=INK, parse_math=False)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)


def _shown(timeline: Timeline) -> list[Lane]:
    """The lanes as they are drawn: the main task, then the others as they were made, a cleanup under its owner."""
    position = {lane.name: number for number, lane in enumerate(timeline.lanes)}

    def rank(lane: Lane) -> tuple[bool, int]:
        owner = lane.name.removesuffix(" cleanup")
        return not lane.is_main, position.get(owner, position[lane.name])

    return sorted(timeline.lanes, key=rank)


def _draw_spans(ax: Axes, lanes: Sequence[Lane], zero: int, width: float) -> None:
    """One collection for all spans of a state; a call per lane would take many times as long."""
    boxes: dict[State, list[list[tuple[float, float]]]] = {}
    for row, lane in enumerate(lanes):
        for span in _joined(lane.spans):
            left, right = (span.start - zero) / SECOND, (span.end - zero) / SECOND
            if not is_drawn(span, width):
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
                edgecolors=look.edge,
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


def is_drawn(span: Span, width: float) -> bool:
    """Whether a span is long enough to be seen in a picture that is so many seconds wide."""
    shortest = width * _SHORTEST_DRAWN * (_BRIEF if span.state in _SELDOM_LONG else 1)
    return (span.end - span.start) / SECOND >= shortest


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
