"""The sweep's clock: waits cost no time and keep their order, and what could come from outside is waited for."""

import json
from pathlib import Path
from typing import Any

import pytest

from cancelkit.sweep import Program, program_at, sweep
from cancelkit.sweep.pool import Warm
from cancelkit.sweep.runs import Survey

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("nothing_left")]

HOUR = 3600.0
REAL = ["a_thread", "a_server", "a_process"]
NOT_REAL = ["an_hour", "an_hour under cancelkit.run", "a_pair_in_one_process", "waits_for_ever"]


def program(programs: Path, *arguments: str) -> Program:
    return program_at(programs / "swept_clock.py", arguments)


def surveyed(programs: Path, *arguments: str) -> Survey:
    with Warm(program(programs, *arguments), "step") as warm:
        return warm.survey()


def line_of(programs: Path, text: str) -> str:
    """file:line of the only line of the program that has this text."""
    file = programs / "swept_clock.py"
    (number,) = [n for n, line in enumerate(file.read_text().splitlines(), 1) if text in line]
    return f"{file}:{number}"


def written_by_a_survey(programs: Path, name: str, file: Path) -> tuple[Survey, Any]:
    """A survey, and what the program wrote in that run and no other."""
    with Warm(program(programs, name, str(file)), "step") as warm:
        warm.survey()
        file.unlink()
        return warm.survey(), json.loads(file.read_text())


def test_hours_cost_no_time_and_keep_their_order(programs: Path, tmp_path: Path) -> None:
    survey, woken = written_by_a_survey(programs, "hours_out_of_order", tmp_path / "woken")
    assert [name for name, _ in woken] == ["sleep", "sleep", "timeout", "wait_for", "call_later", "sleep"]
    assert [after / HOUR for _, after in woken] == pytest.approx([10, 10.5, 20, 30, 40, 50])
    assert not survey.is_real
    assert not survey.waits_for_ever


def test_weeks_in_many_waits(programs: Path, tmp_path: Path) -> None:
    survey, seconds = written_by_a_survey(programs, "many_hours", tmp_path / "seconds")
    assert seconds == pytest.approx(21 * 24 * HOUR)
    assert not survey.is_real


def test_points_and_events_are_told_in_the_time_of_the_program(programs: Path, tmp_path: Path) -> None:
    survey, _ = written_by_a_survey(programs, "many_hours", tmp_path / "seconds")
    times = [event.time for event in survey.events]
    for listed in (times, list(survey.times)):
        assert listed == sorted(set(listed))
        assert listed[0] < 1e9
        assert listed[-1] == pytest.approx(21 * 24 * HOUR * 1e9)


def test_every_run_begins_at_the_same_time(programs: Path, tmp_path: Path) -> None:
    first, _ = written_by_a_survey(programs, "many_hours", tmp_path / "seconds")
    second, _ = written_by_a_survey(programs, "many_hours", tmp_path / "seconds")
    assert first == second


def test_waiting_for_ever_after_the_signal_is_to_hang(programs: Path) -> None:
    swept = sweep(program(programs, "waits_for_ever_once_cancelled"), level="step", jobs=1)
    hung = [run for run in swept.runs if run.verdict.word == "hung"]
    assert hung
    assert {run.verdict.at for run in hung} == {line_of(programs, "# for ever")}
    assert {run.verdict.why for run in hung} == {"waits for ever: waits_for_ever_once_cancelled on future"}
    assert {run.status for run in hung} == {None}
    assert not swept.survey.waits_for_ever


@pytest.mark.parametrize("name", ["waits_for_ever", "refuses_to_end"])
def test_waiting_for_ever_without_a_signal_is_known_at_once(programs: Path, name: str) -> None:
    survey = surveyed(programs, name)
    assert survey.waits_for_ever
    assert not survey.is_real
    assert survey.sites[survey.order[-1]].function == "BaseSelector.select"


def test_a_program_that_waits_for_a_signal_ends_at_it(programs: Path) -> None:
    swept = sweep(program(programs, "waits_for_ever"), level="step", jobs=1)
    assert len(swept.runs) == len(swept.survey.order)
    assert swept.runs[-1].is_clean
    assert "hung" not in swept.verdicts


def test_a_program_that_refuses_to_end_hangs(programs: Path) -> None:
    last = sweep(program(programs, "refuses_to_end"), level="step", jobs=1).runs[-1]
    assert last.verdict.word == "hung"


@pytest.mark.parametrize("name", REAL)
def test_what_comes_from_outside_is_waited_for(programs: Path, name: str) -> None:
    survey = surveyed(programs, name)
    assert survey.is_real
    assert not survey.waits_for_ever


@pytest.mark.parametrize("name", NOT_REAL)
def test_what_is_in_this_process_is_not_waited_for(programs: Path, name: str) -> None:
    assert not surveyed(programs, name).is_real
