"""scripts/handlers_*.py: what notebook 05 says of them holds, and so does what its solutions say."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from signal import SIGALRM, SIGHUP, SIGINT, SIGTERM
from typing import Any

import pytest
from course_notebooks import written_exercises

from cancelkit.contract.acts import ACTS
from cancelkit.contract.check import check
from cancelkit.contract.promises import PROMISES
from cancelkit.course import exercise
from cancelkit.lab import (
    Experiment,
    Outcome,
    active,
    at_once,
    begun,
    cleaned,
    cleaning,
    cleanups,
    halfway,
    holding,
    output,
    perform,
    queued,
    signals_at,
)
from cancelkit.lab.moments import Moment, Moments
from cancelkit.lab.scenarios import TARGETS
from cancelkit.trace.timeline import Lane

pytestmark = pytest.mark.core

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "scripts"
NOTEBOOK = ROOT / "notebooks" / "05_signal_handlers.ipynb"
AT_WORK = holding(4)
TWICE = AT_WORK.then(halfway(4))
BY_SIGINT, BY_CLOSING = "by the handler of SIGINT", "by the closing loop"


def experiment(
    program: Path | str, when: Moment | Moments, *arguments: str, signals: Any = SIGINT, **more: Any
) -> Experiment:
    path = program if isinstance(program, Path) else SCRIPTS / f"{program}.py"
    settings = {"deadline": 100.0, "pace": 0.6} | more
    return Experiment(path, signals_at(when, signals), arguments, **settings)


def interrupt(program: Path | str, when: Moment | Moments, *arguments: str, **more: Any) -> Outcome:
    return perform(experiment(program, when, *arguments, **more))


def lane(outcome: Outcome, name: str) -> Lane:
    (found,) = [lane for lane in outcome.timeline.lanes if lane.name == name]
    return found


def requests(lane: Lane) -> list[str]:
    """By whom a task was asked to end."""
    return [mark.more.partition(" at ")[0] for mark in lane.marks if mark.what == "cancel requested"]


def ends(outcome: Outcome) -> list[str]:
    return [lane.end for lane in outcome.timeline.lanes if not lane.is_main]


def broken(outcome: Outcome) -> list[str]:
    return [verdict.id for verdict in outcome.broken]


# Two ways to install a handler.


@pytest.mark.parametrize(
    ("kind", "in_between", "afterwards"),
    [("signal", ["handler: in the middle of job"], []), ("loop", [], ["handler: in the middle of no task"])],
)
def test_when_it_is_called(kind: str, in_between: list[str], afterwards: list[str]) -> None:
    outcome = perform(Experiment(SCRIPTS / "handlers_two_kinds.py", [], [kind, "--press"], deadline=100))
    begins, ends = ["job: is in the middle of a step"], ["job: has ended the step", "job: waits"]
    assert outcome.stdout.splitlines() == [*begins, *in_between, *ends, *afterwards, "job: sees the event"]


@pytest.mark.parametrize(
    ("kind", "woken"), [("signal", ["a second later: something else wakes the loop"]), ("loop", [])]
)
def test_who_wakes_the_loop(kind: str, woken: list[str]) -> None:
    outcome = interrupt("handlers_two_kinds", output("job: waits") & active(1), kind)
    called = ["job: waits", "handler: in the middle of no task"]
    assert outcome.stdout.splitlines() == [*called, *woken, "job: sees the event"]
    assert outcome.returncode == 0


# One signal, and more.


@pytest.mark.parametrize(("signum", "status"), [(SIGINT, -2), (SIGTERM, 143), (SIGHUP, 129)])
def test_one_program_under_three_signals(signum: signal.Signals, status: int) -> None:
    outcome = interrupt("handlers", AT_WORK, signals=signum)
    assert outcome.clean
    assert (outcome.jobs_begun, outcome.cleanups_finished, outcome.returncode) == (4, 4, status)
    by_the_handler = f"by the handler of {signum.name}"
    main, *jobs = outcome.timeline.lanes
    assert (requests(main), main.end) == ([], "failed")
    assert [requests(job) for job in jobs] == [[], [], *[[by_the_handler]] * 5]


@pytest.mark.parametrize("signum", [SIGTERM, SIGHUP])
def test_by_default_they_end_a_process_on_the_spot(signum: signal.Signals) -> None:
    outcome = interrupt("task_group", AT_WORK, signals=signum)
    assert (outcome.cleanups_finished, outcome.returncode) == (2, -signum)


@pytest.mark.parametrize("when", [TWICE, AT_WORK.then(at_once).then(at_once), TWICE.then(halfway(4))])
def test_the_pattern_takes_any_number_for_one(when: Moments) -> None:
    outcome = interrupt("handlers", when)
    assert outcome.clean
    assert (outcome.cleanups_finished, outcome.returncode) == (4, -SIGINT)


@pytest.mark.parametrize(("signum", "status"), [(SIGINT, 130), (SIGTERM, 143), (SIGHUP, 129)])
def test_a_simple_handler_treats_three_signals_alike(signum: signal.Signals, status: int) -> None:
    outcome = interrupt("handlers_simple", AT_WORK, signals=signum)
    assert outcome.clean
    assert (outcome.jobs_begun, outcome.cleanups_finished, outcome.returncode) == (4, 4, status)
    main = lane(outcome, "main")
    assert (requests(main), str(main)) == ([], "not started → running → awaiting → failed")


@pytest.mark.parametrize(
    ("arguments", "finished", "asked", "verdicts"),
    [
        ([], 4, [BY_SIGINT], []),
        (["--every-time"], 2, [BY_SIGINT, BY_SIGINT], ["cleanup", "leaks"]),
        (["--silent"], 4, [BY_SIGINT], ["exit"]),
    ],
)
def test_a_simple_handler_that_cancels_once_or_every_time_or_says_nothing(
    arguments: Sequence[str], finished: int, asked: list[str], verdicts: list[str]
) -> None:
    outcome = interrupt("handlers_simple", TWICE, *arguments)
    assert outcome.cleanups_finished == finished
    assert requests(lane(outcome, "job-3")) == requests(lane(outcome, "job-4")) == asked
    assert requests(lane(outcome, "job-5")) == [BY_SIGINT]
    assert outcome.returncode == (0 if "--silent" in arguments else 130)
    assert broken(outcome) == verdicts


# Ask first, then cancel.

FIRST_HALF = begun(2) & queued(1)
SECOND_HALF = output("job-2: half a record\n") & active(2)


def test_the_first_signal_asks() -> None:
    outcome = interrupt("handlers_event", FIRST_HALF)
    assert ends(outcome) == ["finished", "finished", "cancelled"]
    assert outcome.stdout.count("a whole record") == 2
    assert (outcome.jobs_begun, outcome.cleanups_finished, outcome.returncode) == (2, 2, -SIGINT)
    assert not any(requests(lane) for lane in outcome.timeline.lanes)
    assert broken(outcome) == ["awaiting"]


def test_the_second_cancels() -> None:
    outcome = interrupt("handlers_event", FIRST_HALF.then(SECOND_HALF))
    assert ends(outcome) == ["cancelled"] * 3
    assert outcome.stdout.count("half a record") == 2
    assert outcome.stdout.count("a whole record") == 0
    assert (outcome.jobs_begun, outcome.cleanups_finished, outcome.returncode) == (2, 2, -SIGINT)
    assert outcome.clean


# Putting it back, and leaving it alone.


@pytest.mark.parametrize(
    ("arguments", "who", "asked"),
    [
        ([], ("Python's own", "the system's default"), [BY_CLOSING]),
        (["--put-back"], ("asyncio.run's", "ours"), [BY_SIGINT]),
    ],
)
def test_what_is_put_back(arguments: Sequence[str], who: tuple[str, str], asked: list[str]) -> None:
    outcome = interrupt("handlers_restored", output("removed") & active(0), *arguments)
    found = [re.fullmatch(r"(\w+) +SIGINT: (.*?) +SIGTERM: (.*)", line) for line in outcome.stdout.splitlines()]
    assert [match.groups() for match in found if match] == [
        ("before", "asyncio.run's", "ours"),
        ("registered", "the loop's", "the loop's"),
        ("removed", *who),
    ]
    assert requests(lane(outcome, "main")) == asked


@pytest.mark.parametrize(("arguments", "heard"), [(["--alone"], "SIGINT"), ([], "nothing")])
def test_a_handler_that_the_loop_had_is_not_put_back(arguments: Sequence[str], heard: str) -> None:
    outcome = interrupt("handlers_two_owners", output("main: goes on") & active(0), *arguments, expect=0)
    assert outcome.stdout.splitlines()[-1] == f"main: has heard of {heard}"
    assert outcome.returncode == 0


def test_two_at_the_same_time_the_second_takes_the_signals() -> None:
    outcome = interrupt("handlers_two_at_a_time", active(4))
    of_the_jobs = [requests(lane) for lane in outcome.timeline.lanes if lane.name == "job-1"]
    assert of_the_jobs == [[BY_CLOSING], [BY_SIGINT]]


@pytest.mark.parametrize(
    ("arguments", "status", "first"), [([], -2, "SIGINT"), (["--anyway"], 129, "SIGHUP")], ids=["ignored", "anyway"]
)
def test_what_is_ignored_stays_ignored(arguments: Sequence[str], status: int, first: str) -> None:
    outcome = interrupt("handlers_ignored", AT_WORK.then(AT_WORK), *arguments, signals=[SIGHUP, SIGINT])
    assert (outcome.cleanups_finished, outcome.returncode) == (4, status)
    assert requests(lane(outcome, "job-3")) == [f"by the handler of {first}"]


@pytest.mark.skipif(shutil.which("nohup") is None, reason="there is no nohup here")
def test_under_nohup_sighup_does_nothing() -> None:
    command = ["nohup", sys.executable, str(SCRIPTS / "handlers.py")]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, **pipes) as process:  # type: ignore[call-overload]
        for line, signum in (("job-1: holding", SIGHUP), ("job-4: holding", SIGINT)):
            while line not in process.stdout.readline():
                assert process.poll() is None
            process.send_signal(signum)
        said, _ = process.communicate()
    assert process.returncode == -SIGINT
    assert said.count("cleanup finished") == 2


def test_asyncio_run_leaves_a_sigint_that_is_ignored_alone() -> None:
    async def handler() -> Any:
        return signal.getsignal(SIGINT)

    before = signal.signal(SIGINT, signal.SIG_IGN)
    try:
        assert asyncio.run(handler()) is signal.SIG_IGN
    finally:
        signal.signal(SIGINT, before)


# What it cannot keep.


@pytest.mark.parametrize(("arguments", "finished"), [([], 2), (["--owned"], 3)])
def test_after_the_last_line_the_signals_are_not_ours(arguments: Sequence[str], finished: int) -> None:
    outcome = interrupt("leftover", cleanups(3), *arguments)
    assert (outcome.cleanups_finished, outcome.jobs_begun, outcome.clean) == (finished, 3, finished == 3)


def test_a_job_that_has_just_got_a_slot_begins() -> None:
    outcome = perform(ACTS["a slot gets free"].experiment(TARGETS["handlers"]))
    assert [str(alarm) for alarm in outcome.timeline.alarms] == ["job-3: began late"]


@pytest.mark.parametrize(("signums", "finished"), [([SIGINT, SIGALRM], 2), ([SIGALRM, SIGALRM], 0)])
def test_a_cancellation_from_outside_loses_the_exit_status_or_the_cleanups(
    signums: Sequence[signal.Signals], finished: int
) -> None:
    outcome = interrupt("tracking_timeout_others", holding(2).then(halfway(2)), "--handlers", signals=signums)
    assert (outcome.cleanups_finished, outcome.jobs_begun, outcome.returncode) == (finished, 2, 1)
    assert outcome.stderr.strip().endswith("TimeoutError")


def test_under_the_kits_own_run_no_job_begins_late() -> None:
    outcome = perform(ACTS["a slot gets free"].experiment(TARGETS["cancelkit"]))
    assert not outcome.timeline.jobs_begun_late


def test_six_promises_are_kept_or_broken_as_the_notebook_shows() -> None:
    words = dict.fromkeys(("two-signals", "three-signals", "sigterm"), "kept")
    words |= dict.fromkeys(("no-late-start", "closing", "lazy"), "broken")
    chosen = [promise for promise in PROMISES if promise.id in words]
    assert {verdict.id: verdict.verdict for verdict in check(TARGETS["handlers"], chosen).verdicts} == words


def test_a_cleanup_that_is_under_way_at_the_first_signal_is_cancelled() -> None:
    outcome = interrupt("handlers", cleaning(2) & halfway(1))
    assert (outcome.cleanups_finished, outcome.jobs_begun) == (0, 2)


# What the solutions of the exercises say beside what is checked.


def solution(name: str) -> str:
    """The solution of an exercise."""
    (text,) = [each.solution for each in written_exercises(NOTEBOOK) if each.name == name]
    return text


ONE_READS = """
import asyncio, itertools
from signal import SIGHUP, SIGINT, SIGTERM
from cancelkit.lab.workload import plain_job, say

