"""scripts/task_states*.py: what notebook 02 says of them holds, and so do the solutions of its exercises."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from course_notebooks import written_exercises

from cancelkit.course import Judgement, exercise
from cancelkit.lab import Experiment, Outcome, load_outcome, perform, signals_at
from cancelkit.lab.moments import Moment, before_start, output
from cancelkit.trace.timeline import Lane, Span

pytestmark = pytest.mark.core

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "notebooks" / "02_task_states.ipynb"
PROGRAM = ROOT / "scripts" / "task_states.py"
COMPUTING, GOES_ON = output("I compute\n"), output("I go on\n")
NEVER_HAD_A_CHANCE = "cancelled before its first step: its cleanup never had a chance"
BEFORE_AND_AFTER = 0.3
"""Seconds that the job computes before the signal, and again after it."""


@pytest.fixture(scope="module")
def once() -> Outcome:
    return perform(Experiment(PROGRAM, signals_at(COMPUTING), deadline=100))


@pytest.fixture(scope="module")
def twice() -> Outcome:
    return perform(Experiment(PROGRAM, signals_at(COMPUTING.then(GOES_ON)), ["--long"], deadline=100))


def lane(outcome: Outcome, name: str) -> Lane:
    (found,) = [lane for lane in outcome.timeline.lanes if lane.name == name]
    return found


def span_at(lane: Lane, time: int) -> Span:
    return next(span for span in lane.spans if span.start <= time < span.end)


def states(outcome: Outcome) -> dict[str, tuple[str, str]]:
    """What each task was at the first signal, and what it waited for."""
    time = outcome.timeline.signals[0].time
    spans = {lane.name: span_at(lane, time) for lane in outcome.timeline.lanes}
    return {name: (span.state, span.on) for name, span in spans.items()}


def reported(outcome: Outcome, name: str) -> list[str]:
    """What a job reported after the first signal."""
    time = outcome.timeline.signals[0].time
    return [m.what for m in lane(outcome, name).marks if m.time > time and not m.what.startswith("cancel ")]


def delivered(lane: Lane) -> list[int]:
    return [mark.time for mark in lane.marks if mark.what == "cancel delivered"]


def test_all_four_states_are_there_at_the_signal(once: Outcome) -> None:
    assert states(once) == {
        "main": ("awaiting", "TaskGroup"),
        "reads": ("awaiting", "socket"),
        "computes": ("running", ""),
        "queues": ("queued", "Semaphore"),
        "new": ("not started", ""),
    }


def test_nobody_is_cancelled_before_the_running_task_comes_to_an_await(once: Outcome) -> None:
    time = once.timeline.signals[0].time
    running = span_at(lane(once, "computes"), time)
    assert running.end - time > (BEFORE_AND_AFTER - 0.01) * 1e9
    assert time - running.start > (BEFORE_AND_AFTER - 0.01) * 1e9
    for task in once.timeline.lanes:
        (at,) = delivered(task)
        assert at >= running.end
    assert lane(once, "computes").spans[-2].on == "Event"  # where it was cancelled


def test_what_each_of_the_four_owes_and_gives(once: Outcome) -> None:
    assert {lane.name: lane.end for lane in once.timeline.lanes} == dict.fromkeys(states(once), "cancelled")
    assert reported(once, "reads") == reported(once, "computes") == ["cleanup begun", "cleanup finished"]
    assert reported(once, "queues") == []
    assert reported(once, "new") == ["begun", "cleanup begun", "cleanup finished"]


def test_the_checklist_finds_the_one_that_began_late(once: Outcome) -> None:
    assert [verdict.id for verdict in once.broken] == ["queued"]
    assert once.broken[0].why == "new began after the first signal"
    assert [verdict.verdict for verdict in once.checklist if verdict.id in ("running", "awaiting")] == ["kept"] * 2
    assert once.returncode == -2


def test_the_second_one_is_raised_in_the_running_task(twice: Outcome) -> None:
    assert states(twice)["computes"] == ("running", "")
    computes = lane(twice, "computes")
    assert (computes.end, delivered(computes)) == ("failed", [])
    assert reported(twice, "computes") == reported(twice, "reads") == ["cleanup begun", "cleanup finished"]
    plain = re.sub(r"\x1b\[.*?m", "", twice.stderr)  # newer Pythons colour it
    assert re.search(r", in compute\n.*(\n.*)*KeyboardInterrupt\n$", plain)
    assert str(lane(twice, "main")).endswith("failed (answered its cancellation with KeyboardInterrupt)")
    assert twice.timeline.complaints == ("main: never retrieved",)
    assert twice.returncode == -2


def test_the_one_that_had_not_started_never_runs_a_line(twice: Outcome) -> None:
    assert states(twice)["new"] == ("not started", "")
    assert str(lane(twice, "new")) == f"not started → cancelled ({NEVER_HAD_A_CHANCE})"
    assert reported(twice, "new") == reported(twice, "queues") == []
    requests = [mark.more for mark in lane(twice, "new").marks if mark.what == "cancel requested"]
    assert [request.partition(" at ")[0] for request in requests] == ["by the closing loop"]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="there are no eager tasks")
def test_an_eager_task_has_begun_and_cleans_up() -> None:
    for moments, arguments in ((COMPUTING, []), (COMPUTING.then(GOES_ON), ["--long"])):
        outcome = perform(Experiment(PROGRAM, signals_at(moments), [*arguments, "--eager"], deadline=100))
        assert states(outcome)["new"] == ("awaiting", "Event")
        assert reported(outcome, "new") == ["cleanup begun", "cleanup finished"]


def test_what_is_kept_of_eager_tasks_for_an_older_python_is_what_they_do() -> None:
    kept = load_outcome(ROOT / "scripts" / "task_states_eager.jsonl")
    assert states(kept)["new"] == ("awaiting", "Event")
    assert reported(kept, "new") == ["cleanup begun", "cleanup finished"]
    if sys.version_info >= (3, 12):
        moments = signals_at(COMPUTING.then(GOES_ON))
        assert str(perform(Experiment(PROGRAM, moments, ["--long", "--eager"], deadline=100))) == str(kept)


@pytest.mark.parametrize(
    ("arguments", "when", "left"),
    [
        ([], output("main: begins\n"), []),
        ([], before_start, ["temporary file: cancelkit-states.lock"]),
        (["--owned"], output("main: begins\n"), []),
        (["--owned"], before_start, []),
    ],
)
def test_only_what_was_handed_to_a_task_that_never_started_is_left(
    arguments: list[str], when: Moment, left: list[str]
) -> None:
    handed = ROOT / "scripts" / "task_states_handed.py"
    outcome = perform(Experiment(handed, signals_at(when), arguments, deadline=100))
    assert [str(leak) for leak in outcome.leaks] == left
    assert ("the lock is removed" in outcome.stdout) is not bool(left)
    assert ("main: begins" in outcome.stdout) is (when is not before_start)


# The exercises: what their solutions say beside what the checks find.


SOLUTIONS = {written.name: written.solution for written in written_exercises(NOTEBOOK)}
INSIDE = """\
    try:
        await source.acquire()
        try:
            await target.acquire()
            await source.work(0.1)
        finally:
            await target.tidy_up()
    finally:
        await source.tidy_up()
