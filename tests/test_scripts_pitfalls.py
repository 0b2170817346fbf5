"""scripts/pitfall_*.py: what notebook 07 says of both versions holds."""

from __future__ import annotations

import json
from pathlib import Path
from signal import SIGINT, SIGTERM
from typing import Any

import pytest

from cancelkit.lab import (
    Experiment,
    Outcome,
    active,
    cleanups,
    halfway,
    holding,
    output,
    perform,
    queued,
    signals_at,
)
from cancelkit.lab.moments import Moment, Moments
from cancelkit.trace.timeline import Lane

pytestmark = pytest.mark.core

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "scripts"
BOTH_HOLD = holding(2)
HANDED_ON = "by main, which was asked itself and awaits it"
CLOSING_LOOP = "by the closing loop"


def run(program: str, *arguments: str, expect: int = 0) -> Outcome:
    path = SCRIPTS / f"pitfall_{program}.py"
    return perform(Experiment(path, [], arguments, deadline=100, expect=expect))


def interrupt(program: str, when: Moment | Moments, *arguments: str, signum: Any = SIGINT) -> Outcome:
    path = SCRIPTS / f"pitfall_{program}.py"
    return perform(Experiment(path, signals_at(when, [signum]), arguments, deadline=100))


def lane(outcome: Outcome, name: str) -> Lane:
    (found,) = [lane for lane in outcome.timeline.lanes if lane.name == name]
    return found


def requests(lane: Lane) -> list[str]:
    return [mark.more.partition(" at ")[0] for mark in lane.marks if mark.what == "cancel requested"]


def finished(outcome: Outcome) -> tuple[int, int]:
    """How many cleanups finished, of how many jobs that had begun."""
    return outcome.cleanups_finished, outcome.jobs_begun


def broken(outcome: Outcome) -> list[str]:
    """What the checklist finds broken."""
    return [verdict.id for verdict in outcome.broken]


def alarms(outcome: Outcome) -> list[str]:
    return [str(alarm) for alarm in outcome.timeline.alarms]


def source(id_: str) -> str:
    """A cell of the notebook."""
    cells = json.loads((ROOT / "notebooks" / "07_pitfalls.ipynb").read_text())["cells"]
    (text,) = ["".join(cell["source"]) for cell in cells if cell["id"] == id_]
    return text


BOTH_LOST = ["job-1: cleanup lost", "job-2: cleanup lost"]


# 1. Catching KeyboardInterrupt in a coroutine.


def test_an_except_keyboard_interrupt_never_begins_to_clean_up() -> None:
    outcome = interrupt("keyboard_interrupt", BOTH_HOLD)
    assert finished(outcome) == (0, 2)
    assert [job.cleanup_begun for job in outcome.timeline.jobs] == [None, None]
    assert broken(outcome) == ["cleanup", "leaks"]
    left = sorted(leak.name for leak in outcome.leaks if leak.kind == "temporary file")
    assert left == ["job-1.part", "job-2.part"]
    assert outcome.returncode == -SIGINT


def test_a_finally_cleans_up() -> None:
    outcome = interrupt("keyboard_interrupt", BOTH_HOLD, "--mended")
    assert (finished(outcome), alarms(outcome), outcome.returncode) == ((2, 2), [], -SIGINT)
    assert outcome.clean


SAVES = output("main: saves\n")


@pytest.mark.parametrize(
    ("when", "arguments", "arrives"),
    [(SAVES, [], "KeyboardInterrupt"), (SAVES & active(0), ["--await"], "CancelledError")],
)
def test_a_second_one_is_a_keyboard_interrupt_if_python_is_in_the_coroutine(
    when: Moment, arguments: list[str], arrives: str
) -> None:
    twice = signals_at((output("main: begins") & active(0)).then(when))
    outcome = perform(Experiment(SCRIPTS / "ctrl_c_twice.py", twice, arguments, deadline=100))
    assert outcome.stdout.splitlines()[-1] == f"main: a {arrives} arrives while it saves"


def test_so_is_a_first_one_while_the_loop_is_being_closed(tmp_path: Path) -> None:
    magic, _, text = source("keyboard-interrupt-closing").partition("\n")
    assert r"""--when 'output="leftover: saves\n"'""" in magic
    program = tmp_path / "closing.py"
    program.write_text(text)
    outcome = perform(Experiment(program, signals_at(output("leftover: saves\n")), deadline=100))
    assert outcome.stdout.splitlines()[-1] == "leftover: a KeyboardInterrupt arrives"
    assert outcome.timeline.signals[0].landed.closing
    assert (outcome.returncode, broken(outcome)) == (0, ["exit"])


