"""Moments in real programs: a signal lands when its moment has come, and at no other time.

The jobs wait for a server on loopback, which never answers before the last signal; no timer runs anywhere.
"""

import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cancelkit.errors import MomentNotReachedError
from cancelkit.lab import Experiment, Outcome, active, holding, output, perform, signals_at
from cancelkit.lab.launched import Launched
from cancelkit.lab.moments import Moment, Moments
from cancelkit.lab.scenarios import STAGE
from cancelkit.lab.server import JobServer

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("nothing_left")]

JOBS = ("long",) * 5


def play(
    when: Moment | Moments | str, *kinds: str, signals: Sequence[signal.Signals] = (), words: Sequence[str] = ()
) -> Outcome:
    """Jobs of these kinds, two at a time in a task group, and signals."""
    arguments = (*words, "cancelkit.patterns.task_group:run_tasks", "asyncio:run", "2", *(kinds or JOBS))
    return perform(Experiment(STAGE, signals_at(when, signals), arguments, deadline=60, pace=0))


@pytest.mark.parametrize(
    ("when", "landed"),
    [
        ("before-start", ["no tasks, before start"]),
        ("created=5", ["5 created"]),
        ("active=2,queued=3", ["2 active, 3 queued"]),
        ("active=2 and queued=3", ["2 active, 3 queued"]),
        ("begun=2", ["2 active, 3 queued"]),
        ("holding=2", ["2 active, 3 queued"]),
        ("holding=2 then cleaning=2", ["2 active, 3 queued", "2 cleaning, 3 ended"]),
        ("holding=2 then cleanups=2", ["2 active, 3 queued", "2 cleaning, 3 ended"]),
        ("holding=2 then halfway=2 and ended=3", ["2 active, 3 queued", "2 cleaning, 3 ended"]),
        ("output=job-2: holding then halfway=2", ["2 active, 3 queued", "2 cleaning, 3 ended"]),
        ('holding=2 and output="job-2: holding\\n"', ["2 active, 3 queued"]),
        ("holding=2 then at-once", ["2 active, 3 queued"] * 2),
    ],
)
def test_where_signals_land(when: str, landed: list[str]) -> None:
    outcome = play(when)
    assert [str(mark.landed) for mark in outcome.timeline.signals] == landed
    assert outcome.ended == "killed by SIGINT"


@pytest.mark.parametrize(("before", "after"), [(0.3, 0.0), (0.0, 0.3)])
def test_an_experimenter_that_is_late(before: float, after: float, monkeypatch: pytest.MonkeyPatch) -> None:
    # What the program says meanwhile was said before it received the signal; and what it does has to be seen.
    send = Launched.send

    def send_slowly(launched: Launched, signum: signal.Signals) -> int:
        time.sleep(before)
        sent = send(launched, signum)
        time.sleep(after)
        return sent

    monkeypatch.setattr(Launched, "send", send_slowly)
    outcome = play("output=job-2: holding then halfway=2")
    assert [str(mark.landed) for mark in outcome.timeline.signals] == ["2 active, 3 queued", "2 cleaning, 3 ended"]


@pytest.mark.parametrize("pace", [0.0, 1.0])
def test_a_program_that_keeps_its_loop_spinning_has_its_answers(programs: Path, pace: float) -> None:
    when = signals_at("holding=1 then halfway=1")
    words = ["keeps_the_loop_spinning"]
    outcome = perform(Experiment(programs / "misbehave.py", when[:1], words, deadline=60, pace=pace))
    assert (outcome.ended, outcome.hung, outcome.cleanups_finished) == ("killed by SIGINT", False, 1)
    outcome = perform(Experiment(programs / "misbehave.py", when, words, deadline=60, pace=pace))
    assert [str(mark.landed) for mark in outcome.timeline.signals] == ["2 active", "1 active, 1 cleaning"]


def test_turns_are_counted_from_what_was_asked_last(programs: Path) -> None:
    words = ["turns_before_and_after_it_asks"]
    outcome = perform(Experiment(programs / "misbehave.py", [], words, deadline=60, pace=0, expect=0))
    said = outcome.stdout.splitlines()
    assert said.index("now the loop waits") < said.index("job-1: holding")


def test_a_server_that_is_slow_to_answer_several(monkeypatch: pytest.MonkeyPatch) -> None:
    # The program does not run until all have their answers, or those who had theirs first would be ahead.
    answer = JobServer._answer

    def answer_slowly(server: JobServer, guest: Any) -> None:
        answer(server, guest)
        if guest.job == "job-1":
            time.sleep(0.1)

    monkeypatch.setattr(JobServer, "_answer", answer_slowly)
    outcome = play("halfway=2", "short", "short", "long")
    assert [str(mark.landed) for mark in outcome.timeline.signals] == ["1 queued, 2 cleaning"]


