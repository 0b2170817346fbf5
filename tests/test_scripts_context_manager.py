"""scripts/context_manager_*.py: what notebook 06 says of them holds, and so do the solutions of its exercises."""

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
from notebook_cells import interrupt_cell

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
    outcome = interrupt("late_error", output("step 3") & begun(0))
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
    assert of_main(outcome) == ["has left the block", "the group refuses"]
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


# The notebook: its first cells, and its exercises with the solutions that it gives.


def source(id_: str) -> str:
    """A cell of the notebook."""
    cells = json.loads((ROOT / "notebooks" / "06_context_manager.ipynb").read_text())["cells"]
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
    assert told == ["None", "None", "ValueError('broken')", "CancelledError()"]


def test_the_set_waits_for_jobs_that_jobs_start() -> None:
    asynchronous = compile(source("jobs-start-jobs-run"), "cell", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        asyncio.run(eval(asynchronous, {"asyncio": asyncio, "TaskSet": TaskSet}))
    pages = [f"visits {page}" for page in ("home", "news", "shop", "archive")]
    assert said.getvalue().splitlines() == ["main: the last line of the block", *pages, "main: out of the block"]


def solution(id_: str) -> str:
    """The lines of Python that a solution gives."""
    found = re.search(r"```python\n(.*?)```", source(id_), re.DOTALL)
    assert found is not None
    return found[1]


ENTER_SET = "        tasks = await stack.enter_async_context(TaskSet(2))\n"
ENTER_FILE = '        file = stack.enter_context(tempfile.TemporaryFile("w"))\n'


@pytest.mark.parametrize("solved", [False, True])
def test_exercise_1(tmp_path: Path, *, solved: bool) -> None:
    order = ENTER_FILE + ENTER_SET if solved else ENTER_SET + ENTER_FILE
    outcome = interrupt_cell(source("try-order"), tmp_path, (ENTER_SET + ENTER_FILE, order))
    assert (outcome.cleanups_finished, outcome.clean) == (2 * solved, solved)


GIVEN = "class Ours(TaskSet):\n    pass\n"
IN_A_CLEANUP, AFTERWARDS = "in a cleanup starts job-2", "main, afterwards, starts job-3"


def test_exercise_2_as_it_stands(tmp_path: Path) -> None:
    outcome = interrupt_cell(source("try-refuse"), tmp_path)
    assert lines(outcome) == [IN_A_CLEANUP, AFTERWARDS]
    asked = {lane.name: requests(lane) for lane in outcome.timeline.lanes}
    assert asked["job-1"] == ["by main"]
    assert asked["job-2"] == asked["job-3"] == [CLOSING_LOOP]
    job_2, main = lane(outcome, "job-2"), lane(outcome, "main")
    assert job_2.spans[-1].end > main.spans[-1].end


def test_exercise_2(tmp_path: Path) -> None:
    better = solution("solution-refuse")
    outcome = interrupt_cell(source("try-refuse"), tmp_path, (GIVEN, better))
    assert list(ends(outcome)) == ["main", "job-1"]
    first, second = "        self.is_left = True\n", "        await super().__aexit__(*what)\n"
    assert first + second in better
    late = better.replace(first + second, f"        try:\n    {second}        finally:\n    {first}")
    outcome = interrupt_cell(source("try-refuse"), tmp_path, (GIVEN, late))
    assert lines(outcome) == [IN_A_CLEANUP]
    assert requests(lane(outcome, "job-2")) == [CLOSING_LOOP]


BOTH = """
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


def test_exercise_2_without_its_price(tmp_path: Path) -> None:
    assert list(ends(interrupt_cell(source("try-refuse"), tmp_path, (GIVEN, BOTH)))) == ["main", "job-1"]
    names: dict[str, Any] = {"asyncio": asyncio, "TaskSet": TaskSet}
    exec(BOTH, names)
    names["TaskSet"] = names["Ours"]
    said = io.StringIO()
    cell = compile(source("jobs-start-jobs-run"), "cell", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    with contextlib.redirect_stdout(said):
        asyncio.run(eval(cell, names))
    assert "visits archive" in said.getvalue()


IN_THE_BLOCK = ('# sys.argv.append("--waiting")', 'sys.argv.append("--waiting")')


def try_second(folder: Path, better: str, *changes: tuple[str, str]) -> Outcome:
    return interrupt_cell(source("try-second"), folder, (GIVEN, better), *changes)


@pytest.mark.parametrize("changes", [[], [IN_THE_BLOCK]], ids=["at its end", "in the block"])
@pytest.mark.parametrize("solved", [False, True])
def test_exercise_3(tmp_path: Path, changes: list[tuple[str, str]], *, solved: bool) -> None:
    outcome = try_second(tmp_path, solution("solution-second") if solved else GIVEN, *changes)
    assert (outcome.cleanups_finished, outcome.returncode, outcome.clean) == (2 * solved, -SIGINT, solved)


ALL_OF_IT = """
from cancelkit import finish

class Ours(TaskSet):
    async def __aexit__(self, *what):
        await finish(super().__aexit__(*what))
"""


def test_exercise_3_around_all_of_it_finish_is_too_much(tmp_path: Path) -> None:
    assert try_second(tmp_path, ALL_OF_IT, IN_THE_BLOCK).clean
    assert try_second(tmp_path, ALL_OF_IT).hung


def test_exercise_3_also_while_main_waits_for_a_job_that_a_job_has_started(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(f"""
import asyncio
from cancelkit.patterns.context_manager import TaskSet

{solution("solution-second")}

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
