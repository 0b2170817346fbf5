"""scripts/context_manager_*.py: what notebook 06 says of them holds, and so does what its solutions say."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from signal import SIGINT, SIGTERM
from typing import Any

import pytest
from course_notebooks import written_exercises

from cancelkit.course import exercise
from cancelkit.lab import (
    Experiment,
    Outcome,
    active,
    begun,
    cleaning,
    cleanups,
    halfway,
    holding,
    output,
    perform,
    signals_at,
)
from cancelkit.lab.moments import Moment, Moments
from cancelkit.patterns.context_manager import TaskSet
from cancelkit.trace.timeline import Lane

pytestmark = pytest.mark.core

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "scripts"
NOTEBOOK = ROOT / "notebooks" / "06_context_manager.ipynb"
BOTH_WORK = holding(2) & active(2)
ALL_THREE = holding(3) & active(3)
NAMES = ["database", "cache", "web"]
CLOSING_LOOP = "by the closing loop"


def run(program: str, *arguments: str, expect: int = 0) -> Outcome:
    path = SCRIPTS / f"context_manager_{program}.py"
    return perform(Experiment(path, [], arguments, deadline=100, expect=expect))


def interrupt(program: str, when: Moment | Moments, *arguments: str, signum: Any = SIGINT) -> Outcome:
    path = SCRIPTS / f"context_manager_{program}.py"
    return perform(Experiment(path, signals_at(when, [signum]), arguments, deadline=100))


def lane(outcome: Outcome, name: str) -> Lane:
    (found,) = [lane for lane in outcome.timeline.lanes if lane.name == name]
    return found


def ends(outcome: Outcome) -> dict[str, str]:
    return {lane.name: str(lane.end) for lane in outcome.timeline.lanes}


def lines(outcome: Outcome) -> list[str]:
    return outcome.stdout.splitlines()


def of_main(outcome: Outcome) -> list[str]:
    return [line.removeprefix("main: ") for line in lines(outcome) if line.startswith("main: ")]


def requests(lane: Lane) -> list[str]:
    return [mark.more.partition(" at ")[0] for mark in lane.marks if mark.what == "cancel requested"]


def finished(outcome: Outcome) -> list[str]:
    """The jobs whose cleanup ended, in the order of their ends."""
    jobs = [job for job in outcome.timeline.jobs if job.cleanup_finished is not None]
    return [job.name for job in sorted(jobs, key=lambda job: job.cleanup_finished or 0)]


# Every way out.

WAYS: list[tuple[list[str], Moment | None, tuple[str, str], int, str]] = [
    ([], None, ("finished", "finished"), 0, "nothing"),
    (["--error"], None, ("cancelled", "cancelled"), 1, "ExceptionGroup"),
    (["--failing"], None, ("failed", "cancelled"), 1, "ExceptionGroup"),
    (["--waiting"], BOTH_WORK, ("cancelled", "cancelled"), -2, "CancelledError"),
    (["--long"], output("last line") & BOTH_WORK, ("cancelled", "cancelled"), -2, "CancelledError"),
]


@pytest.mark.parametrize(("arguments", "when", "jobs", "status", "comes"), WAYS)
def test_every_way_out_is_the_same(
    arguments: list[str], when: Moment | None, jobs: tuple[str, str], status: int, comes: str
) -> None:
    outcome = interrupt("ways", when, *arguments) if when else run("ways", *arguments, expect=status)
    assert (ends(outcome)["job-1"], ends(outcome)["job-2"]) == jobs
    assert (outcome.cleanups_finished, outcome.returncode) == (2, status)
    assert of_main(outcome)[-1] == f"out of the block comes {comes}"
    assert lines(outcome)[-1] == f"main: out of the block comes {comes}"  # after both cleanups
    assert outcome.clean


@pytest.mark.parametrize(
    ("argument", "when", "waits_for", "place"),
    [
        ("--waiting", BOTH_WORK, "Event", "context_manager_ways.py"),
        ("--long", output("last line") & BOTH_WORK, "tasks", "context_manager.py"),
    ],
)
def test_main_waits_in_the_block_or_in_the_first_step_of_aexit(
    argument: str, when: Moment, waits_for: str, place: str
) -> None:
    outcome = interrupt("ways", when, argument)
    time = outcome.timeline.signals[0].time
    (span,) = [span for span in lane(outcome, "main").spans if span.start <= time < span.end]
    assert (span.on, Path(span.at.rpartition(":")[0]).name) == (waits_for, place)


def test_the_two_ctrl_c_look_the_same_in_words() -> None:
    words = [str(interrupt("ways", when, *arguments)) for arguments, when, *_ in WAYS if when]
    assert words[0] == words[1]


# An error that is heard late, or never.


def test_a_set_hears_of_an_error_when_its_block_is_left_and_a_group_at_once() -> None:
    broken = "out of the block comes ValueError('broken')"
    assert of_main(run("late_error")) == ["step 1", "step 2", "step 3", broken]
    assert of_main(run("late_error", "--group")) == ["step 1", broken]


def test_nobody_hears_of_an_error_before_a_ctrl_c() -> None:
    outcome = interrupt("late_error", output("step 3") & active(0))
    assert of_main(outcome) == ["step 1", "step 2", "step 3"]
    assert ends(outcome)["job-1"] == "failed"
    assert "ValueError" not in outcome.stderr
    assert outcome.returncode == -SIGINT


# Blocks inside each other.


def test_the_file_has_to_be_entered_first() -> None:
    outcome = interrupt("order", BOTH_WORK)
    assert (outcome.cleanups_finished, outcome.clean) == (2, True)


def test_the_file_is_closed_too_early_otherwise_and_nobody_says_so() -> None:
    outcome = interrupt("order", BOTH_WORK, "--swapped")
    assert ends(outcome) == {"main": "cancelled", "job-1": "failed", "job-2": "failed"}
    assert [str(alarm) for alarm in outcome.timeline.alarms] == ["job-1: cleanup lost", "job-2: cleanup lost"]
    assert lane(outcome, "job-1").remarks == ("answered its cancellation with ValueError",)
    assert "ValueError" not in outcome.stderr
    assert outcome.returncode == -SIGINT


def test_the_inner_set_ends_before_the_outer_is_asked_to() -> None:
    outcome = interrupt("two_sets", holding(2) & active(3))
    assert lines(outcome)[-1] == "heard: goodbye from ann, goodbye from bob"
    (asked,) = [mark.time for mark in lane(outcome, "line").marks if mark.what == "cancel requested"]
    assert all(asked > lane(outcome, client).spans[-1].end for client in ("ann", "bob"))
    assert finished(outcome)[-1] == "line"
    assert outcome.clean


def test_in_one_set_all_are_asked_at_once_and_the_checklist_sees_nothing() -> None:
    outcome = interrupt("two_sets", holding(2) & active(3), "--one")
    assert lines(outcome)[-1] == "heard: nothing"
    assert outcome.cleanups_finished == 3
    assert outcome.clean


def test_an_exit_stack_leaves_in_the_opposite_order() -> None:
    outcome = interrupt("exit_stack", ALL_THREE, *NAMES)
    assert finished(outcome) == ["web", "cache", "database"]
    begins = {job.name: job.cleanup_begun or 0 for job in outcome.timeline.jobs}
    ended = {job.name: job.cleanup_finished or 0 for job in outcome.timeline.jobs}
    assert ended["web"] < begins["cache"] < ended["cache"] < begins["database"]
    assert outcome.clean


def test_a_second_ctrl_c_costs_the_block_that_is_left_and_the_next_one_too() -> None:
    outcome = interrupt("exit_stack", ALL_THREE.then(halfway(2)), *NAMES)
    assert finished(outcome) == ["web"]
    assert requests(lane(outcome, "web")) == ["by main"]
    asked = [mark.more for mark in lane(outcome, "database").marks if mark.what == "cancel requested"]
    # First by asyncio.run; then by main, which goes on to leave the next block.
    assert [Path(more.rpartition(" at ")[2].rpartition(":")[0]).name for more in asked] == [
        "context_manager_exit_stack.py",
        "context_manager.py",
    ]
    assert asked[0].startswith(CLOSING_LOOP)
    assert any(request == CLOSING_LOOP for request in requests(lane(outcome, "cache")))
    assert lane(outcome, "cache").remarks == lane(outcome, "database").remarks == ("cancelled twice",)


# After the block.


def test_who_starts_late_is_nobodys() -> None:
    outcome = interrupt("late_start", begun(1) & active(1))
    assert requests(lane(outcome, "main")) == ["by the handler of SIGINT"]
    assert requests(lane(outcome, "late")) == [CLOSING_LOOP]
    assert finished(outcome) == ["late"]


def test_a_second_ctrl_c_loses_the_cleanup_of_who_starts_late() -> None:
    outcome = interrupt("late_start", (begun(1) & active(1)).then(cleanups(1) & cleaning(1)))
    assert [str(alarm) for alarm in outcome.timeline.alarms] == ["late: cleanup lost"]


def test_a_group_refuses_who_starts_late() -> None:
    outcome = run("late_start", "--group", expect=1)
    assert of_main(outcome) == ["has left the block", "the group refuses with a RuntimeError"]
    assert "late" not in ends(outcome)
    assert "RuntimeError" in outcome.stderr
    assert "never awaited" not in outcome.stderr


# A second cancellation.


@pytest.mark.parametrize(("arguments", "survive"), [([], 0), (["--waiting"], 0), (["--group"], 2)])
def test_a_second_cancellation_interrupts_the_cleanup_in_a_set_only(arguments: list[str], survive: int) -> None:
    outcome = interrupt("timeout", BOTH_WORK, *arguments)
    assert (outcome.cleanups_finished, outcome.returncode) == (survive, -SIGINT)
    assert "cancelled twice" in lane(outcome, "main").remarks
    assert lane(outcome, "job-1").remarks == (() if survive else ("cancelled twice",))


@pytest.mark.parametrize(
    ("program", "when", "arguments"),
    [("order", BOTH_WORK, []), ("two_sets", holding(2) & active(3), []), ("exit_stack", ALL_THREE, NAMES)],
)
def test_sigterm_is_not_heard_by_any_block(program: str, when: Moment, arguments: Sequence[str]) -> None:
    outcome = interrupt(program, when, *arguments, signum=SIGTERM)
    assert (outcome.cleanups_finished, outcome.returncode) == (0, -SIGTERM)


# The notebook: its first cells, and what the solutions say beside what is checked.


def source(id_: str) -> str:
    """A cell of the notebook."""
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    (text,) = ["".join(cell["source"]) for cell in cells if cell["id"] == id_]
    return text


def test_aexit_is_told_what_has_ended_the_block() -> None:
    names: dict[str, Any] = {}
    exec(source("door"), names)
    body = "\n".join(f"    {line}" for line in source("door-closed").splitlines())
    exec(f"async def cell():\n{body}", names)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        asyncio.run(names["cell"]())
    told = re.findall(r"told: (.*)", said.getvalue())
    assert told == ["None", "None", "ValueError('broken')", "CancelledError()", "ValueError('broken')"]
    assert said.getvalue().splitlines()[-1] == "  the task: finished"


def test_the_set_waits_for_jobs_that_jobs_start() -> None:
    asynchronous = compile(source("jobs-start-jobs-run"), "cell", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        asyncio.run(eval(asynchronous, {"asyncio": asyncio, "TaskSet": TaskSet}))
    pages = [f"visits {page}" for page in ("home", "news", "shop", "archive")]
    assert said.getvalue().splitlines() == ["main: the last line of the block", *pages, "main: out of the block"]


def solution(name: str) -> str:
    """The solution of an exercise."""
    (text,) = [each.solution for each in written_exercises(NOTEBOOK) if each.name == name]
    return text


def class_of(text: str) -> str:
    """The class that a solution defines."""
    found = re.search(r"^class Ours.*?\n(?=\S)", text, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[0]


def test_in_the_wrong_order_the_file_is_closed_before_the_signal(tmp_path: Path) -> None:
    program = tmp_path / "stack.py"
    (start,) = [each.start for each in written_exercises(NOTEBOOK) if each.name == "06.1"]
    entered = '        file = stack.enter_context(open(sys.argv[1], "w"))\n'
    assert entered in start
    tells = '        stack.callback(print, "the file is closed")\n'
    program.write_text(start.replace(entered, tells + entered))  # called when the file has been left
    closed = output("the file is closed") & begun(2)
    outcome = perform(Experiment(program, signals_at(closed), [str(tmp_path / "file")], deadline=100))
    assert len(outcome.timeline.signals) == 1


BETWEEN_THE_STEPS = """
class Ours(TaskSet):
    is_left = False

    def start(self, job):
        if self.is_left:
            raise RuntimeError
        return super().start(job)

    async def __aexit__(self, kind, error, traceback):
        try:
            waited_for = 0
            while error is None and waited_for < len(self._tasks):
                waited_for = len(self._tasks)
                await asyncio.wait(self._tasks, return_when=asyncio.FIRST_EXCEPTION)
        except asyncio.CancelledError as interrupt:
            error = interrupt
            raise
        finally:
            self.is_left = True
            await super().__aexit__(kind, error, traceback)
