"""Answers that are wrong, each in its own way: for each exercise at least four, and what they are refused for."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import pytest
from course_notebooks import NOTEBOOKS, written_exercises

from cancelkit.course import exercise, runs


@dataclass(frozen=True)
class Wrong:
    """A wrong answer.

    Attributes:
        exercise: its name: 03.2.
        idea: what somebody may have thought of.
        refused: for each promise that it breaks, in order, a few of its words, and a few of what is said to be seen.
        changes: what stands in the solution, and what stands in its place here; each is found there once.
        text: the whole answer, if it has nothing in common with the solution.
        hangs: whether it has to be ended; a test has less patience with it.
    """

    exercise: str
    idea: str
    refused: tuple[tuple[str, str], ...]
    changes: tuple[tuple[str, str], ...] = ()
    text: str = ""
    hangs: bool = False

    def answer(self) -> str:
        """The answer, made from the solution."""
        if self.text:
            return self.text
        answer = _solutions()[self.exercise]
        for old, new in self.changes:
            assert answer.count(old) == 1, (self.exercise, self.idea, answer.count(old), old)
            answer = answer.replace(old, new)
        return answer


def wrong_answers() -> list[Wrong]:
    """All of them, in the order of the notebooks."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return [wrong for name in names for wrong in importlib.import_module(f"{__name__}.{name}").WRONG]


def each_is_refused(answers: Sequence[Wrong]) -> Callable[..., None]:
    """The test of a notebook's wrong answers. Each notebook has a module, so that several are tested at a time."""

    @pytest.mark.parametrize("wrong", answers, ids=lambda wrong: f"{wrong.exercise} {wrong.idea}")
    def test(wrong: Wrong, monkeypatch: pytest.MonkeyPatch) -> None:
        if wrong.hangs:
            monkeypatch.setattr(runs, "DEADLINE", 4.0)
        judged = exercise(wrong.exercise).check(wrong.answer())
        broken = [verdict for verdict in judged.verdicts if not verdict.is_kept]
        assert len(broken) == len(wrong.refused), f"\n{judged}"
        for verdict, (promise, seen) in zip(broken, wrong.refused, strict=True):
            assert promise in verdict.promise, f"\n{judged}"
            assert seen in verdict.evidence, f"\n{judged}"
            assert verdict.hint

    return test


@cache
def _solutions() -> dict[str, str]:
    return {written.name: written.solution for path in NOTEBOOKS for written in written_exercises(path)}
