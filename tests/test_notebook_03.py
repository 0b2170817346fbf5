"""Notebook 03: what it says of the error of a job, and the solutions of its exercises."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from signal import SIGINT
from typing import Any

import pytest

from cancelkit.contract.check import check
from cancelkit.contract.promises import PROMISES
from cancelkit.lab import Experiment, holding, perform, signals_at
from cancelkit.lab.scenarios import Target

pytestmark = pytest.mark.core

ROOT = Path(__file__).parents[1]
CELLS = json.loads((ROOT / "notebooks" / "03_taskgroup.ipynb").read_text())["cells"]
TEXTS = {cell["id"]: "".join(cell["source"]) for cell in CELLS}


@pytest.mark.parametrize(("arguments", "finished"), [([], 2), (["--return-exceptions"], 4)])
def test_exercise_1(arguments: list[str], finished: int) -> None:
    outcome = perform(Experiment(ROOT / "scripts" / "gather.py", signals_at(holding(4)), arguments, deadline=100))
    assert (outcome.cleanups_finished, outcome.jobs_begun) == (finished, 4)
    assert f"{finished} of 4" in TEXTS["exercise"]
    assert {lane.name for lane in outcome.timeline.lanes if lane.end == "cancelled"} >= {"job-5", "job-6", "job-7"}
    assert outcome.returncode == -SIGINT


def solved() -> str:
    """The cell of exercise 2 with the lines that its solution gives in the place of those that stand there."""
    found = re.search(r"```python\n(.*?)```", TEXTS["solution-late"], re.DOTALL)
    assert found is not None
    text, count = re.subn(
        r"^    slots = .*?return await job\(\)\n", lambda _: found[1], TEXTS["try-late"], flags=re.MULTILINE | re.DOTALL
    )
    assert count == 1
    return text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (TEXTS["try-late"], ["broken no-late-start in 'a slot gets free'", "kept results"]),
        (solved(), ["kept no-late-start", "kept results"]),
    ],
    ids=["as it stands", "solved"],
)
def test_exercise_2(capsys: pytest.CaptureFixture[str], text: str, says: list[str]) -> None:
    names: dict[str, Any] = {"Path": Path, "check": check, "PROMISES": PROMISES, "Target": Target}
    exec(text, names)
    exec(TEXTS["check-late"], names)
    assert capsys.readouterr().out.splitlines() == says


def test_the_solution_does_not_mend_what_an_error_does(capsys: pytest.CaptureFixture[str]) -> None:
    """As its text says: the group hears of an error one step too late."""
    names: dict[str, Any] = {"asyncio": asyncio}
    exec(solved(), names)
    exec(names["your_run_tasks"], names)
    exec(TEXTS["jobs-that-fail"], names)
    definition, _, _ = TEXTS["an-error"].partition("\n\n\nawait")
    exec(definition, names)
    asyncio.run(names["show_error"](names["run_tasks"]))
    assert capsys.readouterr().out.splitlines()[0] == "queued: began"
