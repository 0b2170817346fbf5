"""The exercises: each has a judge, wrong answers of several kinds, and a start that is not right.

That each solution is right is shown by test_editions.py, for which all of them are checked; that wrong answers are
refused for what is wrong, by the modules in wrong_answers/.
"""

from __future__ import annotations

import pytest

pytest.importorskip("nbformat")  # the course is not part of the core

from course_notebooks import NOTEBOOKS, Written, written_exercises
from wrong_answers import wrong_answers

from cancelkit.course import exercise, exercises

WRITTEN = [written for path in NOTEBOOKS for written in written_exercises(path)]

each_exercise = pytest.mark.parametrize("written", WRITTEN, ids=lambda written: written.name)


def test_what_the_notebooks_ask_for_is_what_there_are_judges_for() -> None:
    assert [written.name for written in WRITTEN] == [exercise.name for exercise in exercises()]


@each_exercise
def test_what_is_unsolved_is_not(written: Written) -> None:
    judged = exercise(written.name).check(written.start)
    broken = [verdict for verdict in judged.verdicts if not verdict.is_kept]
    assert broken
    assert all(verdict.hint for verdict in broken)


@each_exercise
def test_there_are_wrong_answers_of_several_kinds(written: Written) -> None:
    assert len({wrong.answer() for wrong in wrong_answers() if wrong.exercise == written.name}) >= 4
