"""The overview of very many tasks: how many were in which state, over time."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from cancelkit.plot.lanes import SECOND, draw_phases, zero_of
from cancelkit.plot.style import LOOKS, Theme
from cancelkit.trace.states import State
from cancelkit.trace.timeline import Timeline

_POINTS = 1_200
"""Along the time axis: about one a pixel."""


def counts_over_time(timeline: Timeline, seconds: np.ndarray) -> dict[State, np.ndarray]:
    """How many tasks were in each state that lasts, at each of these times (seconds after the timeline's zero)."""
    times = seconds * SECOND + zero_of(timeline)
    spans = [span for lane in timeline.lanes for span in lane.spans]
    counts = {}
    for state in LOOKS:
        starts = np.sort([span.start for span in spans if span.state is state])
        ends = np.sort([span.end for span in spans if span.state is state])
        counts[state] = np.searchsorted(starts, times, "right") - np.searchsorted(ends, times, "right")
    return counts


def draw_overview(ax: Axes, timeline: Timeline, low: float, high: float, theme: Theme) -> set[State]:
    """Draw the counts on top of each other, from `low` to `high` seconds; the states that there are."""
    seconds = np.linspace(low, high, _POINTS)
    base, drawn = np.zeros(_POINTS), set[State]()
    for state, counts in counts_over_time(timeline, seconds).items():
        if counts.any():
            look = LOOKS[state]
            drawn.add(state)
            ax.fill_between(
                seconds,
                base,
                base + counts,
                step="post",
                facecolor=look.face,
                hatch=look.hatch,
                edgecolor=look.edge,
                linewidth=0.0,
                label=state.value,
                zorder=2,
            )
        base = base + counts
    most = max(1.0, float(base.max()))
    ax.set_xlim(low, high)
    ax.set_ylim(0, most * 1.25)
    draw_phases(ax, timeline, (0, most), theme)
    ax.set_ylabel("tasks", color=theme.ink, fontsize=8)
    ax.tick_params(axis="y", labelsize=8, colors=theme.ink)
    return drawn
