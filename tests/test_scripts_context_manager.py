"""scripts/context_manager_*.py: what notebook 06 says of them holds, and so do the solutions of its exercises."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from signal import SIGINT, SIGTERM
from typing import Any

import pytest

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


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What the cells before the exercises leave behind, with the folder of the first exercise."""
    monkeypatch.chdir(ROOT / "notebooks")
    monkeypatch.setattr(sys, "path", [str(SCRIPTS), *sys.path])
    names: dict[str, Any] = globals() | {"once": signals_at(BOTH_WORK)}
    for name in ("ORDER", "TIMEOUT"):
        names[name] = f"../scripts/context_manager_{name.lower()}.py"
    exec("import inspect, context_manager_order", names)
    exec(source("a-folder"), names)
    yield names
    names["folder"].cleanup()


def solve(names: dict[str, Any], id_: str, old: str = "", new: str = "") -> str:
    """Run the cell of an exercise with something else in the place of what is to be changed; return what it prints."""
    text = source(id_)
    assert text.count(old) == 1 or not old
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(text.replace(old, new) if old else text, names)
    return said.getvalue()


ENTER_SET = "        tasks = await stack.enter_async_context(TaskSet(2))\n"
ENTER_FILE = '        file = stack.enter_context(tempfile.TemporaryFile("w"))\n'


def your_set(id_: str) -> str:
    """The class that a cell gives to the reader, or the text below it as the solution."""
    found = re.search(r'^your_set = """\n.*?^"""\n', source(id_), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[0]


def test_exercise_1(notebook: dict[str, Any]) -> None:
    assert solve(notebook, "try-order") == "0 of 2 goodbyes; clean: False\n"
    mended = solve(notebook, "try-order", ENTER_SET + ENTER_FILE, ENTER_FILE + ENTER_SET)
    assert mended == "2 of 2 goodbyes; clean: True\n"
    assert mended.strip() in source("solution-order")


def test_exercise_2(notebook: dict[str, Any]) -> None:
    exec(source("refuse-program"), notebook)
    old, new = your_set("try-refuse"), your_set("solution-refuse")
    assert solve(notebook, "try-refuse") == "while it is left: started\nafterwards: started\n\n"
    assert solve(notebook, "try-refuse", old, new) == "while it is left: refused\nafterwards: refused\n\n"
    first, second = "        self.is_left = True\n", "        await super().__aexit__(*what)\n"
    assert first + second in new
    late = new.replace(first + second, f"        try:\n    {second}        finally:\n    {first}")
    assert solve(notebook, "try-refuse", old, late) == "while it is left: started\nafterwards: refused\n\n"


LOST = "{}: 0 of 2 cleanups finished; the program: killed by SIGINT\n"
KEPT = LOST.replace("0 of 2", "2 of 2")
PLACES = ("in the block", "at its end")


def test_exercise_3(notebook: dict[str, Any]) -> None:
    old, new = your_set("try-second"), your_set("solution-second")
    assert solve(notebook, "try-second") == "".join(map(LOST.format, PLACES))
    assert solve(notebook, "try-second", old, new) == "".join(map(KEPT.format, PLACES))


def test_exercise_3_around_all_of_it_finish_is_too_much(notebook: dict[str, Any]) -> None:
    everything = '''your_set = """
from cancelkit import finish

class Ours(TaskSet):
    async def __aexit__(self, *what):
        await finish(super().__aexit__(*what))
"""
'''
    said = solve(notebook, "try-second", your_set("try-second"), everything)
    assert said == KEPT.format(PLACES[0]) + "at its end: 0 of 2 cleanups finished; the program: hung and was killed\n"
