"""The benchmark of many jobs: what is measured is what is said, and its figures become the right text."""

from __future__ import annotations

import pytest

pytest.importorskip("rich")

import jobs
from jobs import Figures, interrupt, middle, ratio, report, run, table

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.mark.parametrize("work", ["list", "generator"])
def test_all_jobs_are_done_and_measured(work: str) -> None:
    figures = run(work, "cancelkit", 500)
    assert set(figures) == {"seconds", "bytes"}
    assert figures["seconds"] > 0


def test_an_implementation_that_fails_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "LIMIT", 0)
    with pytest.raises(SystemExit, match=r"cancelkit, list: (?s:.*)max_concurrent is 0"):
        run("list", "cancelkit", 500)


@pytest.mark.parametrize("name", ["cancelkit", "TaskGroup + Semaphore"])
def test_the_last_cleanup_begins_before_the_exit(name: str) -> None:
    figures = interrupt(name, 300)
    assert 0 < figures["cleanup"] <= figures["exit"]


def test_a_program_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_MOST_SECONDS", 1.0)
    monkeypatch.setattr(jobs, "LIMIT", 400)  # more than there are jobs: it is never ready
    assert interrupt("cancelkit", 300) == {}


ROUNDS: dict[str, list[Figures]] = {
    "TaskGroup + Semaphore": [
        {"seconds": 1.0, "bytes": 2e6, "cleanup": 0.5, "exit": 1.0},
        {"seconds": 2.0, "bytes": 4e6, "exit": 2.0},
        {"seconds": 4.0, "bytes": 6e6, "exit": 4.0},
    ],
    "cancelkit": [
        {"seconds": 0.5, "bytes": 0.0, "cleanup": 0.01, "exit": 0.1},
        {"seconds": 0.5, "bytes": 0.0, "cleanup": 0.02, "exit": 0.1},
        {"seconds": 0.5, "bytes": 0.0, "cleanup": 0.03, "exit": 0.1},
    ],
}


def test_medians_and_ratios() -> None:
    assert middle(ROUNDS["TaskGroup + Semaphore"], "seconds") == 2.0
    assert middle(ROUNDS["TaskGroup + Semaphore"], "cleanup") is None  # there is one in one of three
    assert ratio(ROUNDS, "cancelkit", "seconds") == "0.25"  # of 0.5, 0.25 and 0.125
    assert ratio({**ROUNDS, "cancelkit": [{}, {}, {}]}, "cancelkit", "seconds") == "-"


def test_the_report() -> None:
    text = report(ROUNDS, {10: ROUNDS, 100: ROUNDS}, ROUNDS, 1000, {"cancelkit": "", "anyio": "4.16.0"})
    lines = [line.split() for line in text.splitlines()]
    assert ["cancelkit", "2,000", "0.25", "0.0"] in lines
    assert ["TaskGroup", "+", "Semaphore", "4.0", "4.0"] in lines
    assert ["cancelkit", "20", "100", "0.05"] in lines
    assert ["TaskGroup", "+", "Semaphore", "-", "2,000", "1.00"] in lines
    assert "anyio 4.16.0; uvloop is not used" in text


def test_a_table_is_as_wide_as_its_widest_words() -> None:
    assert table(["", "much"], [["a name", "1"], ["b", "12345"]]) == [
        "            much",
        "  a name       1",
        "  b        12345",
    ]
