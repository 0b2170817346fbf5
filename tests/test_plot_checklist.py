"""The picture of a checklist, by what is where."""

import itertools

import pytest

pytest.importorskip("matplotlib")

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg

from cancelkit.lab.checklist import TITLES, Checklist, Verdict
from cancelkit.plot.checklist import draw_checklist

CHECKLIST = Checklist(
    [
        Verdict("running", "not applicable", "no task was running"),
        Verdict("awaiting", "kept", "job-1"),
        Verdict("queued", "kept", "job-2"),
        Verdict("cleanup", "broken", "job-1: cleanup lost " * 20),
        Verdict("leaks", "kept", "$nothing$"),
        Verdict("exit", "broken", "exited 0"),
    ]
)


def test_every_verdict_has_its_mark_its_sentence_and_its_evidence() -> None:
    (ax,) = draw_checklist(CHECKLIST, "a title").axes
    marks = [(marks.get_label(), np.asarray(marks.get_offsets()).tolist()) for marks in ax.collections]
    assert [name for name, _ in marks] == [verdict.id for verdict in CHECKLIST]
    rows = [row for _, [[_, row]] in marks]
    sentences, evidence = ax.texts[::2], ax.texts[1::2]
    assert [text.get_text() for text in sentences] == [f"{TITLES[v.id]}: {v.verdict}" for v in CHECKLIST]
    assert [text.get_position()[1] for text in sentences] == pytest.approx([row - 0.05 for row in rows])
    assert [text.get_position()[1] for text in evidence] == pytest.approx([row + 0.05 for row in rows])
    assert evidence[1].get_text() == "job-1"
    assert ax.get_title("left") == "a title"


@pytest.mark.parametrize(("times", "is_whole"), [(20, True), (60, False)])
def test_long_evidence_takes_lines_of_its_own_and_overlaps_nothing(times: int, is_whole: bool) -> None:
    why = ("job-1: cleanup lost " * times).strip()
    figure = draw_checklist(Checklist([*CHECKLIST[:3], Verdict("cleanup", "broken", why), *CHECKLIST[4:]]))
    (ax,) = figure.axes
    text = ax.texts[7].get_text()
    assert (text.replace("\n", " ") == why) == is_whole
    assert is_whole or text.endswith(" …")
    FigureCanvasAgg(figure).draw()  # type: ignore[no-untyped-call]
    boxes = [text.get_window_extent() for text in ax.texts]
    assert all(above.y0 >= below.y1 - 1 for above, below in itertools.pairwise(boxes))
    assert boxes[-1].y0 >= 0


def test_the_three_words_differ_in_shape_and_colour() -> None:
    (ax,) = draw_checklist(CHECKLIST).axes
    looks = {
        (len(marks.get_paths()[0]), tuple(np.asarray(marks.get_edgecolor()).round(2).ravel().tolist()))
        for marks in ax.collections
    }
    assert len(looks) == 3


def test_in_words_there_is_no_evidence() -> None:
    assert str(CHECKLIST).splitlines()[3:5] == ["cleanup ran to its end: broken", "nothing leaked: kept"]
