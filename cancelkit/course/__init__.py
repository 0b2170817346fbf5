"""The course: exercises that interrupt a reader's own code for real, and say promise by promise what it keeps.

    from cancelkit.course import exercise

    print(exercise("03.2").check(open("mine.py").read()))

In a notebook `%%answer 03.2` stands above the code, and `%check 03.2` puts it to the test. The exercises of a notebook
are in the module of its number.
"""

from __future__ import annotations

import importlib
import pkgutil

from cancelkit.course.exercises import Exercise, Judgement, Verdict
from cancelkit.errors import UnknownExerciseError

__all__ = ["Exercise", "Judgement", "Verdict", "exercise", "exercises"]


def exercises() -> tuple[Exercise, ...]:
    """All exercises, in the order of the notebooks."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names if name.startswith("notebook_")]
    return tuple(exercise for module in modules for exercise in module.EXERCISES)


def exercise(name: str) -> Exercise:
    """The exercise of a name, as 03.2: the notebook's number and its own.

    Raises:
        UnknownExerciseError: there is none.
    """
    known = {exercise.name: exercise for exercise in exercises()}
    if name not in known:
        raise UnknownExerciseError(f"there is no exercise {name!r}; there are {', '.join(known)}")
    return known[name]
