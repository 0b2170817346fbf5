"""A signal lands on the states that were asked for, however long the program is held up, and wherever.

On one that lasts for ever, and on one that passes in microseconds unless the program is held there.
"""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from signal import SIGINT, SIGWINCH
from typing import Any

import pytest

from cancelkit.lab import Outcome
from cancelkit.trace.events import Event
from cancelkit.trace.states import State, Tracker

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("nothing_left")]

PASSING, LASTING = "active=2,queued=4,ended=1", "active=2,queued=3"
STOPS = 5
SECOND = 1_000_000_000

Interrupt = Callable[..., Outcome]


def landed_on(outcome: Outcome) -> list[dict[str, State]]:
    """For each signal, each task's state when it came, by name."""
    tracker, names, landed = Tracker(), {lane.task: lane.name for lane in outcome.timeline.lanes}, []
    for event in outcome.events:
        tracker.feed(event)
        if event.kind == "signal":
            landed.append({names[task]: state for task, state in tracker.states.items()})
    return landed


def last_signal(outcome: Outcome) -> Event:
    return [event for event in outcome.events if event.kind == "signal"][-1]


def test_a_signal_lands_on_the_same_states_whatever_the_delay(
    interrupt: Interrupt, programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys, time\nif 'imports' in sys.orig_argv: time.sleep(2)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def disturbed(how: str, where: int, *words: str) -> Outcome:
        arguments = [how, str(where), str(programs / "limited.py"), *words]
        return interrupt("delayed.py", PASSING, LASTING, arguments=arguments, signals=[SIGWINCH, SIGINT])

    plain = disturbed("sleep", -1)
    passing, lasting = expected = landed_on(plain)
    assert (passing["job-2"], passing["job-4"]) == (State.AWAITING, State.QUEUED)
    assert (lasting["job-2"], lasting["job-4"]) == (State.FINISHED, State.AWAITING)
    callbacks = sum(began < last_signal(plain).time for began in json.loads(plain.stdout.splitlines()[-1]))
    assert callbacks > 2 * STOPS
    landed = [mark.landed for mark in plain.timeline.signals]
    places: list[tuple[Any, ...]] = [("sleep", where) for where in range(callbacks + 1)]
    places += [("stop", where) for where in range(0, callbacks + 1, callbacks // STOPS)]
    places += [("sleep", -1, "imports")]
    with ThreadPoolExecutor(len(places)) as pool:
        outcomes = [pool.submit(disturbed, *place) for place in places]
        for place, outcome in zip(places, outcomes, strict=True):
            if place[1] > 0:  # and it did happen
                assert last_signal(outcome.result()).time - outcome.result().events[0].time > SECOND
            assert landed_on(outcome.result()) == expected, place
            assert [mark.landed for mark in outcome.result().timeline.signals] == landed, place
            assert outcome.result().ended == plain.ended, place
