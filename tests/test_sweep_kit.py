"""The kit's own run, run_tasks and finish at every point; and that a defect in them is found."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import cancelkit.shutdown
from cancelkit.sweep import Sweep, program_at, sweep, target_program

pytestmark = pytest.mark.core

KIT = Path(cancelkit.shutdown.__file__)
JOBS = """
import asyncio
from shutdown import finish, run, run_tasks
from cancelkit.trace.reports import holding, report

async def tidy_up(released):
    await asyncio.sleep(0.1)
    released()

async def job():
    report("begun", "a job")
    with holding("it") as released:
        try:
            await asyncio.sleep(0.1)
        finally:
            await finish(tidy_up(released))

async def main():
    await run_tasks([job, job, job], 2)

run(main())
"""


@pytest.fixture(scope="module")
def own() -> Sweep:
    return sweep(target_program("cancelkit:run_tasks", finish=True))


def test_nothing_is_lost_at_any_point(own: Sweep) -> None:
    assert own.verdicts == {"clean": own.points}
    assert own.points == len(own.runs) > 100
    assert all(run.status == -2 for run in own.runs)


@pytest.mark.parametrize("signals", [2, 3])
def test_nor_with_more_signals(signals: int) -> None:
    result = sweep(target_program("cancelkit:run_tasks", finish=True), signals=signals, sample=400, seed=7)
    # Two signals before it owns them, within a few instructions, leave main as a coroutine that was never awaited.
    assert set(result.verdicts) <= {"clean", "leftovers"}
    assert len(result.runs) == 400


def test_without_finish_a_cleanup_is_lost_and_only_that() -> None:
    result = sweep(target_program("cancelkit:run_tasks"))
    assert set(result.verdicts) == {"clean", "cleanup lost"}


def test_a_task_group_loses_cleanup_at_a_good_share_of_points() -> None:
    result = sweep(target_program("cancelkit.patterns.task_group:run_tasks"))
    assert result.verdicts["cleanup lost"] > 0.2 * result.points


DEFECTS = {
    "finish hands a cancellation down": (
        "await asyncio.wait([cleanup])  # which",
        "await cleanup  # which",
        "cleanup lost",
    ),
    "the signal is noted and no more": (
        "            interruption.raise_first()\n",
        "            pass\n",
        "interrupt swallowed",
    ),
    "a job that was made is begun in any case": (
        "        _check_may_begin(owner, cancelled_before)  # once more",
        "        pass  # once more",
        "late start",
    ),
}
SEEN_BY_CHECKS = {
    "a loop that is closed is told": (
        "            self._loop = None  # before",
        "            pass  # before",
        "wrong exit",
    ),
    "tasks die when the signals are given back": (
        "        self._main = self._closer = self._deadline = None\n        _interruption = None",
        "        _interruption = None",
        "interrupt swallowed",
    ),
    "what is checked first is not tidied up": (
        "    try:\n        _check_can_run(main)\n",
        "    _check_can_run(main)\n    try:\n",
        "leftovers",
    ),
}
ALL = DEFECTS | (SEEN_BY_CHECKS if sys.version_info >= (3, 12) else {})


def swept_copy(folder: Path, old: str, new: str) -> Sweep:
    """A program that uses a copy of the kit in which one thing was changed."""
    source = KIT.read_text()
    assert source.count(old) == 1
    (folder / "shutdown.py").write_text(source.replace(old, new))
    (folder / "jobs.py").write_text(JOBS)
    return sweep(program_at(folder / "jobs.py"))


def test_a_copy_is_as_clean_as_the_original(tmp_path: Path) -> None:
    assert swept_copy(tmp_path, "T = TypeVar", "T = TypeVar").is_clean


@pytest.mark.parametrize("defect", ALL)
def test_a_defect_is_found(tmp_path: Path, defect: str) -> None:
    old, new, verdict = ALL[defect]
    found = swept_copy(tmp_path, old, new).verdicts
    assert verdict in found
