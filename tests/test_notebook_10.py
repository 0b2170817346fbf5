"""Notebook 10: what it says of the matrix."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cancelkit.contract.check import check, check_all
from cancelkit.contract.compare import IMPLEMENTATIONS
from cancelkit.contract.matrix import Matrix
from cancelkit.contract.promises import PROMISES
from cancelkit.lab.scenarios import TARGETS

pytestmark = pytest.mark.core

ROOT = Path(__file__).parents[1]
RECORDED = Matrix.from_json((ROOT / "docs" / "comparison.json").read_text())
CELLS = json.loads((ROOT / "notebooks" / "10_choosing.ipynb").read_text())["cells"]
ONE_SIGNAL, HONEST_EXIT, STUBBORN = (
    next(promise for promise in PROMISES if promise.id == id_) for id_ in ("one-signal", "honest-exit", "stubborn")
)


def source(id_: str) -> str:
    (text,) = ["".join(cell["source"]) for cell in CELLS if cell["id"] == id_]
    return text


def keepers(promise: str) -> set[str]:
    return {column.name for column in RECORDED.compared if promise not in {verdict.id for verdict in column.broken}}


# The matrix, as it is recorded.


def test_what_is_said_of_the_matrix() -> None:
    everybody = {column.name for column in RECORDED.compared}
    assert keepers("limit") == keepers("results") == everybody
    assert keepers("two-signals") == keepers("three-signals") == {"handlers", "cancelkit", "aiorun"}
    assert keepers("sigterm") == {"handlers", "cancelkit"}
    assert keepers("closing") == {"cancelkit", "aiorun"}
    assert keepers("stubborn") == keepers("lazy") == {"cancelkit"}
    assert everybody - keepers("one-signal") == {"gather + Semaphore", "aiometer", "aiorun", "anyio"}
    assert keepers("honest-exit") - keepers("one-signal") == {"gather + Semaphore", "aiometer", "anyio"}
    kept = {column.name: len(column.verdicts) - len(column.broken) for column in RECORDED.compared}
    assert (kept["cancelkit"], kept["handlers"]) == (16, 11)


def test_gather_keeps_honest_exit_because_it_is_over_before_the_second_signal_can_come() -> None:
    report = check(IMPLEMENTATIONS["gather + Semaphore"].target, [HONEST_EXIT])
    assert report.all_kept
    assert {act for act, outcome in report.outcomes.items() if outcome.missed is not None} == {
        "SIGINT then SIGTERM",
        "SIGTERM then SIGINT",
        "three signals",
    }


def test_one_signal_is_broken_in_three_ways() -> None:
    why = {c.name: v.why for c in RECORDED.compared for v in c.verdicts if v.id == "one-signal"}
    assert "jobs queued" in why["gather + Semaphore"]
    assert "all slots full" not in why["gather + Semaphore"]  # nobody is queued there, to end first
    assert all("job-1 was cancelled" in why[name] for name in ("anyio", "aiometer"))
    assert why["aiorun"].startswith("protected cleanup")


def test_what_is_measured_now_is_what_is_recorded() -> None:
    names = ("gather + Semaphore", "TaskGroup + Semaphore", "handlers", "cancelkit")
    three = [promise for promise in PROMISES if promise.id in ("one-signal", "sigterm", "closing")]
    for name, report in zip(names, check_all([IMPLEMENTATIONS[name].target for name in names], three), strict=True):
        for verdict in report.verdicts:
            assert (verdict.verdict == "kept") == (name in keepers(verdict.id)), (name, verdict)


def test_what_one_line_buys() -> None:
    (group,) = (column for column in RECORDED.compared if column.name == "TaskGroup + Semaphore")
    broken = {verdict.id for verdict in group.broken}
    report = check(TARGETS["task_group"]._replace(runner="cancelkit:run"), [p for p in PROMISES if p.id in broken])
    assert {verdict.id for verdict in report.verdicts if verdict.verdict == "broken"} == {"no-late-start", "lazy"}
    assert STUBBORN.id in broken


def test_a_matrix_is_shown_with_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("IPython")
    pytest.importorskip("matplotlib")
    from cancelkit.notebook import displays

    shown: list[tuple[dict[str, str], dict[str, Any]]] = []
    monkeypatch.setattr(displays, "display", lambda data, *, raw, metadata: shown.append((data, metadata)))
    narrow = Matrix("3", RECORDED.promises, RECORDED.columns[:2])
    displays.show(RECORDED, "a title")
    displays.show(narrow)
    for (data, metadata), matrix in zip(shown, (RECORDED, narrow), strict=True):
        assert data["text/plain"] == metadata["image/png"]["alt"] == str(matrix)
    (wide_width, narrow_width) = (metadata["image/png"]["width"] for _, metadata in shown)
    assert narrow_width < wide_width <= 760
