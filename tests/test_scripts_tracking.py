"""scripts/tracking_*.py: what notebook 04 says of them holds, and so do the solutions of its exercises."""

from __future__ import annotations

import ast
import asyncio
import gc
import itertools
import weakref
from pathlib import Path
from signal import SIGALRM, SIGINT, SIGTERM
from typing import Any

import pytest
from course_notebooks import cells_of, written_exercises
from wrong_answers.test_notebook_04 import ONE_BY_ONE

from cancelkit.contract.check import check
from cancelkit.contract.promises import PROMISES
from cancelkit.course import exercise
from cancelkit.lab import Experiment, Outcome, cleaning, halfway, holding, output, perform, signals_at
from cancelkit.lab.moments import Moment, Moments
from cancelkit.lab.scenarios import TARGETS
from cancelkit.trace.timeline import Job, Lane

pytestmark = pytest.mark.core

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "scripts"
NOTEBOOK = ROOT / "notebooks" / "04_manual_tracking.ipynb"
AT_WORK = holding(4)
SECOND = holding(2).then(halfway(2))
NEARLY_DONE = output("job-2: nearly done\n") & cleaning(2)
THIRD = SECOND.then(NEARLY_DONE)
BY_MAIN, BY_CLOSING, BY_SIGINT = "by main", "by the closing loop", "by the handler of SIGINT"
HANDED_ON = "by main, which was asked itself and awaits it"


def interrupt(program: Path | str, when: Moment | Moments, *arguments: str, signums: Any = SIGINT) -> Outcome:
    path = program if isinstance(program, Path) else SCRIPTS / f"{program}.py"
    return perform(Experiment(path, signals_at(when, signums), arguments, deadline=100, pace=0.6))


def lane(outcome: Outcome, name: str) -> Lane:
    (found,) = [lane for lane in outcome.timeline.lanes if lane.name == name]
    return found


def requests(outcome: Outcome, name: str) -> list[str]:
    """By whom a task was asked to end."""
    marks = lane(outcome, name).marks
    return [mark.more.partition(" at ")[0] for mark in marks if mark.what == "cancel requested"]


def jobs(outcome: Outcome) -> dict[str, Job]:
    return {job.name: job for job in outcome.timeline.jobs}


def source(id_: str) -> str:
    """A cell of the notebook."""
    (text,) = [cell["source"] for cell in cells_of(NOTEBOOK) if cell["id"] == id_]
    assert isinstance(text, str)
    return text


# Three steps.


def test_a_task_that_nobody_keeps_can_vanish() -> None:
    complaints = []

    async def waits_for_what_nobody_else_has() -> None:
        await asyncio.get_running_loop().create_future()

    async def main() -> bool:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context["message"]))
        task = weakref.ref(asyncio.create_task(waits_for_what_nobody_else_has()))
        await asyncio.sleep(0)
        gc.collect()
        return task() is None

    assert asyncio.run(main())
    assert complaints == ["Task was destroyed but it is pending!"]


@pytest.fixture(scope="module")
def left() -> Outcome:
    return interrupt("tracking_three_steps", AT_WORK, "--leave")


@pytest.fixture(scope="module")
def one_by_one() -> Outcome:
    return interrupt("tracking_three_steps", AT_WORK, "--one-by-one")


def test_with_all_three_steps_nothing_is_lost() -> None:
    outcome = interrupt("tracking_three_steps", AT_WORK)
    assert outcome.clean
    assert outcome.jobs_begun == 4
    assert requests(outcome, "main") == [BY_SIGINT]
    assert requests(outcome, "job-3") == requests(outcome, "job-7") == [BY_MAIN]


def test_what_is_cancelled_and_not_awaited_is_cancelled_again_by_the_closing_loop(left: Outcome) -> None:
    assert (left.jobs_begun, left.cleanups_finished, left.returncode) == (4, 2, -SIGINT)
    assert [str(alarm) for alarm in left.timeline.alarms] == ["job-3: cleanup lost", "job-4: cleanup lost"]
    assert requests(left, "job-3") == requests(left, "job-4") == [BY_MAIN, BY_CLOSING]
    assert not left.timeline.jobs_begun_late


def test_one_by_one_queued_jobs_begin_after_the_signal(one_by_one: Outcome) -> None:
    assert [job.name for job in one_by_one.timeline.jobs_begun_late] == ["job-5", "job-6", "job-7"]
    assert (one_by_one.jobs_begun, one_by_one.cleanups_finished, one_by_one.returncode) == (7, 7, -SIGINT)