def test_closing() -> None:
    outcome = play("closing", "short", words=["--leftover"])
    (mark,) = outcome.timeline.signals
    kinds = [event.kind for event in outcome.events]
    assert mark.landed.closing
    assert kinds.index("closing") < kinds.index("signal") < kinds.index("exit")


def test_a_text_is_waited_for_together_with_counts() -> None:
    """The text comes with the first job's begin, the counts later; each alone would land earlier."""
    text = output("job-1: begun")
    assert str(play(text & holding(2)).timeline.signals[0].landed) == "2 active, 3 queued"
    with pytest.raises(MomentNotReachedError, match="and the moment holding=2,output=nonsense had not come"):
        perform(
            Experiment(
                STAGE,
                signals_at(holding(2) & output("nonsense")),
                ["cancelkit.patterns.task_group:run_tasks", "asyncio:run", "2", "short", "short"],
                deadline=60,
                pace=0,
            )
        )


def test_a_text_in_two_pieces(tmp_path: Path) -> None:
    program = tmp_path / "stutters.py"
    program.write_text(
        "import os, sys, threading\n"
        "for piece in (b'I am rea', b'dy: \\xe2', b'\\x98\\xba\\n'):\n"
        "    os.write(1, piece)\n"
        "    os.read(int(sys.argv[1]), 1) if len(sys.argv) > 1 else None\n"
        "threading.Event().wait()\n"
    )
    outcome = perform(Experiment(program, [(output("ready: ☺"), signal.SIGTERM)], deadline=60))
    assert (outcome.stdout, outcome.ended) == ("I am ready: ☺\n", "killed by SIGTERM")


def test_at_once_nothing_runs_in_between() -> None:
    """And each signal is received on its own: the kernel does not merge them."""
    outcome = play("holding=2 then at-once then at-once", signals=[signal.SIGINT])
    kinds = [event.kind for event in outcome.events]
    first, last = kinds.index("signal"), len(kinds) - 1 - kinds[::-1].index("signal")
    assert kinds[first : last + 1] == ["signal"] * 3
    assert kinds.count("signal received") == 3


def test_at_once_after_the_program_was_killed_by_the_first_one() -> None:
    outcome = play("holding=2 then at-once", signals=[signal.SIGTERM])
    assert outcome.ended == "killed by SIGTERM"


def test_at_once_after_a_text() -> None:
    outcome = play("output=job-2: holding then at-once", signals=[signal.SIGWINCH, signal.SIGINT])
    assert [mark.name for mark in outcome.timeline.signals] == ["SIGWINCH", "SIGINT"]
    assert outcome.ended == "killed by SIGINT"


def test_a_signal_that_changes_nothing_lets_the_program_go_on() -> None:
    """All jobs are held up by the server until the last signal has been sent, and go on then."""
    outcome = play("holding=2 then at-once", signals=[signal.SIGWINCH])
    assert outcome.ended == "exited 0"
    assert outcome.cleanups_finished == 5
    assert outcome.clean


@pytest.mark.parametrize("when", ["holding=2", "holding=2 then at-once then at-once"])
def test_a_handler_that_only_takes_a_note_wakes_nobody_and_the_program_goes_on(when: str, tmp_path: Path) -> None:
    program = tmp_path / "notes.py"
    program.write_text(
        "import asyncio, signal\n"
        "from cancelkit.lab.workload import make_jobs\n"
        "noted = []\n"
        "signal.signal(signal.SIGINT, lambda *_: noted.append(1))\n"
        "async def main():\n"
        "    async with asyncio.TaskGroup() as group:\n"
        "        for job in make_jobs(2):\n"
        "            group.create_task(job())\n"
        "    print('noted:', len(noted))\n"
        "asyncio.run(main())\n"
    )
    outcome = perform(Experiment(program, signals_at(when), deadline=60, expect=0))
    assert (outcome.ended, outcome.stdout.splitlines()[-1]) == ("exited 0", f"noted: {len(when.split(' then '))}")


def test_moments_after_a_text_are_waited_for_as_well() -> None:
    outcome = play(output("job-2: holding").then(active(2)), signals=[signal.SIGWINCH, signal.SIGINT])
    assert [str(mark) for mark in outcome.timeline.signals] == [
        "signal 1: SIGWINCH, landed on 2 active, 3 queued",
        "signal 2: SIGINT, landed on 2 active, 3 queued",
    ]