"""

ASKS_MAIN = """
class Ours(TaskSet):
    is_left = False

    async def __aenter__(self):
        self.owner = asyncio.current_task()
        return await super().__aenter__()

    def start(self, job):
        if self.is_left or self.owner.cancelling():
            raise RuntimeError
        return super().start(job)

    async def __aexit__(self, *what):
        try:
            await super().__aexit__(*what)
        finally:
            self.is_left = True
"""


@pytest.mark.parametrize("own", [BETWEEN_THE_STEPS, ASKS_MAIN])
def test_there_are_other_ways_to_refuse(own: str) -> None:
    written = solution("06.2")
    judged = exercise("06.2").check(written.replace(class_of(written), own.lstrip()))
    assert judged.all_kept, f"\n{judged}"


@pytest.mark.parametrize("own", [BETWEEN_THE_STEPS, "the solution"])
def test_a_set_that_refuses_what_comes_late_lets_jobs_start_jobs(own: str) -> None:
    names: dict[str, Any] = {"asyncio": asyncio, "TaskSet": TaskSet}
    exec(class_of(solution("06.2")) if own == "the solution" else own, names)
    names["TaskSet"] = names["Ours"]
    said = io.StringIO()
    cell = compile(source("jobs-start-jobs-run"), "cell", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    with contextlib.redirect_stdout(said):
        asyncio.run(eval(cell, names))
    assert "visits archive" in said.getvalue()


def test_without_a_handler_a_second_ctrl_c_is_no_cancellation(tmp_path: Path) -> None:
    program = tmp_path / "set.py"
    handler = "    asyncio.get_running_loop().add_signal_handler(SIGINT, asyncio.current_task().cancel)\n"
    written = solution("06.3")
    assert handler in written
    for text, finished in ((written, 4), (written.replace(handler, ""), 2)):
        program.write_text(text)
        outcome = perform(Experiment(program, signals_at(holding(4).then(halfway(4))), deadline=100))
        assert outcome.cleanups_finished == finished


def test_cleanup_survives_also_while_main_waits_for_a_job_that_a_job_has_started(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(f"""
import asyncio
from cancelkit import finish
from cancelkit.patterns.context_manager import TaskSet

{class_of(solution("06.3"))}

async def short():
    tasks.start(long)

async def long():
    await asyncio.sleep(0.2)
    print("works", flush=True)
    await asyncio.Event().wait()

async def main():
    async with tasks:
        tasks.start(short)

tasks = Ours(2)
asyncio.run(main())
""")
    outcome = perform(Experiment(program, signals_at(output("works") & active(1)), deadline=10))
    assert ends(outcome) == {"main": "cancelled", "job-1": "finished", "job-2": "cancelled"} | {
        name: "finished" for name in ends(outcome) if "cleanup" in name
    }
    assert outcome.clean
