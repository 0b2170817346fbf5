"""The picture of a checklist, by what is where."""

import pytest

pytest.importorskip("matplotlib")

import numpy as np

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
    assert marks == [(verdict.id, [[0, row]]) for row, verdict in enumerate(CHECKLIST)]
    sentences, evidence = ax.texts[::2], ax.texts[1::2]
    assert [text.get_text() for text in sentences] == [f"{TITLES[v.id]}: {v.verdict}" for v in CHECKLIST]
    assert [round(text.get_position()[1]) for text in (*sentences, *evidence)] == [*range(6), *range(6)]
    assert evidence[1].get_text() == "job-1"
    assert len(evidence[3].get_text()) <= 130
    assert evidence[3].get_text().endswith(" …")
    assert ax.get_title("left") == "a title"


def test_the_three_words_differ_in_shape_and_colour() -> None:
    (ax,) = draw_checklist(CHECKLIST).axes
    looks = {
        (len(marks.get_paths()[0]), tuple(np.asarray(marks.get_edgecolor()).round(2).ravel().tolist()))
        for marks in ax.collections
    }
    assert len(looks) == 3


def test_in_words_there_is_no_evidence() -> None:
    assert str(CHECKLIST).splitlines()[3:5] == ["cleanup ran to its end: broken", "nothing leaked: kept"]
