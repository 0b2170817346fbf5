"""Notebook 12: what it says beside its exercises."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from signal import SIGHUP

import pytest
from course_notebooks import NOTEBOOKS, written_exercises
from wrong_answers.test_notebook_12 import WORKERS_THAT_GO_ON

from cancelkit.contract.acts import ACTS
from cancelkit.course import exercise
from cancelkit.lab import Experiment, created, perform, signals_at
from cancelkit.lab.scenarios import STAGE, Target

pytestmark = pytest.mark.core

(NOTEBOOK,) = (path for path in NOTEBOOKS if path.stem == "12_capstone")
SOLUTIONS = {written.name: written.solution for written in written_exercises(NOTEBOOK)}
IMPORT = "from cancelkit import run_tasks  # or yours, of exercise 2\n"


@pytest.fixture(scope="module")
def together() -> str:
    """The solutions of exercises 2 and 3 as one answer."""
    assert SOLUTIONS["12.3"].count(IMPORT) == 1
    return SOLUTIONS["12.3"].replace(IMPORT, f"{SOLUTIONS['12.2']}\n")


@pytest.fixture
def target(together: str, tmp_path: Path) -> Target:
    path = tmp_path / "mine.py"
    path.write_text(together)
    return Target(f"{path}:run_tasks", f"{path}:run")


def changed(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, (text.count(old), old)
    return text.replace(old, new)


def test_the_answers_together_keep_all_sixteen(together: str) -> None:
    judged = exercise("12.3").check(together)
    assert [verdict.under for verdict in judged.verdicts].count("the contract") == 16
    assert judged.all_kept, f"\n{judged}"


def test_where_a_task_is_stuck_may_be_said_in_any_form() -> None:
    """Here as the notebook's own cell does, and leaving the loop in the place of cancelling once more."""
    file_and_line = """f'  File "{code.co_filename}", line {link.cr_frame.f_lineno}, in {code.co_name}'"""
    answer = changed(SOLUTIONS["12.3"], file_and_line, '"in", code.co_name')
    once_more = "        task.cancel()  # once more, and this time its cleanup is meant, too\n"
    answer = changed(answer, once_more, "    asyncio.get_running_loop().stop()\n")
    judged = exercise("12.3").check(answer)
    assert judged.all_kept, f"\n{judged}"


def test_a_wrong_exit_status_has_one_hint_wherever_it_is_all_that_is_wrong() -> None:
    answer = changed(SOLUTIONS["12.1"], "raise KeyboardInterrupt if", "received.clear() if")
    judged = exercise("12.1").check(answer)
    broken = [verdict for verdict in judged.verdicts if not verdict.is_kept]
    assert [verdict.promise.partition(":")[0] for verdict in broken] == ["sigterm", "before-start", "honest-exit"]
    assert len({verdict.hint for verdict in broken}) == 1


def test_workers_are_right_as_well_if_they_ask_before_they_go_on_and_have_the_hole(tmp_path: Path) -> None:
    tells = "                asyncio.get_running_loop().call_exception_handler(what)\n"
    asks = "            if asyncio.current_task().cancelling():\n                break\n"
    answer = changed(WORKERS_THAT_GO_ON, tells, tells + asks)
    judged = exercise("12.2").check(answer)
    assert judged.all_kept, f"\n{judged}"
    path = tmp_path / "mine.py"
    path.write_text(answer)
    assert begun_late(Target(f"{path}:run_tasks", "asyncio:run")) == ["job-1", "job-2"]


def test_a_group_begins_a_job_late_under_the_runner_of_exercise_1_as_well(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(changed(SOLUTIONS["12.1"], "patterns.context_manager", "patterns.task_group"))
    outcome = perform(ACTS["a slot gets free"].experiment(Target(f"{path}:run_tasks", f"{path}:run")))
    assert [job.name for job in outcome.timeline.jobs_begun_late] == ["job-3"]


def test_for_sighup_one_word_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    both = "(signal.SIGINT, signal.SIGTERM)"
    path.write_text(changed(SOLUTIONS["12.1"], both, "(signal.SIGINT, signal.SIGTERM, signal.SIGHUP)"))
    act = replace(ACTS["jobs queued"], signals=(SIGHUP,))
    outcome = perform(act.experiment(Target(f"{path}:run_tasks", f"{path}:run")))
    assert (outcome.returncode, outcome.cleanups_finished) == (128 + SIGHUP, 2)


def begun_late(target: Target) -> list[str]:
    words = [*target[:2], "2", *["long"] * 4]
    outcome = perform(Experiment(STAGE, signals_at(created(2)), words, pace=0, deadline=100))
    return [job.name for job in outcome.timeline.jobs_begun_late]


def test_the_hole_is_in_ours_too_and_can_be_closed(target: Target, together: str) -> None:
    assert begun_late(target) == ["job-1", "job-2"]
    text = changed(together, "create_task(job()", "create_task(begin(job, asyncio.current_task())")
    begin = """
async def begin(job, owner):
    if owner.cancelling():
        raise asyncio.CancelledError
    return await job()
"""
    Path(target.run_tasks.rpartition(":")[0]).write_text(f"{text}\n{begin}")
    assert begun_late(target) == []