def test_one_by_one_the_cleanups_come_one_after_the_other(one_by_one: Outcome) -> None:
    found = [jobs(one_by_one)[f"job-{number}"] for number in (3, 4, 5, 6, 7)]
    for before, after in itertools.pairwise(found):
        assert before.cleanup_finished is not None
        assert after.cleanup_begun is not None
        assert before.cleanup_finished < after.cleanup_begun


# How main waits.


def test_a_gather_cancels_the_jobs_and_the_loop_does_so_again() -> None:
    outcome = interrupt("tracking_gather", AT_WORK)
    assert requests(outcome, "job-3") == requests(outcome, "job-4") == [HANDED_ON, BY_MAIN]
    assert requests(outcome, "job-5") == [HANDED_ON]
    assert outcome.cleanups_finished == 2
    assert lane(outcome, "job-3").remarks == ("cancelled twice",)


def test_wait_leaves_the_jobs_alone() -> None:
    outcome = interrupt("tracking_gather", AT_WORK, "--wait")
    assert requests(outcome, "job-3") == requests(outcome, "job-5") == [BY_MAIN]
    assert outcome.clean


def test_a_gather_that_returns_exceptions_loses_nothing() -> None:
    outcome = interrupt("tracking_gather", AT_WORK, "--all")
    assert outcome.clean
    assert requests(outcome, "job-3") == [HANDED_ON]


def test_who_hears_first_of_a_job_that_fails() -> None:
    async def fails() -> None:
        raise ValueError

    async def main() -> None:
        tasks = [asyncio.create_task(fails()), asyncio.create_task(asyncio.Event().wait())]
        gathered = asyncio.gather(*tasks, return_exceptions=True)
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for _ in range(5):
            await asyncio.sleep(0)
        assert done == {tasks[0]}
        assert not gathered.done()
        tasks[1].cancel()
        await gathered

    asyncio.run(main())


# The shield.