numbers = itertools.count(1)

async def read_settings():
    number = next(numbers)
    for part in range(3 if number == 1 else 1):
        await plain_job(f"settings-{number}-{part}", work=0)

async def reader(wanted):
    while True:
        await wanted.wait()
        wanted.clear()
        reading = asyncio.create_task(read_settings())
        try:
            await asyncio.shield(reading)
        except asyncio.CancelledError:
            await reading
            raise

async def main():
    def stop(signum):
        received.append(signum)
        worker.cancel()

    received, wanted, loop = [], asyncio.Event(), asyncio.get_running_loop()
    worker = asyncio.create_task(asyncio.sleep(10), name="worker")
    reading = asyncio.create_task(reader(wanted))
    for signum in (SIGINT, SIGTERM):
        loop.add_signal_handler(signum, stop, signum)
    loop.add_signal_handler(SIGHUP, wanted.set)
    say("begun", "worker")
    await asyncio.wait([worker])
    reading.cancel()
    await asyncio.wait([reading])
    raise SystemExit(128 + received[0])

asyncio.run(main())
"""


def test_one_task_that_reads_passes_as_well() -> None:
    judged = exercise("05.2").check(ONE_READS)
    assert judged.all_kept, f"\n{judged}"


def test_of_two_readings_the_second_may_be_the_first_to_end(tmp_path: Path) -> None:
    program = tmp_path / "settings.py"
    program.write_text(solution("05.2"))
    outcome = interrupt(program, begun(1).then(holding(1)).then(at_once), signals=[SIGHUP, SIGHUP, SIGTERM])
    readings = [lane for lane in outcome.timeline.lanes if lane.coro.endswith("read_settings")]
    first, second = (lane.spans[-1].end for lane in readings)
    assert second < first
    assert outcome.returncode == 143


@pytest.mark.parametrize("name", ["05.1", "05.2", "05.3"])
def test_a_solution_cancels_nobody_twice(tmp_path: Path, name: str) -> None:
    program = tmp_path / "solution.py"
    program.write_text(solution(name))
    asked = holding(2).then(cleaned(1) & cleanups(1))
    whens: dict[str, Moment | Moments] = {"05.1": TWICE, "05.2": begun(1), "05.3": asked}
    outcome = interrupt(program, whens[name])
    assert all(len(requests(lane)) <= 1 for lane in outcome.timeline.lanes)
    assert outcome.timeline.alarms == ()
