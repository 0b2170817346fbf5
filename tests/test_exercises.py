"""The exercises: what is unsolved is not right, and wrong answers are refused for what is wrong.

That each solution is right is shown by test_editions.py, for which all of them are checked.
"""

from __future__ import annotations

import pytest

pytest.importorskip("nbformat")  # the course is not part of the core

from course_notebooks import NOTEBOOKS, Written, written_exercises
from wrong_answers import Wrong, wrong_answers

from cancelkit.course import exercise, exercises, runs

WRITTEN = {written.name: written for path in NOTEBOOKS for written in written_exercises(path)}
WRONG = wrong_answers()

each_exercise = pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)


def test_what_the_notebooks_ask_for_is_what_there_are_judges_for() -> None:
    assert list(WRITTEN) == [exercise.name for exercise in exercises()]


@each_exercise
def test_what_is_unsolved_is_not(written: Written) -> None:
    judged = exercise(written.name).check(written.start)
    broken = [verdict for verdict in judged.verdicts if not verdict.is_kept]
    assert broken
    assert all(verdict.hint for verdict in broken)


@each_exercise
def test_there_are_wrong_answers_of_several_kinds(written: Written) -> None:
    answers = {wrong.answer(written.solution) for wrong in WRONG if wrong.exercise == written.name}
    assert len(answers) >= 4


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: f"{wrong.exercise} {wrong.idea}")
def test_a_wrong_answer_is_refused_for_what_is_wrong(wrong: Wrong, monkeypatch: pytest.MonkeyPatch) -> None:
    if wrong.hangs:
        monkeypatch.setattr(runs, "DEADLINE", 4.0)
    judged = exercise(wrong.exercise).check(wrong.answer(WRITTEN[wrong.exercise].solution))
    broken = [verdict for verdict in judged.verdicts if not verdict.is_kept]
    assert len(broken) == len(wrong.refused), f"\n{judged}"
    for verdict, (promise, seen) in zip(broken, wrong.refused, strict=True):
        assert promise in verdict.promise, f"\n{judged}"
        assert seen in verdict.evidence, f"\n{judged}"
        assert verdict.hint
