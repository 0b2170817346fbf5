"""Pictures: judged by their data (what is where, and how it is labelled), and the same bytes for the same record."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("matplotlib")

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch, Rectangle

from cancelkit.plot.style import END_MARKS, LOOKS
from cancelkit.plot.timelines import Panel, draw, draw_grid, save, to_png
from cancelkit.trace.builder import timeline_of
from cancelkit.trace.events import Event
from cancelkit.trace.record import Record, write_record
from cancelkit.trace.states import State
from cancelkit.trace.timeline import Timeline


def event(tenths: float, kind: str, task: int | None = None, **detail: Any) -> Event:
    whole = {"coro": "job", "loop": 1, "cleanup": False, "at": ""} | detail
    return Event(int(tenths * 100_000_000), kind, task, whole)


EVENTS = (
    event(0, "created", 1, name="Task-1"),
    event(0, "main", 1),
    event(0, "step", 1),
    event(0, "created", 2, name="job-1"),
    event(0, "created", 3, name="job-2"),
    event(0, "created", 4, name="job-3"),
    event(0, "suspended", 1, on="TaskGroup"),
    event(0, "step", 2),
    event(0, "report", 2, what="begun", job="job-1"),
    event(0, "suspended", 2, on="sleep"),
    event(0, "step", 3),
    event(0, "suspended", 3, on="Semaphore"),
    event(10, "signal", name="SIGINT"),
    event(10, "cancel delivered", 2),
    event(10, "step", 2),
    event(10, "report", 2, what="cleanup begun", job="job-1"),
    event(10, "suspended", 2, on="sleep", cleanup=True, cancelling=True),
    event(12, "step", 3),
    event(12, "report", 3, what="begun", job="job-2"),
    event(12, "suspended", 3, on="sleep"),
    event(14, "step", 3),
    event(14, "suspended", 3, on="sleep"),
    event(15, "signal", name="SIGTERM"),
    event(16, "step", 3),
    event(16, "ended", 3, how="finished"),
    event(17, "ended", 4, how="cancelled"),
    event(18, "ended", 1, how="failed", error="ValueError"),
    event(20, "exit", status=-2),
)


@pytest.fixture(scope="module")
def timeline() -> Timeline:
    return timeline_of(EVENTS)


@pytest.fixture(scope="module")
def figure(timeline: Timeline) -> Figure:
    return draw(Panel(timeline, "a title", "killed by SIGINT"))


@pytest.fixture(scope="module")
def axes(figure: Figure) -> Axes:
    (only,) = figure.axes
    return only


def start(line: Line2D) -> tuple[float, float]:
    """Where a line, or a marker, begins."""
    x, y = (np.asarray(data, dtype=float) for data in line.get_data())
    return float(x[0]), float(y[0])


def fills(axes: Axes) -> dict[State, PathPatch]:
    """The bars of each state, as one patch."""
    return {State(str(patch.get_label())): patch for patch in axes.patches if isinstance(patch, PathPatch)}


def boxes(fill: PathPatch) -> list[Any]:
    """The four corners of each bar, as arrays."""
    vertices = np.asarray(fill.get_path().vertices, dtype=float)
    return [vertices[first : first + 4] for first in range(0, len(vertices), 5)]


def bars(axes: Axes) -> dict[str, list[tuple[float, float, float]]]:
    """From, to and row of each bar, by its state."""
    return {
        str(state): [
            (round(float(box[0][0]), 6), round(float(box[1][0]), 6), round(float(box[:, 1].mean()), 6))
            for box in boxes(fill)
        ]
        for state, fill in fills(axes).items()
    }


def test_bars_are_where_the_states_were(axes: Axes) -> None:
    assert bars(axes) == {
        "awaiting": [(-1.0, 0.8, 0.0), (-1.0, 0.0, 1.0), (0.2, 0.6, 2.0)],
        "cleaning up": [(0.0, 1.0, 1.0)],
        "queued": [(-1.0, 0.2, 2.0)],
        "not started": [(-1.0, 0.7, 3.0)],
    }


def test_bars_look_as_their_state(axes: Axes) -> None:
    for state, fill in fills(axes).items():
        assert (fill.get_hatch() or "") == LOOKS[state].hatch
        box = boxes(fill)[0]
        assert round(float(abs(box[2][1] - box[1][1])), 6) == LOOKS[state].height


def test_states_differ_by_more_than_colour() -> None:
    assert len({(look.hatch, look.height) for look in LOOKS.values()}) >= len(LOOKS) - 1
    assert len({marker for marker, _ in END_MARKS.values()}) == len(END_MARKS)


def points(axes: Axes) -> dict[str, list[tuple[float, float]]]:
    """Where the marks of each kind are, by what the legend says of them."""
    found = [collection for collection in axes.collections if isinstance(collection, PathCollection)]
    return {
        str(each.get_label()): [
            (round(float(x), 6), round(float(y), 6)) for x, y in np.asarray(each.get_offsets(), dtype=float)
        ]
        for each in found
    }


def segments(axes: Axes) -> dict[str, list[Any]]:
    """The lines of each kind that do not go through everything, as pairs of ends."""
    found = [collection for collection in axes.collections if isinstance(collection, LineCollection)]
    return {str(each.get_label()): [np.round(segment, 6).tolist() for segment in each.get_segments()] for each in found}


def test_each_lane_is_named_and_has_its_end(axes: Axes) -> None:
    assert [label.get_text() for label in axes.get_yticklabels()] == ["main", "job-1", "job-2", "job-3"]
    ends = {str(state): where for state, where in points(axes).items() if state in {*END_MARKS}}
    assert ends == {
        "failed": [(0.8, 0.0)],
        "abandoned": [(1.0, 1.0)],
        "finished": [(0.6, 2.0)],
        "cancelled": [(0.7, 3.0)],
    }


def test_signals_are_lines_through_everything_and_the_exit_through_all_lanes(axes: Axes) -> None:
    assert [start(line)[0] for line in axes.lines] == [0.0, 0.5]
    assert segments(axes)["exit"] == [[[1.0, -0.6], [1.0, 3.5]]]


def test_cancellations_stand_above_their_lane_and_a_cleanup_begins_with_a_line(axes: Axes) -> None:
    assert points(axes)["cancel delivered"] == [(0.0, 1 - 0.44)]
    ((low, high),) = segments(axes)["cleanup begins"]
    assert (low[0], high[0]) == (0.0, 0.0)
    assert low[1] < 1 - LOOKS[State.CLEANING].height / 2
    assert high[1] > 1 + LOOKS[State.CLEANING].height / 2


def test_a_request_is_marked_if_the_cancellation_came_later_or_never() -> None:
    made = [event(0, "created", n, name=f"job-{n}") for n in (1, 2, 3)]
    asked = [event(n, "cancel requested", n, by=None, at="") for n in (1, 2, 3)]
    came = [event(1, "cancel delivered", 1), event(8, "cancel delivered", 2), event(10, "exit", status=0)]
    axes = draw(Panel(timeline_of(sorted(made + asked + came, key=lambda e: e.time)))).axes[0]
    found = points(axes)
    assert found["cancel requested"] == [(0.2, 1 - 0.44), (0.3, 2 - 0.44)]
    assert found["cancel delivered"] == [(0.1, 0 - 0.44), (0.8, 1 - 0.44)]


def rectangles(figure: Figure) -> list[Rectangle]:
    return [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]


def test_the_closing_is_a_band_behind_all_lanes_if_it_can_be_seen() -> None:
    def bands(closed: float) -> list[tuple[float, float]]:
        made = [event(0, "created", 1, name="a"), event(4, "closing", loop=1), event(closed, "closed", loop=1)]
        figure = draw(Panel(timeline_of([*made, event(10, "exit", status=0)])))
        says = any(text.get_text() == "the loop is being closed" for text in figure.legends[0].get_texts())
        found = [(round(b.get_x(), 6), round(b.get_width(), 6)) for b in rectangles(figure)]
        assert says == bool(found)
        return found

    assert bands(9) == [(0.4, 0.5)]
    assert bands(4.001) == []


def test_words(axes: Axes) -> None:
    said = {text.get_text(): text.xy for text in axes.texts}  # type: ignore[attr-defined]
    assert said == {
        "SIGINT 1": (0.0, 1),
        "SIGTERM 2": (0.5, 1),
        "✗ cleanup lost": (1.0, 1),
        "✗ began late": (0.2, 2),
    }
    assert (axes.get_title("left"), axes.get_title("right")) == ("a title", "killed by SIGINT")
    assert axes.get_xlabel() == "seconds after the first signal"


def test_everything_fits(axes: Axes) -> None:
    low, high = axes.get_xlim()
    assert low < -1.0
    assert high > 1.0
    bottom, top = axes.get_ylim()
    assert bottom > 3
    assert top < 0


def test_the_legend_explains_what_there_is(figure: Figure) -> None:
    (legend,) = figure.legends
    shown = [text.get_text() for text in legend.get_texts()]
    states = ["not started", "awaiting", "queued", "cleaning up"]
    marks = ["cleanup begins", "cancel delivered", "finished", "cancelled", "failed", "abandoned", "exit"]
    assert shown == [*states, *marks]


def test_what_takes_microseconds_is_told_in_microseconds() -> None:
    brief = timeline_of([event._replace(time=event.time // 100_000) for event in EVENTS])
    figure = draw(Panel(brief))
    FigureCanvasAgg(figure).draw()  # type: ignore[no-untyped-call]
    (axes,) = figure.axes
    assert axes.get_xlabel() == "time after the first signal"
    assert "25 µs" in [label.get_text() for label in axes.get_xticklabels()]


def test_without_a_signal_time_counts_from_the_start() -> None:
    quiet = timeline_of([e for e in EVENTS if e.kind != "signal"])
    axes = draw(Panel(quiet)).axes[0]
    assert axes.get_xlabel() == "seconds"
    assert min(start for rows in bars(axes).values() for start, _, _ in rows) == 0.0
    assert not axes.texts or {text.get_text() for text in axes.texts} == {"✗ cleanup lost"}


def test_nothing_can_be_drawn(tmp_path: Path) -> None:
    save(draw(Panel(timeline_of(()))), tmp_path / "nothing.png")
    assert (tmp_path / "nothing.png").read_bytes().startswith(b"\x89PNG")


def test_a_cleanup_of_its_own_stands_under_its_owner() -> None:
    made = [event(0, "created", 1, name="Task-1"), event(0, "main", 1)]
    made += [event(0, "created", n, name=name) for n, name in enumerate(("job-1", "job-2", "job-1 cleanup"), 2)]
    axes = draw(Panel(timeline_of(made))).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["main", "job-1", "job-1 cleanup", "job-2"]


def test_a_grid_has_one_time_axis(timeline: Timeline) -> None:
    short = timeline_of(EVENTS[:12])
    figure = draw_grid(
        [[Panel(timeline, "one"), Panel(short, "two")], [Panel(short, "three"), Panel(timeline, "four")]]
    )
    assert [axes.get_title("left") for axes in figure.axes] == ["one", "two", "three", "four"]
    assert len({axes.get_xlim() for axes in figure.axes}) == 1


DRAW = """
import sys
from pathlib import Path
from cancelkit.plot.timelines import Panel, draw, save
from cancelkit.trace.record import read_record
for name in sys.argv[2:]:
    save(draw(Panel(read_record(sys.argv[1]).timeline, "a title")), Path(name))
