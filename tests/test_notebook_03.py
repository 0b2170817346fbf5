"""Notebook 03: what it says of the error of a job, and of the solution of an exercise."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from course_notebooks import NOTEBOOKS, cells_of, written_exercises

from cancelkit.course import exercise

pytestmark = pytest.mark.core

(NOTEBOOK,) = (path for path in NOTEBOOKS if path.name.startswith("03_"))
TEXTS = {cell["id"]: cell["source"] for cell in cells_of(NOTEBOOK)}


def test_the_queued_jobs_are_not_what_a_gather_loses() -> None:
    """As the solution says: the claim is wrong."""
    first, _ = written_exercises(NOTEBOOK)
    broken = [verdict for verdict in exercise("03.1").check(first.start).verdicts if not verdict.is_kept]
    assert [verdict.promise for verdict in broken] == ["the cleanup of 4 jobs finishes"]
    assert broken[0].evidence == "2 of 4 finished"


def test_the_solution_does_not_mend_what_an_error_does(capsys: pytest.CaptureFixture[str]) -> None:
    """As its text says: the group hears of an error one step too late."""
    names: dict[str, Any] = {"asyncio": asyncio}
    _, second = written_exercises(NOTEBOOK)
    exec(second.solution, names)
    exec(TEXTS["jobs-that-fail"], names)
    definition, _, _ = TEXTS["an-error"].partition("\n\n\nawait")
    exec(definition, names)
    asyncio.run(names["show_error"](names["run_tasks"]))
    assert capsys.readouterr().out.splitlines()[0] == "queued: began"
