"""Answers that are wrong, each in its own way: for each exercise at least four, and what they are refused for."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass


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

    def answer(self, solution: str) -> str:
        """The answer, made from the solution."""
        if self.text:
            return self.text
        for old, new in self.changes:
            assert solution.count(old) == 1, (self.exercise, self.idea, solution.count(old), old)
            solution = solution.replace(old, new)
        return solution


def wrong_answers() -> list[Wrong]:
    """All of them, in the order of the notebooks."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return [wrong for name in names for wrong in importlib.import_module(f"{__name__}.{name}").WRONG]