"""
AROUND = """\
lock = Path(tempfile.gettempdir(), "work.lock")
try:
    asyncio.run(main(lock))
finally:
    lock.unlink()"""


def answer(name: str, *changes: tuple[str, str]) -> Judgement:
    """What is said of the solution of an exercise with something else in the place of some of its text."""
    text = SOLUTIONS[name]
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    return exercise(name).check(text)


def test_exercise_1_a_second_try_inside_the_first_passes_as_well() -> None:
    body = SOLUTIONS["02.1"].partition('Desk("target")\n')[2].partition("\n\n")[0]
    judged = answer("02.1", (f"{body}\n", INSIDE))
    assert judged.all_kept, judged


def test_exercise_1_what_is_acquired_may_be_there_by_half(tmp_path: Path) -> None:
    """When *acquire* is cancelled: so a `try` that begins after it begins too late."""
    program = tmp_path / "half.py"
    program.write_text(HALF)
    outcome = perform(Experiment(program, [], deadline=100))
    assert "task: cancelled\n" in outcome.stdout
    assert [str(leak) for leak in outcome.leaks] == ["temporary file: half.part"]


HALF = """\
import asyncio
from cancelkit.lab.workload import Desk
from cancelkit.lab.workplace import asked


async def main():
    task = asyncio.create_task(Desk("half").acquire())
    while not asked:  # until it has said hello
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    print("task:", "cancelled" if task.cancelled() else "not cancelled")


asyncio.run(main())
"""


def test_exercise_2_to_ask_main_passes_as_well() -> None:
    judged = answer(
        "02.2",
        ("async def new():\n    async with slots:\n", "async def new(main):\n    if not main.cancelling():\n"),
        ("create_task(new(), ", "create_task(new(main), "),
    )
    assert judged.all_kept, judged


def test_exercise_3_around_the_loop_passes_as_well() -> None:
    judged = answer(
        "02.3",
        ("    task.add_done_callback(lambda _: lock.unlink())\n", ""),
        ('asyncio.run(main(Path(tempfile.gettempdir(), "work.lock")))', AROUND),
    )
    assert judged.all_kept, judged
