"""States: a task is where its source says it is, on every Python and in every kind of task."""

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cancelkit.lab import Experiment, Outcome, perform
from cancelkit.trace.events import Event
from cancelkit.trace.reports import report
from cancelkit.trace.states import Counts, State, Tracker

pytestmark = pytest.mark.core

Interrupt = Callable[..., Outcome]

has_eager_tasks = pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")

STATES = {"cleaning": State.CLEANING, "awaiting": State.AWAITING, "queued": State.QUEUED}


@pytest.mark.parametrize("arguments", [(), pytest.param(("eager",), marks=has_eager_tasks)])
def test_every_way_of_waiting(interrupt: Interrupt, arguments: tuple[str, ...]) -> None:
    everything = "active=6,queued=2,cleaning=11,ended=2"
    outcome = interrupt("stands_still.py", everything, arguments=arguments, signals=[signal.SIGKILL])
    assert outcome.ended == "killed by SIGKILL"
    lanes = {lane.name: lane.states for lane in outcome.timeline.lanes if not lane.is_main}
    assert len(lanes) == 6 + 2 + 11 + 2
    for name, states in lanes.items():
        word = name.partition("_")[0].partition(" ")[0]
        if word in STATES:
            assert (name, *states[-2:]) == (name, STATES[word], State.ABANDONED)
            assert states[:2] == (State.NOT_STARTED, State.RUNNING)
    assert lanes["ended_in_cleanup"][-2:] == (State.CLEANING, State.FINISHED)
    begun = (State.RUNNING, State.AWAITING) if arguments else ()  # an eager task begins before it can be cancelled
    assert lanes["cancelled at once"] == (State.NOT_STARTED, *begun, State.CANCELLED)


def recorded(tmp_path: Path, code: str) -> tuple[Event, ...]:
    """The events of a program."""
    program = tmp_path / "program.py"
    program.write_text("import asyncio\n" + code)
    outcome = perform(Experiment(program, [], deadline=100))
    assert outcome.ended == "exited 0", outcome.stderr
    return outcome.events


