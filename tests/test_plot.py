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
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.path import Path as MplPath

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


def corners(path: MplPath) -> Any:
    """The four corners of a bar, as an array."""
    return np.asarray(path.vertices, dtype=float)[:4]


def start(line: Line2D) -> tuple[float, float]:
    """Where a line, or a marker, begins."""
    x, y = (np.asarray(data, dtype=float) for data in line.get_data())
    return float(x[0]), float(y[0])


def fills(axes: Axes) -> dict[State, PolyCollection]:
    """The bars of each state."""
    found = [collection for collection in axes.collections if isinstance(collection, PolyCollection)]
    return {State(str(collection.get_label())): collection for collection in found}


def bars(axes: Axes) -> dict[str, list[tuple[float, float, float]]]:
    """From, to and row of each bar, by its state."""
    return {
        str(state): [
            (round(float(box[0][0]), 6), round(float(box[1][0]), 6), round(float(box[:, 1].mean()), 6))
            for box in map(corners, fill.get_paths())
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
        box = corners(fill.get_paths()[0])
        assert round(float(abs(box[2][1] - box[1][1])), 6) == LOOKS[state].height


def test_states_differ_by_more_than_colour() -> None:
    assert len({(look.hatch, look.height) for look in LOOKS.values()}) >= len(LOOKS) - 1
    assert len({marker for marker, _ in END_MARKS.values()}) == len(END_MARKS)


def test_each_lane_is_named_and_has_its_end(axes: Axes) -> None:
    assert [label.get_text() for label in axes.get_yticklabels()] == ["main", "job-1", "job-2", "job-3"]
    ends = {start(line): line.get_marker() for line in axes.lines if line.get_linestyle() == "None"}
    assert ends == {
        (0.8, 0.0): END_MARKS[State.FAILED][0],
        (1.0, 1.0): END_MARKS[State.ABANDONED][0],
        (0.6, 2.0): END_MARKS[State.FINISHED][0],
        (0.7, 3.0): END_MARKS[State.CANCELLED][0],
    }


def test_signals_and_the_end_are_lines_through_all_lanes(axes: Axes) -> None:
    signals = [start(line)[0] for line in axes.lines if line.get_linestyle() != "None"]
    assert signals == [0.0, 0.5]
    (end,) = (lines for lines in axes.collections if isinstance(lines, LineCollection))
    bottom, top = np.asarray(end.get_segments()[0])
    assert (bottom[0], top[0]) == (1.0, 1.0)
    assert min(bottom[1], top[1]) < 0 < 3 < max(bottom[1], top[1])


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
    assert shown == [*states, "finished", "cancelled", "failed", "abandoned"]


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