# 2. Gather, and jobs that queue.


def test_a_gather_cancels_the_queued_jobs_and_does_not_wait_for_the_others() -> None:
    outcome = interrupt("gather", BOTH_HOLD & queued(2))
    assert requests(lane(outcome, "job-1")) == requests(lane(outcome, "job-2")) == [HANDED_ON, CLOSING_LOOP]
    assert requests(lane(outcome, "job-3")) == requests(lane(outcome, "job-4")) == [HANDED_ON]
    assert (finished(outcome), alarms(outcome)) == ((0, 2), BOTH_LOST)
    assert (outcome.returncode, broken(outcome)) == (-SIGINT, ["cleanup"])


def test_it_takes_no_queue() -> None:
    outcome = interrupt("gather", holding(4), "--no-queue")
    assert [job.name for job in outcome.timeline.jobs if job.cleanup_finished is not None] == ["job-1"]
    assert requests(lane(outcome, "job-1")) == [HANDED_ON]
    for name in ("job-2", "job-3", "job-4"):
        assert requests(lane(outcome, name)) == [HANDED_ON, CLOSING_LOOP]
    assert (outcome.returncode, broken(outcome)) == (-SIGINT, ["cleanup"])


@pytest.mark.parametrize(
    ("when", "arguments", "jobs"), [(BOTH_HOLD & queued(2), [], 2), (holding(4), ["--no-queue"], 4)]
)
def test_a_group_waits_for_all(when: Moment, arguments: list[str], jobs: int) -> None:
    outcome = interrupt("gather", when, *arguments, "--mended")
    assert (finished(outcome), alarms(outcome), outcome.returncode) == ((jobs, jobs), [], -SIGINT)
    assert outcome.clean


# 3. Testing with a timeout.


def test_the_test_with_a_timeout_passes() -> None:
    outcome = run("timeout", "--test")
    assert outcome.stdout.splitlines()[-1] == "test: passed"
    assert finished(outcome) == (2, 2)


def test_the_test_with_a_timeout_can_fail(tmp_path: Path) -> None:
    program = tmp_path / "no_cleanup.py"
    text = (SCRIPTS / "pitfall_timeout.py").read_text()
    assert text.count("        cleaned.add(name)\n") == 1
    program.write_text(text.replace("        cleaned.add(name)\n", ""))
    outcome = perform(Experiment(program, [], ["--test"], deadline=100))
    assert (outcome.returncode, "test: passed" in outcome.stdout) == (1, False)


WAYS: list[tuple[Moment | Moments, Any, int, int, list[str]]] = [
    (BOTH_HOLD, SIGINT, 2, -SIGINT, []),
    (BOTH_HOLD.then(cleanups(2)), SIGINT, 0, -SIGINT, ["cleanup"]),
    (BOTH_HOLD, SIGTERM, 0, -SIGTERM, ["awaiting", "cleanup", "leaks"]),
]


@pytest.mark.parametrize(("when", "signum", "survive", "status", "is_broken"), WAYS)
def test_what_it_does_not_see(
    when: Moment | Moments, signum: Any, survive: int, status: int, is_broken: list[str]
) -> None:
    outcome = interrupt("timeout", when, signum=signum)
    assert (finished(outcome), outcome.returncode) == ((survive, 2), status)
    assert broken(outcome) == is_broken


@pytest.mark.parametrize(("when", "signum"), [way[:2] for way in WAYS])
def test_who_owns_the_signals_survives_all_three(when: Moment | Moments, signum: Any) -> None:
    outcome = interrupt("timeout", when, "--mended", signum=signum)
    assert (finished(outcome), alarms(outcome)) == ((2, 2), [])
    assert outcome.returncode == (-SIGINT if signum == SIGINT else 143)
    assert outcome.clean


# 4. A cleanup that is itself cancelled.


@pytest.mark.parametrize(
    ("arguments", "in_cleanup", "twice"),
    [
        ([], 0, 0),
        (["--shield"], 0, 0),
        (["--mended"], 2, 0),
        (["--owned"], 0, 2),
        (["--mended", "--owned"], 2, 2),
    ],
)
def test_it_takes_both_halves(arguments: list[str], in_cleanup: int, twice: int) -> None:
    for when, survive in ((halfway(2), in_cleanup), (BOTH_HOLD.then(halfway(2)), twice)):
        outcome = interrupt("cleanup", when, *arguments)
        assert (finished(outcome), outcome.returncode) == ((survive, 2), -SIGINT)
        assert alarms(outcome) == ([] if survive else BOTH_LOST)
        assert broken(outcome) == ([] if survive else ["cleanup"])