def test_a_shield_keeps_a_cancellation_out_of_what_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    asyncio.run(eval(compile(source("shield"), "cell", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names))
    assert capsys.readouterr().out.splitlines() == [
        "bare: waiting cancelled: True, cleanup cancelled: True",
        "in a shield: waiting cancelled: True, cleanup cancelled: False",
    ]


def test_a_second_cancellation_is_held() -> None:
    outcome = interrupt("tracking_timeout", SECOND, signums=[SIGINT, SIGALRM])
    assert outcome.clean
    assert outcome.cleanups_finished == 2
    assert lane(outcome, "main").remarks == ("cancelled twice",)
    assert requests(outcome, "main") == [BY_SIGINT, "by the callback Timeout._on_timeout"]
    assert requests(outcome, "job-1") == requests(outcome, "job-2") == [BY_MAIN]


def test_a_third_cancellation_gets_through() -> None:
    outcome = interrupt("tracking_timeout", THIRD, signums=[SIGINT, SIGALRM])
    assert outcome.cleanups_finished == 0
    assert lane(outcome, "main").remarks == ("cancelled 3 times",)
    assert requests(outcome, "job-1") == requests(outcome, "job-2") == [BY_MAIN, HANDED_ON]
    assert outcome.returncode == -SIGINT


def test_a_group_holds_against_a_third_cancellation() -> None:
    outcome = interrupt("tracking_timeout_others", THIRD, "--group", signums=[SIGINT, SIGALRM])
    assert outcome.clean
    assert lane(outcome, "main").remarks == ("cancelled 3 times",)
    assert len(requests(outcome, "job-1")) == len(requests(outcome, "job-2")) == 1


def test_a_second_ctrl_c_goes_around_the_shield() -> None:
    outcome = interrupt("tracking", AT_WORK.then(halfway(4)))
    assert outcome.cleanups_finished == 2
    assert requests(outcome, "main") == [BY_SIGINT, BY_CLOSING]
    assert requests(outcome, "job-3") == requests(outcome, "job-4") == [BY_MAIN, BY_CLOSING]


def test_when_main_ends_the_closing_loop_cancels_what_is_in_a_shield() -> None:
    outcome = interrupt("tracking_shield", halfway(2))
    assert outcome.cleanups_finished == 0
    for name in ("job-1", "job-2"):
        job, cleanup = lane(outcome, name), lane(outcome, f"{name} cleanup")
        assert (requests(outcome, name), requests(outcome, cleanup.name)) == ([BY_MAIN], [BY_CLOSING])
        assert (job.end, cleanup.end) == ("cancelled", "cancelled")
        assert job.spans[-1].end < lane(outcome, "main").spans[-1].end < cleanup.spans[-1].end
    assert outcome.stdout.splitlines()[-1] == "main: the database is closed"


def test_what_nobody_waits_for_ends_too_late() -> None:
    outcome = interrupt("tracking_shield", halfway(2), "--linger")
    finished = ["job-1: cleanup finished", "job-2: cleanup finished"]
    assert outcome.stdout.splitlines()[-3:] == ["main: the database is closed", *finished]
    assert not outcome.timeline.alarms
    assert requests(outcome, "job-1 cleanup") == []


def test_without_a_signal_the_database_is_closed_last() -> None:
    outcome = perform(Experiment(SCRIPTS / "tracking_shield.py", [], deadline=100))
    assert outcome.clean
    assert outcome.stdout.splitlines()[-1] == "main: the database is closed"


# Promises.


def test_four_promises_are_kept_or_broken_as_the_notebook_shows() -> None:
    ids = ("sigterm", "no-late-start", "failing-cleanup", "errors")
    chosen = [promise for promise in PROMISES if promise.id in ids]
    verdicts = check(TARGETS["tracking"], chosen).verdicts
    assert [(verdict.verdict, verdict.why.partition(", ")[0]) for verdict in verdicts] == [
        ("broken", "SIGTERM: job-1: no cleanup"),
        ("broken", "a slot gets free: job-3 began after the first signal"),
        ("broken", "a cleanup fails: nobody was told of the error in the cleanup of job-1"),
        ("kept", "an error"),
    ]


def test_sigterm_is_nobodys() -> None:
    outcome = interrupt("tracking", AT_WORK, signums=SIGTERM)
    assert (outcome.cleanups_finished, outcome.jobs_begun, outcome.returncode) == (2, 4, -SIGTERM)


# The exercises: what their texts say beside what the checks find.


SOLUTIONS = {written.name: written.solution for written in written_exercises(NOTEBOOK)}
STARTS = {written.name: written.start for written in written_exercises(NOTEBOOK)}
TWO_LOOPS = """\
    for task in tasks:
        task.cancel()
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError):
            await task
"""
FINISHED = """
import cancelkit, asyncio


async def wait_for_all(tasks):
    await cancelkit.finish(asyncio.wait(tasks))
"""


def body(text: str, name: str) -> str:
    """What a function in a program does, without its docstring."""
    (found,) = (each for each in ast.walk(ast.parse(text)) if getattr(each, "name", "") == name)
    assert isinstance(found, ast.AsyncFunctionDef)
    first = found.body[0]
    has_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return "\n".join(map(ast.unparse, found.body[has_docstring:]))


def test_exercise_1_begins_with_what_the_script_does() -> None:
    text = (SCRIPTS / "tracking_three_steps.py").read_text()
    assert body(STARTS["04.1"], "one_by_one") == body(text, "one_by_one")


def test_exercise_1_two_loops_need_no_order() -> None:
    judged = exercise("04.1").check(SOLUTIONS["04.1"].replace(ONE_BY_ONE, TWO_LOOPS))
    assert TWO_LOOPS not in SOLUTIONS["04.1"]
    assert judged.all_kept, judged


def test_exercise_1_if_the_second_loop_cancels_again_a_job_is_asked_twice() -> None:
    cancels_again = TWO_LOOPS.replace(
        "    for task in tasks:\n        with", "    for task in tasks:\n        task.cancel()\n        with"
    )
    judged = exercise("04.1").check(SOLUTIONS["04.1"].replace(ONE_BY_ONE, cancels_again))
    assert "no job is asked twice to end" in [verdict.promise for verdict in judged.verdicts if not verdict.is_kept]


def test_exercise_2_finish_passes_as_well() -> None:
    text = (
        STARTS["04.2"]
        .replace("asyncio.shield(", "cancelkit.finish(")
        .replace("import asyncio", "import cancelkit, asyncio")
    )
    judged = exercise("04.2").check(text)
    assert judged.all_kept, judged


def test_exercise_3_finish_passes_as_well() -> None:
    judged = exercise("04.3").check(FINISHED)
    assert judged.all_kept, judged
