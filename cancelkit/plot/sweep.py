"""The map of a sweep: what came of a signal at each point, over the program's own lanes.

From left to right are the points, in the order in which the program passes them. A lane is as wide as its task has
points, not as long as it takes: most of a program's time it waits, and there are no points in a wait.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from cancelkit.plot.choice import lanes_shown
from cancelkit.plot.lanes import SECOND, draw_spans, is_drawn
from cancelkit.plot.style import LIGHT, LOOKS, SWEEP_LOOKS, Theme
from cancelkit.sweep.result import Sweep
from cancelkit.sweep.verdicts import WORDS
from cancelkit.trace.builder import timeline_of
from cancelkit.trace.timeline import Lane, Span, Timeline

_COLUMNS = 240
"""At most so many columns; a column with several points shows the share of each verdict."""

_LANE_INCHES = 0.24
_MAP_INCHES = 1.5


def draw_sweep(sweep: Sweep, title: str = "", theme: Theme = LIGHT) -> Figure:
    """Draw the verdicts on a program's points above its lanes."""
    timeline = timeline_over_points(sweep)
    lanes = lanes_shown(timeline)
    size = (8.0, _MAP_INCHES + 1.3 + _LANE_INCHES * len(lanes))
    figure = Figure(figsize=size, layout="constrained", facecolor=theme.page)
    heights = [_MAP_INCHES, max(0.5, _LANE_INCHES * len(lanes))]
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=heights)
    words = _draw_verdicts(above, sweep, theme)
    _draw_lanes(below, timeline, lanes, len(sweep.survey.order), theme)
    above.set_title(title or sweep.program.title, loc="left", fontsize=10, fontweight="bold", color=theme.ink)
    above.set_title(f"level {sweep.level}: {sweep.coverage}", loc="right", fontsize=8, color=theme.faint)
    width = len(sweep.survey.order)
    states = {span.state for lane in lanes for span in lane.spans if is_drawn(span, width)}
    handles = [_patch(*SWEEP_LOOKS[word], word) for word in WORDS if word in words]
    handles += [_patch(look.face, look.hatch, state.value) for state, look in LOOKS.items() if state in states]
    figure.legend(handles=handles, loc="outside lower center", ncols=5, frameon=False, fontsize=8, labelcolor=theme.ink)
    return figure


def shares(sweep: Sweep) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The edges of the columns, and for each verdict that there is its share of the runs tried in each column.

    A run belongs to the point of its first signal. A column in which none was tried has no share of anything.
    """
    total = len(sweep.survey.order)
    edges = np.linspace(0.5, total + 0.5, min(_COLUMNS, total) + 1)
    tried, _ = np.histogram([run.point[0] for run in sweep.runs if run.point], edges)
    found = {}
    for word in sweep.verdicts:
        counts, _ = np.histogram([run.point[0] for run in sweep.runs if run.verdict.word == word], edges)
        found[word] = np.divide(counts, tried, out=np.zeros(len(tried)), where=tried > 0)
    return edges, found


def timeline_over_points(sweep: Sweep) -> Timeline:
    """What the program does without a signal, with points in place of seconds."""
    times = sweep.survey.times
    events = [event._replace(time=bisect.bisect_left(times, event.time) * SECOND) for event in sweep.survey.events]
    timeline = timeline_of(events)
    start = events[0].time if events else 0
    lanes = tuple(replace(lane, spans=tuple(_moved(lane, start))) for lane in timeline.lanes)
    return replace(timeline, lanes=lanes)


def _moved(lane: Lane, by: int) -> list[Span]:
    return [replace(span, start=span.start + by, end=span.end + by) for span in lane.spans]


def _draw_verdicts(ax: Axes, sweep: Sweep, theme: Theme) -> list[str]:
    edges, found = shares(sweep)
    base = np.zeros(len(edges) - 1)
    for word, share in found.items():
        face, hatch = SWEEP_LOOKS[word]
        ax.stairs(
            base + share,
            edges,
            baseline=base,
            fill=True,
            facecolor=face,
            hatch=hatch,
            edgecolor="#00000055",
            linewidth=0.0,
            label=word,
        )
        base = base + share
    ax.set_ylim(0, 1)
    ax.set_yticks([0, 0.5, 1], ["0 %", "50 %", "100 %"], fontsize=8)
    ax.set_ylabel("of the runs", fontsize=8, color=theme.ink)
    _dress(ax, theme)
    return list(found)


def _draw_lanes(ax: Axes, timeline: Timeline, lanes: Sequence[Lane], points: int, theme: Theme) -> None:
    draw_spans(ax, lanes, 0, points)
    ax.set_xlim(0.5, points + 0.5)
    ax.set_ylim(len(lanes) - 0.5, -0.7)
    ax.set_yticks(range(len(lanes)), [lane.name[:28] for lane in lanes], fontsize=8, parse_math=False)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("points, in the order in which the program passes them", fontsize=8, color=theme.ink)
    _dress(ax, theme)


def _dress(ax: Axes, theme: Theme) -> None:
    ax.set_facecolor(theme.page)
    ax.tick_params(axis="x", labelsize=8, colors=theme.ink)
    ax.tick_params(axis="y", colors=theme.ink)
    ax.spines["bottom"].set_color(theme.ink)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)


def _patch(face: str, hatch: str, label: str) -> Patch:
    return Patch(facecolor=face, hatch=hatch, edgecolor="#00000055", linewidth=0.4, label=label)
