"""scripts/choosing_*.py: what notebook 10 says of them holds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGTERM, Signals

import pytest

from cancelkit.lab import Experiment, Outcome, active, begun, cleaned, halfway, holding, perform, signals_at
from cancelkit.lab.moments import Moment, Moments

pytestmark = pytest.mark.core

SCRIPTS = Path(__file__).parents[1] / "scripts"
MODELS = ("pool", "semaphore", "unlimited")
BOTH_WORK = active(2) & begun(2)


def interrupt(program: str, when: Moment | Moments, *arguments: str, signum: Signals = SIGINT) -> Outcome:
    path = SCRIPTS / f"choosing_{program}.py"
    return perform(Experiment(path, signals_at(when, signum), arguments, deadline=100))


def cancelled(outcome: Outcome) -> list[str]:
    return [lane.name for lane in outcome.timeline.lanes if lane.end == "cancelled" and not lane.is_main]


# Which Python?


def test_an_error_in_a_cleanup_takes_the_place_of_the_ctrl_c_before_3_13() -> None:
    outcome = interrupt("python", active(1))
    assert "main: forgives the error" in outcome.stdout
    goes_on = "main: goes on to its end" in outcome.stdout
    expected = (-SIGINT, False) if sys.version_info >= (3, 13) else (0, True)
    assert (outcome.returncode, goes_on) == expected


def test_under_the_kit_the_ctrl_c_is_not_lost() -> None:
    assert interrupt("python", active(1), "--owned").returncode == -SIGINT


# Which concurrency model?


@pytest.mark.parametrize("count", [6, 200])
@pytest.mark.parametrize("model", MODELS)
def test_what_a_ctrl_c_finds(model: str, count: int) -> None:
    has_begun = count if model == "unlimited" else 3
    outcome = interrupt(model, holding(has_begun) & cleaned(1), str(count))
    tasks = 2 if model == "pool" else count
    queued = count - 3 if model == "semaphore" else 0
    assert len(outcome.timeline.lanes) - 1 == tasks
    assert outcome.timeline.signals[0].landed.queued == queued
    assert len(cancelled(outcome)) == (2 if model == "pool" else count - 1)
    assert outcome.jobs_begun == outcome.cleanups_finished == has_begun
    assert outcome.clean, outcome.checklist


def test_the_workers_clean_up_for_the_jobs_that_they_have() -> None:
    outcome = interrupt("pool", holding(3) & cleaned(1))
    assert cancelled(outcome) == ["worker-1", "worker-2"]
    first, second = (lane for lane in outcome.timeline.lanes if not lane.is_main)
    for lane, finished in ((first, 2), (second, 1)):
        assert [mark.what for mark in lane.marks].count("cleanup finished") == finished
    assert outcome.stdout.splitlines()[-1] == "left in the queue: 3"


def test_without_a_limit_all_clean_up_at_the_same_time() -> None:
    outcome = interrupt("unlimited", holding(6) & cleaned(1))
    (_, *cleanups) = ((job.cleanup_begun, job.cleanup_finished) for job in outcome.timeline.jobs)
    assert len(cleanups) == 5
    assert max(begins or 0 for begins, _ in cleanups) < min(ends or 0 for _, ends in cleanups)


@pytest.mark.parametrize(("model", "late"), [("pool", []), ("semaphore", ["job-3"]), ("unlimited", [])])
def test_who_begins_late_when_a_place_has_just_become_free(model: str, late: list[str]) -> None:
    outcome = interrupt(model, cleaned(1))
    assert [job.name for job in outcome.timeline.jobs_begun_late] == late
    if model == "pool":  # its worker has taken the next job in the step in which the one before ended
        assert outcome.jobs_begun == 3


# What must happen before exit?


@pytest.mark.parametrize(
    ("words", "said"),
    [([], [2, 1, 0]), (["--finish"], [2, 2, 0]), (["--owned"], [2, 1, 2]), (["--finish", "--owned"], [2, 2, 2])],
)
def test_finish_is_for_ordinary_cleanup_and_run_for_a_second_signal(words: list[str], said: list[int]) -> None:
    moments = (BOTH_WORK, halfway(1), BOTH_WORK.then(halfway(2)))
    outcomes = [interrupt("cleanup", when, *words) for when in moments]
    assert [outcome.cleanups_finished for outcome in outcomes] == said
    assert {outcome.returncode for outcome in outcomes} == {-SIGINT}


# Which signals?


@pytest.mark.parametrize(
    ("owner", "expected"),
    [
        ("asyncio", {SIGINT: (2, -2), SIGTERM: (0, -15), SIGHUP: (0, -1)}),
        ("handlers", {SIGINT: (2, -2), SIGTERM: (2, 143), SIGHUP: (2, 129)}),
        ("kit", {SIGINT: (2, -2), SIGTERM: (2, 143), SIGHUP: (0, -1)}),
        ("kit-with-hup", {SIGINT: (2, -2), SIGTERM: (2, 143), SIGHUP: (2, 129)}),
    ],
)
def test_a_signal_without_an_owner_ends_the_program_on_the_spot(
    owner: str, expected: dict[Signals, tuple[int, int]]
) -> None:
    for signum, came_of_it in expected.items():
        outcome = interrupt("signals", active(2), owner, signum=signum)
        assert (outcome.cleanups_finished, outcome.returncode) == came_of_it, signum


def test_an_owner_that_is_not_known_is_refused() -> None:
    outcome = perform(Experiment(SCRIPTS / "choosing_signals.py", [], ["nobody"]))
    assert outcome.returncode == 1
    assert "asyncio | handlers | kit | kit-with-hup" in outcome.stderr


# Can tests send real ones?


@pytest.mark.parametrize(
    ("prefix", "says", "status"),
    [
        ([], ["SIGINT arrives", "SIGTERM arrives"], 0),
        (["sh", "-c", '"$0" "$1" & wait $!'], ["SIGINT is ignored", "SIGTERM arrives"], 1),
        (["sh", "-c", 'trap "" TERM; exec "$0" "$1"'], ["SIGINT arrives", "SIGTERM is ignored"], 1),
    ],
)
def test_whether_signals_arrive_here(prefix: list[str], says: list[str], status: int) -> None:
    command = [*prefix, sys.executable, str(SCRIPTS / "choosing_tests.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert (done.stdout.splitlines(), done.returncode) == (says, status)