"""


def test_the_same_record_gives_the_same_bytes(tmp_path: Path) -> None:
    """Twice in one process, and in another with other hashes."""
    record = Record(EVENTS)
    write_record(record, tmp_path / "record")
    endings = ("png", "svg", "pdf")
    for ending in endings:
        for number in (1, 2):
            drawn = draw(Panel(record.timeline, "a title"))
            save(drawn, tmp_path / f"{number}.{ending}")
    others = [str(tmp_path / f"3.{ending}") for ending in endings]
    command = [sys.executable, "-c", DRAW, str(tmp_path / "record"), *others]
    subprocess.run(command, check=True, env=os.environ | {"PYTHONHASHSEED": "7"})
    for ending in endings:
        first, *rest = [(tmp_path / f"{number}.{ending}").read_bytes() for number in (1, 2, 3)]
        assert len(first) > 1000
        assert rest == [first, first], ending


def test_saving_does_not_change_what_others_draw(timeline: Timeline, tmp_path: Path) -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    save(draw(Panel(timeline)), tmp_path / "a.svg")
    assert dict(mpl.rcParams) == before


def test_dollar_signs_are_no_mathematics() -> None:
    events = [Event(0, "created", 1, {"name": r"$\frac$", "coro": "main"}), Event(9, "ended", 1, {"how": "finished"})]
    assert to_png(draw(Panel(timeline_of(events), r"$\frac$")))
