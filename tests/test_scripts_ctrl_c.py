"""scripts/ctrl_c_*.py: what notebook 01 says of them holds, and so does what it says of its exercises."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from signal import SIGINT, SIGTERM
from typing import Any

import pytest
from course_notebooks import NOTEBOOKS, written_exercises
from notebook_cells import interrupt_cell

from cancelkit.lab import Experiment, Outcome, perform, signals_at
from cancelkit.lab.moments import Moment, Moments, active, before_start, closing, halfway, holding, output
from cancelkit.trace.timeline import Lane

pytestmark = pytest.mark.core

ROOT = Path(__file__).parents[1]
MAIN_BEGINS = output("main: begins") & active(0)
MAIN_WAITS = output("main: waits") & active(0)
ARRIVES_OUTSIDE = "outside: a KeyboardInterrupt arrives"
NEVER_HAD_A_CHANCE = "cancelled before its first step: its cleanup never had a chance"


def interrupt(program: str, when: Moment | Moments, *arguments: str, signum: Any = SIGINT) -> Outcome:
    path = ROOT / "scripts" / f"ctrl_c_{program}.py"
    return perform(Experiment(path, signals_at(when, [signum]), arguments, deadline=100))


def lane(outcome: Outcome, name: str) -> Lane:
    (found,) = [lane for lane in outcome.timeline.lanes if lane.name == name]
    return found


def lines(outcome: Outcome) -> list[str]:
    return outcome.stdout.splitlines()


def without_colours(text: str) -> str:
    return re.sub(r"\x1b\[.*?m", "", text)


def source(id_: str) -> str:
    """A cell of the notebook."""
    cells = json.loads((ROOT / "notebooks" / "01_what_ctrl_c_does.ipynb").read_text())["cells"]
    (text,) = ["".join(cell["source"]) for cell in cells if cell["id"] == id_]
    return text


def of_cell(id_: str, folder: Path) -> Outcome:
    """Interrupt the program in a cell."""
    return interrupt_cell(source(id_), folder)


def main_in(program: str) -> str:
    """The main of a program, without its docstring."""
    (main,) = (each for each in ast.parse(program).body if isinstance(each, ast.AsyncFunctionDef))
    return "\n".join(ast.unparse(each) for each in main.body if not isinstance(each, ast.Expr))


# The same main, run in two ways.


@pytest.mark.parametrize(
    ("id_", "in_main"),
    [("with-run", ["main: a CancelledError arrives", "main: has cleaned up"]), ("by-hand", [])],
)
def test_the_main_in_the_cells_is_that_of_the_script(tmp_path: Path, id_: str, in_main: list[str]) -> None:
    script = (ROOT / "scripts" / "ctrl_c_two_ways.py").read_text()
    assert main_in(source(id_).partition("\n")[2]) == main_in(script)
    assert lines(of_cell(id_, tmp_path)) == ["main: waits", *in_main, ARRIVES_OUTSIDE]


@pytest.mark.parametrize("arguments", [[], ["--mended"]])
def test_main_is_cancelled_and_cleans_up_and_the_interrupt_comes_out(arguments: list[str]) -> None:
    outcome = interrupt("two_ways", MAIN_WAITS, *arguments)
    arrives = ["main: a CancelledError arrives", "main: has cleaned up"]
    assert lines(outcome) == ["main: waits", *arrives, ARRIVES_OUTSIDE]
    assert str(lane(outcome, "main")) == "not started → running → awaiting → cleaning up → cancelled"
    assert outcome.returncode == -SIGINT
    assert outcome.clean


def test_by_hand_main_hears_nothing_and_is_abandoned() -> None:
    outcome = interrupt("two_ways", MAIN_WAITS, "--by-hand")
    assert lines(outcome) == ["main: waits", ARRIVES_OUTSIDE]
    assert str(lane(outcome, "main")) == "not started → running → awaiting → abandoned"
    assert outcome.returncode == -SIGINT
    functions = re.findall(r", in (\S+)$", without_colours(outcome.stderr), re.MULTILINE)
    assert functions[-1] == "select"
    assert "main" not in functions


@pytest.mark.parametrize("arguments", [[], ["--mended"]])
def test_before_its_first_step_nothing_of_main_runs(arguments: list[str]) -> None:
    outcome = interrupt("two_ways", before_start, *arguments)
    assert lines(outcome) == [ARRIVES_OUTSIDE]
    assert lane(outcome, "main").remarks == (NEVER_HAD_A_CHANCE,)


def test_not_even_a_finally_around_all_of_it() -> None:
    assert interrupt("status", before_start).stdout == ""
    assert "main: finally" in lines(interrupt("status", MAIN_BEGINS))


# Where a handler runs.


@pytest.mark.parametrize(
    ("job", "when", "function", "task"),
    [
        ("waits", output("ready") & active(1), "select", "None"),
        ("computes", output("ready\n"), "compute", "job"),
        ("thread", output("ready") & active(1), "select", "None"),
    ],
)
def test_a_handler_runs_in_the_main_thread_on_top_of_whatever_is_at_work(
    job: str, when: Moment, function: str, task: str
) -> None:
    outcome = interrupt("handler", when, job)
    assert lines(outcome) == [
        "ready",
        "in the thread MainThread",
        f"on top of the function {function}",
        f"while the current task is {task}",
    ]
    # And where there is a handler already, asyncio.run installs none: nobody is cancelled.
    assert outcome.returncode == 0
    assert {lane.end for lane in outcome.timeline.lanes} == {"finished"}
    assert not any(mark.what == "cancel requested" for lane in outcome.timeline.lanes for mark in lane.marks)


def test_in_the_third_run_the_job_waits_for_the_thread_that_computes() -> None:
    outcome = interrupt("handler", output("ready") & active(1), "thread")
    time = outcome.timeline.signals[0].time
    (waits_for,) = [span.on for span in lane(outcome, "job").spans if span.start <= time < span.end]
    assert waits_for == "thread"


# Main only, first only.


def requests(lane: Lane) -> list[str]:
    return [mark.more.partition(" at ")[0] for mark in lane.marks if mark.what == "cancel requested"]


def times(lane: Lane, what: str) -> list[int]:
    return [mark.time for mark in lane.marks if mark.what == what]


def test_the_first_one_is_for_main_and_what_it_awaits_and_the_rest_hears_of_it_last() -> None:
    outcome = interrupt("main_only", holding(2))
    main, awaited, background = (lane(outcome, name) for name in ("main", "awaited", "background"))
    assert requests(main) == ["by the handler of SIGINT"]
    assert requests(awaited) == ["by main, which was asked itself and awaits it"]
    assert requests(background) == ["by the closing loop"]
    (first,), (second,), (third,) = (times(lane, "cancel delivered") for lane in (awaited, main, background))
    assert first < second < third
    assert first < times(awaited, "cleanup finished")[0] < second
    assert main.spans[-1].end < third
    assert outcome.cleanups_finished == 2
    assert "main: has cleaned up, and the other job has not ended: True" in lines(outcome)
    assert outcome.clean


def test_the_second_one_costs_the_cleanup_that_is_under_way() -> None:
    outcome = interrupt("main_only", holding(2).then(halfway(1)))
    assert [str(alarm) for alarm in outcome.timeline.alarms] == ["awaited: cleanup lost"]
    assert lane(outcome, "awaited").remarks == ("cancelled twice",)
    assert "by the closing loop" in requests(lane(outcome, "awaited"))
    assert [job.name for job in outcome.timeline.jobs if job.cleanup_finished is not None] == ["background"]
    assert any(line.startswith("main: has cleaned up") for line in lines(outcome))
    assert outcome.returncode == -SIGINT


@pytest.mark.parametrize(
    ("arguments", "second", "error"),
    [([], output("main: saves\n"), "KeyboardInterrupt"), (["--await"], output("saves") & active(0), "CancelledError")],
)
def test_the_second_one_is_raised_wherever_python_is(arguments: list[str], second: Moment, error: str) -> None:
    outcome = interrupt("twice", MAIN_BEGINS.then(second), *arguments)
    assert lines(outcome) == [
        "main: begins",
        "main: a CancelledError arrives at the await",
        "main: saves",
        f"main: a {error} arrives while it saves",
    ]
    assert outcome.returncode == -SIGINT


# While the loop is being closed.


def test_in_the_closing_phase_the_first_one_is_pythons_own() -> None:
    outcome = interrupt("closing", closing & halfway(1))
    assert [line for line in lines(outcome) if "handler" in line] == [
        "main: the handler of SIGINT is asyncio.run's",
        "leftover: the handler of SIGINT is Python's own",
    ]
    assert "the result" not in outcome.stdout
    assert lane(outcome, "main").end == "finished"
    assert lane(outcome, "leftover").end == "abandoned"
    assert [str(alarm) for alarm in outcome.timeline.alarms] == ["leftover: cleanup lost"]
    assert outcome.timeline.complaints == ("leftover: destroyed but pending",)
    assert outcome.returncode == -SIGINT


def test_without_a_signal_the_leftover_cleans_up_and_the_result_is_printed() -> None:
    outcome = perform(Experiment(ROOT / "scripts" / "ctrl_c_closing.py", [], deadline=100))
    assert lines(outcome)[-2:] == ["leftover: cleanup finished", "asyncio.run gives the result"]
    assert outcome.clean


# The exit status.


@pytest.mark.parametrize(
    ("way", "signum", "status", "runs_finally"),
    [
        ("uncaught", SIGINT, -2, True),
        ("exit-130", SIGINT, 130, True),
        ("caught", SIGINT, 0, True),
        ("swallowed", SIGINT, 0, True),
        ("group", SIGINT, 1, True),
        ("uncaught", SIGTERM, -15, False),
    ],
)
def test_the_exit_status_by_what_is_made_of_the_interrupt(
    way: str, signum: int, status: int, *, runs_finally: bool
) -> None:
    outcome = interrupt("status", MAIN_BEGINS, way, signum=signum)
    assert outcome.returncode == status
    assert ("main: finally" in outcome.stdout) is runs_finally
    assert ("BaseExceptionGroup" in outcome.stderr) is (way == "group")


def test_a_shell_shows_128_plus_the_number() -> None:
    command = "import signal; signal.signal(signal.SIGINT, signal.SIG_DFL); signal.raise_signal(signal.SIGINT)"
    shell = ["sh", "-c", '"$0" -c "$1"; echo "the shell says: $?"', sys.executable, command]
    assert subprocess.run(shell, capture_output=True, text=True, check=False).stdout == "the shell says: 130\n"


# The exercises: what their texts say beside what the checks find.

(NOTEBOOK,) = (path for path in NOTEBOOKS if path.name.startswith("01_"))
FIRST, _, THIRD = written_exercises(NOTEBOOK)


def of_answer(text: str, folder: Path) -> Outcome:
    """Interrupt an answer to an exercise while it waits."""
    program = folder / "answer.py"
    program.write_text(text)
    return perform(Experiment(program, signals_at(MAIN_WAITS), ["60"], deadline=100))


def test_exercise_1_an_error_on_the_way_out_hides_the_interrupt(tmp_path: Path) -> None:
    outcome = of_answer(FIRST.start, tmp_path)
    assert outcome.returncode == 1
    assert without_colours(outcome.stderr).strip().splitlines()[-1] == "ConnectionError: the server has hung up"


TWO_CALLS = """\
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.raise_signal(signal.SIGINT)"""

HOOK = """\
    sys.excepthook = lambda kind, *rest: kind is KeyboardInterrupt or sys.__excepthook__(kind, *rest)
    raise"""


@pytest.mark.parametrize(("ending", "is_done"), [(TWO_CALLS, False), (HOOK, True)])
def test_exercise_3_what_is_to_be_done_at_exit_is_lost_or_not(tmp_path: Path, ending: str, *, is_done: bool) -> None:
    at_exit = "import sys\nimport atexit; atexit.register(print, 'at exit', flush=True)\n"
    assert TWO_CALLS in THIRD.solution
    outcome = of_answer(THIRD.solution.replace("import sys\n", at_exit).replace(TWO_CALLS, ending), tmp_path)
    assert (outcome.stderr, outcome.returncode) == ("", -SIGINT)
    assert ("at exit" in outcome.stdout) is is_done
