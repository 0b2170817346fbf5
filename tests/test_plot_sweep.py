"""The map of a sweep, by what is where: shares of verdicts over points, and the program's lanes below."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

pytest.importorskip("matplotlib")

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch

from cancelkit.plot.style import DARK, LIGHT, SWEEP_LOOKS, Theme
from cancelkit.plot.sweep import draw_sweep, shares, timeline_over_points
from cancelkit.plot.timelines import to_png
from cancelkit.sweep import Sweep, sweep, target_program
from cancelkit.sweep.program import Program
from cancelkit.sweep.runs import Run, Site, Survey
from cancelkit.sweep.verdicts import WORDS, Verdict

SITE = Site("program.py", "main", 1, 0, 1)
NOTHING = np.zeros(())
PROGRAM = Program("program.py", "/nowhere/program.py", (), "/nowhere")


def made(verdicts: dict[int, str], points: int) -> Sweep:
    """A sweep in which these points were tried."""
    runs = tuple(Run((point,), Verdict(word)) for point, word in verdicts.items())
    survey = Survey((SITE,), (0,) * points, tuple(range(points)), (), waits_for_ever=False, is_real=False)
    return Sweep(
        PROGRAM, "step", "3.13.0", 1, survey, True, points, True, runs, None, 1.0, len(runs), 1.0, is_complete=True
    )


@pytest.fixture(scope="module")
def swept() -> Sweep:
    return sweep(target_program("cancelkit.patterns.task_group:run_tasks"), level="step")


def test_a_verdict_is_in_the_column_of_its_point() -> None:
    edges, found = shares(made({1: "hung", 2: "clean", 7: "crashed", 10: "hung"}, 10))
    assert edges.tolist() == [number + 0.5 for number in range(11)]
    assert {word: np.flatnonzero(share).tolist() for word, share in found.items()} == {
        "clean": [1],
        "hung": [0, 9],
        "crashed": [6],
    }
    assert all(set(share.tolist()) == {0.0, 1.0} for share in found.values())


def test_a_column_of_several_points_has_shares() -> None:
    """There are 960 points: four to a column."""
    edges, found = shares(made({1: "hung", 2: "clean", 3: "clean", 4: "clean", 5: "late start", 960: "hung"}, 960))
    assert len(edges) == 241
    assert (edges[0], edges[-1]) == (0.5, 960.5)
    assert {word: share[[0, 1, 2, -1]].tolist() for word, share in found.items()} == {
        "clean": [0.75, 0, 0, 0],
        "hung": [0.25, 0, 0, 1],
        "late start": [0, 1, 0, 0],
    }


def test_shares_are_of_all_that_was_tried(swept: Sweep) -> None:
    edges, found = shares(swept)
    tried = np.histogram([run.point[0] for run in swept.runs], edges)[0] > 0
    assert set(found) == set(swept.verdicts)
    assert sum(found.values(), NOTHING)[tried] == pytest.approx(1)
    edges, found = shares(made({3: "hung", 500: "clean"}, 700))
    assert np.sort(sum(found.values(), NOTHING)).tolist() == [0.0] * 238 + [1.0] * 2


def test_a_pair_belongs_to_the_point_of_its_first_signal() -> None:
    one = made({5: "hung"}, 10)
    runs = (one.runs[0]._replace(point=(5, 3)), one.runs[0]._replace(point=(5, 90), verdict=Verdict("clean")))
    _, found = shares(Sweep(**vars(one) | {"runs": runs, "signals": 2}))
    assert {word: np.flatnonzero(share).tolist() for word, share in found.items()} == {"clean": [4], "hung": [4]}
    assert found["hung"][4] == 0.5


def test_lanes_are_over_the_points(swept: Sweep) -> None:
    timeline = timeline_over_points(swept)
    points = len(swept.survey.order)
    assert [lane.name for lane in timeline.lanes] == ["main", *(f"job-{number}" for number in range(1, 6))]
    for lane in timeline.lanes:
        edges = [edge / 1e9 for span in lane.spans for edge in (span.start, span.end)]
        assert edges == sorted(edges)
        assert 0 <= edges[0] < edges[-1] <= points
        assert edges[0] == int(edges[0])
    main, first, *_, last = timeline.lanes
    assert main.spans[0].start < first.spans[0].start
    assert last.spans[-1].end > first.spans[-1].end
    assert main.spans[-1].end == max(lane.spans[-1].end for lane in timeline.lanes)


def test_a_lane_begins_at_the_point_before_which_its_task_was_made(swept: Sweep) -> None:
    timeline = timeline_over_points(swept)
    times = {event.task: event.time for event in swept.survey.events if event.kind == "created"}
    for lane in timeline.lanes:
        passed = sum(time < times[lane.task] for time in swept.survey.times)
        assert lane.spans[0].start == passed * 1_000_000_000


def test_points_before_the_first_event_are_left_of_every_lane(swept: Sweep) -> None:
    survey = swept.survey
    later = survey._replace(order=(0,) * 5 + survey.order, times=(survey.events[0].time - 1,) * 5 + survey.times)
    moved = timeline_over_points(dataclasses.replace(swept, survey=later))
    for lane, before in zip(moved.lanes, timeline_over_points(swept).lanes, strict=True):
        assert [span.start for span in lane.spans] == [span.start + 5_000_000_000 for span in before.spans]


def drawn(sweep: Sweep, theme: Theme = LIGHT) -> Figure:
    figure = draw_sweep(sweep, theme=theme)
    FigureCanvasAgg(figure).draw()  # type: ignore[no-untyped-call]
    return figure


def test_every_verdict_has_a_look() -> None:
    assert list(SWEEP_LOOKS) == list(WORDS)
    assert len(set(SWEEP_LOOKS.values())) == len(WORDS)


def test_no_two_looks_are_the_same_to_the_eye() -> None:
    pictures = {word: colours(drawn(made(dict.fromkeys(range(1, 11), word), 10))) for word in WORDS}
    same = [pair for pair in itertools.combinations(WORDS, 2) if pictures[pair[0]] == pictures[pair[1]]]
    assert same == []


def colours(figure: Figure) -> frozenset[bytes]:
    """What can be seen in the middle of the map."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    left, bottom, right, top = (round(edge) for edge in figure.axes[0].get_window_extent().extents)
    seen = np.asarray(canvas.buffer_rgba())[::-1]  # type: ignore[no-untyped-call]
    return frozenset(pixel.tobytes() for pixel in seen[bottom + 9 : top - 9, left + 9 : right - 9].reshape(-1, 4))


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_each_verdict_is_drawn_by_its_look_and_named(theme: Theme) -> None:
    figure = drawn(made(dict(enumerate(WORDS, 1)), len(WORDS)), theme)
    above, _ = figure.axes
    patches = {str(patch.get_label()): patch for patch in above.patches if isinstance(patch, StepPatch)}
    assert list(patches) == list(WORDS)
    for column, (word, patch) in enumerate(patches.items()):
        assert (patch.get_hatch() or "") == SWEEP_LOOKS[word][1]
        values, _, base = patch.get_data()
        assert np.flatnonzero(values - base).tolist() == [column]
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()][: len(WORDS)] == list(WORDS)


def test_only_what_there_is_is_named(swept: Sweep) -> None:
    (legend,) = drawn(swept).legends
    named = [text.get_text() for text in legend.get_texts()]
    assert [word for word in named if word in WORDS] == list(swept.verdicts)
    assert {"awaiting", "cleaning up"} & set(named)


def test_verdicts_and_lanes_share_their_points(swept: Sweep) -> None:
    figure = drawn(swept)
    above, below = figure.axes
    assert above.get_xlim() == below.get_xlim() == (0.5, len(swept.survey.order) + 0.5)
    assert next(label.get_text() for label in below.get_yticklabels()) == "main"
    assert above.get_title(loc="left") == swept.program.title
    assert above.get_title(loc="right") == f"level step: {swept.coverage}"


def test_a_sweep_of_no_points_can_be_drawn() -> None:
    assert to_png(draw_sweep(made({}, 10)))[:4] == b"\x89PNG"


def test_the_same_sweep_gives_the_same_bytes(swept: Sweep) -> None:
    assert to_png(draw_sweep(swept)) == to_png(draw_sweep(swept))
    assert to_png(draw_sweep(swept, theme=DARK)) != to_png(draw_sweep(swept))