def test_what_is_in_a_shield_outlives_its_job_until_the_loop_is_closed() -> None:
    outcome = interrupt("cleanup", halfway(2), "--shield")
    insides = [lane for lane in outcome.timeline.lanes if lane.name == "tidy_up"]
    assert len(insides) == 2
    for inside in insides:
        assert requests(inside) == [CLOSING_LOOP]
        assert inside.spans[-1].end > lane(outcome, "main").spans[-1].end
        assert inside.end == "cancelled"
    for name in ("job-1", "job-2"):
        assert requests(lane(outcome, name)) == ["by main"]
        assert lane(outcome, name).spans[-1].end < lane(outcome, "main").spans[-1].end


# 5. The same cleanup in several handlers.


@pytest.mark.parametrize(
    ("when", "arguments", "saves", "status", "is_broken"),
    [
        (None, [], 0, 0, ["cleanup", "leaks"]),
        (None, ["--error"], 1, 1, []),
        (holding(1), [], 2, 1, ["exit"]),
        (None, ["--mended"], 1, 0, []),
        (None, ["--mended", "--error"], 1, 1, []),
        (holding(1), ["--mended"], 1, -SIGINT, []),
    ],
)
def test_how_often_it_saves(
    when: Moment | None, arguments: list[str], saves: int, status: int, is_broken: list[str]
) -> None:
    outcome = interrupt("handlers", when, *arguments) if when else run("handlers", *arguments, expect=status)
    assert outcome.stdout.count("saves\n") == saves
    assert (outcome.returncode, broken(outcome)) == (status, is_broken)


def test_the_second_time_is_in_another_loop_and_its_error_takes_the_place_of_the_interrupt() -> None:
    outcome = interrupt("handlers", holding(1))
    first, second = outcome.timeline.lanes
    assert (first.loop, second.loop) == (1, 2)
    assert (first.end, second.end) == ("cancelled", "failed")
    assert second.spans[0].start > first.spans[-1].end
    assert "FileNotFoundError" in outcome.stderr.splitlines()[-1]


# 6. Cancelled tasks that nobody awaits.

CLOSED = "main: the database is closed\n"


def test_who_is_cancelled_and_not_awaited_is_cancelled_again() -> None:
    outcome = interrupt("not_awaited", BOTH_HOLD)
    assert requests(lane(outcome, "job-1")) == requests(lane(outcome, "job-2")) == ["by main", CLOSING_LOOP]
    assert (finished(outcome), alarms(outcome)) == ((0, 2), BOTH_LOST)
    assert (outcome.returncode, broken(outcome)) == (-SIGINT, ["cleanup", "leaks"])


def test_who_is_awaited_has_cleaned_up_before_the_database_is_closed() -> None:
    outcome = interrupt("not_awaited", BOTH_HOLD, "--mended")
    assert requests(lane(outcome, "job-1")) == requests(lane(outcome, "job-2")) == ["by main"]
    assert outcome.stdout.partition(CLOSED)[0].count("cleanup finished") == 2
    assert (finished(outcome), alarms(outcome), outcome.returncode) == ((2, 2), [], -SIGINT)
    assert outcome.clean


def test_who_is_forgotten_cleans_up_too_late_and_the_checklist_sees_nothing() -> None:
    outcome = interrupt("not_awaited", BOTH_HOLD, "--forgotten")
    assert requests(lane(outcome, "job-1")) == requests(lane(outcome, "job-2")) == [CLOSING_LOOP]
    assert outcome.stdout.partition(CLOSED)[2].count("cleanup finished") == 2
    assert (finished(outcome), outcome.clean) == ((2, 2), True)


def test_a_second_ctrl_c_while_the_loop_is_being_closed_leaves_them_where_they_are() -> None:
    outcome = interrupt("not_awaited", BOTH_HOLD.then(halfway(2)), "--forgotten")
    assert requests(lane(outcome, "job-1")) == requests(lane(outcome, "job-2")) == [CLOSING_LOOP]
    assert lane(outcome, "job-1").end == lane(outcome, "job-2").end == "abandoned"
    assert (finished(outcome), broken(outcome)) == ((0, 2), ["cleanup", "leaks"])


@pytest.mark.parametrize(
    ("program", "when"),
    [("gather", (BOTH_HOLD & queued(2)).then(cleanups(2))), ("not_awaited", BOTH_HOLD.then(halfway(2)))],
)
def test_to_wait_for_all_does_not_survive_a_second_ctrl_c(program: str, when: Moments) -> None:
    outcome = interrupt(program, when, "--mended")
    assert (finished(outcome), alarms(outcome), outcome.returncode) == ((0, 2), BOTH_LOST, -SIGINT)
