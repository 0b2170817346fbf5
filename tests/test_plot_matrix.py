"""The picture of a contract matrix, by what is where."""

import pytest

pytest.importorskip("matplotlib")

import numpy as np

from cancelkit.contract.check import Verdict
from cancelkit.contract.matrix import Column, Matrix
from cancelkit.plot.matrix import draw_matrix
from cancelkit.plot.timelines import to_png


def verdicts(*broken: str) -> tuple[Verdict, ...]:
    return tuple(Verdict(id_, "broken" if id_ in broken else "kept", "") for id_ in ("limit", "sigterm", "lazy"))


MATRIX = Matrix(
    "3.11.7",
    ("limit", "sigterm", "lazy"),
    (
        Column("best", "a:b", "c:d", verdicts=verdicts()),
        Column("absent", "a:b", "c:d"),
        Column("next", "a:b", "c:d", "2.0", verdicts("sigterm", "lazy")),
    ),
)


def test_every_cell_has_its_mark_and_those_who_are_absent_have_none() -> None:
    (ax,) = draw_matrix(MATRIX).axes
    cells = {
        str(marks.get_label()): sorted(map(tuple, np.asarray(marks.get_offsets()).tolist())) for marks in ax.collections
    }
    assert cells == {"kept": [(0, 0), (0, 1), (0, 2), (1, 0)], "broken": [(1, 1), (1, 2)]}
    assert [label.get_text() for label in ax.get_yticklabels()] == ["limit", "sigterm", "lazy"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["best", "next 2.0"]


def test_the_first_promise_is_on_top() -> None:
    (ax,) = draw_matrix(MATRIX).axes
    bottom, top = ax.get_ylim()
    assert bottom > top


def test_kept_and_broken_differ_in_shape_as_well_as_in_colour() -> None:
    (ax,) = draw_matrix(MATRIX).axes
    kept, broken = ax.collections
    assert len(kept.get_paths()[0]) != len(broken.get_paths()[0])
    assert np.asarray(kept.get_facecolor()).tolist() != np.asarray(broken.get_facecolor()).tolist()


def test_the_legend_explains_what_is_there() -> None:
    def legend(matrix: Matrix) -> list[str]:
        (found,) = draw_matrix(matrix).legends
        return [text.get_text() for text in found.get_texts()]

    assert legend(MATRIX) == ["kept", "broken"]
    assert legend(Matrix("3", MATRIX.promises, MATRIX.columns[:1])) == ["kept"]


def test_the_same_matrix_gives_the_same_bytes() -> None:
    assert to_png(draw_matrix(MATRIX)) == to_png(draw_matrix(MATRIX))