def test_a_program_that_goes_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of files may be relative to where it was started."""
    (tmp_path / "program.py").write_text("import runpy; runpy.run_path('another.py')")
    (tmp_path / "another.py").write_text(
        "import asyncio, os\n"
        "async def main():\n"
        "    try: os.chdir('/')\n"
        "    finally: await asyncio.sleep(0)\n"
        "asyncio.run(main())\n"
    )
    monkeypatch.chdir(tmp_path)
    (lane,) = perform(Experiment("program.py", [], deadline=100)).timeline.lanes
    assert State.CLEANING in lane.states


@has_eager_tasks
def test_an_eager_task_comes_before_what_it_does(tmp_path: Path) -> None:
    events = recorded(
        tmp_path,
        "async def inner(): raise ValueError\n"
        "async def outer():\n"
        "    try: await asyncio.create_task(inner())\n"
        "    except ValueError: await asyncio.sleep(0)\n"
        "async def main():\n"
        "    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)\n"
        "    await asyncio.create_task(outer(), name='outer')\n"
        "asyncio.run(main())\n",
    )
    assert [(event.kind, event.task) for event in events if event.task in (2, 3) and event.kind != "named"] == [
        ("created", 2),
        ("step", 2),
        ("created", 3),
        ("step", 3),
        ("ended", 3),
        ("suspended", 2),
        ("step", 2),
        ("ended", 2),
    ]


def test_what_a_task_waits_for_and_where(tmp_path: Path) -> None:
    events = recorded(
        tmp_path,
        "async def main():\n"
        "    await asyncio.sleep(0)\n"
        "    await asyncio.sleep(0.001)\n"
        "    await asyncio.wait([asyncio.create_task(asyncio.sleep(0))])\n"
        "    await asyncio.create_task(asyncio.sleep(0))\n"
        "    await asyncio.gather(asyncio.sleep(0))\n"
        "    queue = asyncio.Queue()\n"
        "    asyncio.get_running_loop().call_soon(queue.put_nowait, 1)\n"
        "    await queue.get()\n"
        "asyncio.run(main())\n",
    )
    waits = [
        (event.detail["on"], event.detail["at"]) for event in events if event.kind == "suspended" and event.task == 1
    ]
    expected = ["sleep", "sleep", "tasks", "task", "gather", "Queue"]
    lines = [3, 4, 5, 6, 7, 10]
    assert waits == [(on, f"{tmp_path / 'program.py'}:{line}") for on, line in zip(expected, lines, strict=True)]


def test_a_cancellation_is_delivered_once_however_it_comes(tmp_path: Path) -> None:
    events = recorded(
        tmp_path,
        "async def gathers():\n"
        "    await asyncio.gather(asyncio.sleep(9), return_exceptions=True)\n"
        "async def swallows():\n"
        "    try: await asyncio.sleep(9)\n"
        "    except asyncio.CancelledError: pass\n"
        "async def waits_for_it(task): await task\n"
        "async def main():\n"
        "    swallower = asyncio.create_task(swallows())\n"
        "    tasks = [asyncio.create_task(c) for c in (gathers(), asyncio.sleep(9), waits_for_it(swallower))]\n"
        "    await asyncio.sleep(0.001)\n"
        "    for task in tasks: task.cancel()\n"
        "    await asyncio.wait(tasks)\n"
        "    tasks[0].cancel()\n"
        "asyncio.run(main())\n",
    )
    kinds = [event.kind for event in events]
    names = {event.task: event.detail["coro"] for event in events if event.kind == "created"}
    assert sorted(names[e.task] for e in events if e.kind == "cancel requested") == sorted(
        ["gathers", "sleep", "sleep", "swallows", "waits_for_it"]
    )
    # The task that waits for one that swallows its cancellation is never thrown it.
    assert sorted(names[e.task] for e in events if e.kind == "cancel delivered") == sorted(
        ["gathers", "sleep", "sleep", "swallows"]
    )
    assert kinds.count("ended") == len(names)


def test_a_main_task_for_each_loop(tmp_path: Path) -> None:
    """Also where a loop comes to lie at the address of one that is gone."""
    events = recorded(tmp_path, "for _ in range(20): asyncio.run(asyncio.sleep(0))\n")
    assert [event.task for event in events if event.kind == "main"] == list(range(1, 21))
    assert [event.detail["loop"] for event in events if event.kind == "closed"] == list(range(1, 21))


def test_the_loops_own_tasks_are_not_the_programs(tmp_path: Path) -> None:
    events = recorded(tmp_path, "asyncio.run(asyncio.to_thread(int))\n")
    assert [event.detail["coro"] for event in events if event.kind == "created"] == ["to_thread"]


def test_reports_belong_to_the_task_that_makes_them(tmp_path: Path) -> None:
    events = recorded(
        tmp_path,
        "from cancelkit.trace.reports import report\n"
        "async def job(): report('begun', 'a job')\n"
        "async def main(): await asyncio.create_task(job())\n"
        "asyncio.run(main())\n"
        "report('cleanup begun', 'outside')\n",
    )
    reports = [(e.task, e.detail["what"], e.detail["job"]) for e in events if e.kind == "report"]
    assert reports == [(2, "begun", "a job"), (None, "cleanup begun", "outside")]


def test_a_report_of_something_else() -> None:
    with pytest.raises(ValueError, match="report\\(\\) was told 'started' of 'job-1'; it knows begun, holding"):
        report("started", "job-1")  # type: ignore[arg-type]


def test_counts_are_those_of_the_states() -> None:
    tracker = Tracker()
    rows: list[tuple[int, str, dict[str, Any]]] = [
        (1, "created", {}),
        (1, "main", {}),
        (2, "created", {}),
        (3, "created", {}),
        (4, "created", {}),
        (1, "step", {}),
        (2, "step", {}),
        (2, "suspended", {"on": "Semaphore", "cleanup": False}),
        (3, "step", {}),
        (3, "cancel delivered", {}),
        (3, "suspended", {"on": "sleep", "cleanup": False, "cancelling": True}),
    ]
    for number, kind, detail in rows:
        tracker.feed(Event(0, kind, number, {"name": "", "coro": "", **detail}))
    assert tracker.counts() == Counts(created=1, queued=1, cleaning=1)
    tracker.feed(Event(0, "report", 2, {"what": "cleanup begun", "job": "x"}))
    tracker.feed(Event(0, "ended", 2, {"how": "finished"}))
    counts = tracker.counts()
    assert counts == Counts(created=1, cleaning=1, ended=1, cleanups=1)
    assert str(counts) == "1 created, 1 cleaning, 1 ended"
    assert counts.describe(["cleanups", "begun"]) == "1 created, 1 cleaning, 1 ended, 0 begun, 1 cleanups"
    assert str(Counts()) == "no tasks"
