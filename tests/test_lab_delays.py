"""A signal lands on the states that were asked for, however long the program is held up, and wherever."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cancelkit.lab.experiment import Outcome
from cancelkit.trace.events import Event
from cancelkit.trace.states import State, Tracker

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("nothing_left")]

MOMENT = "active=2,queued=3"
STOPS = 5
SECOND = 1_000_000_000

Interrupt = Callable[..., Outcome]


def landed_on(outcome: Outcome) -> dict[str, State]:
    """Each task's state when the signal came, by name."""
    tracker, names = Tracker(), {lane.task: lane.name for lane in outcome.timeline.lanes}
    for event in outcome.events:
        if event.kind == "signal":
            break
        tracker.feed(event)
    return {names[task]: state for task, state in tracker.states.items()}


def signal_of(outcome: Outcome) -> Event:
    (sent,) = (event for event in outcome.events if event.kind == "signal")
    return sent


def test_a_signal_lands_on_the_same_states_whatever_the_delay(
    interrupt: Interrupt, programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys, time\nif 'imports' in sys.orig_argv: time.sleep(2)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def disturbed(how: str, where: int, *words: str) -> Outcome:
        arguments = [how, str(where), str(programs / "limited.py"), *words]
        return interrupt("delayed.py", MOMENT, arguments=arguments)

    plain = disturbed("sleep", -1)
    expected = landed_on(plain)
    assert expected["job-3"] is State.AWAITING
    assert expected["job-5"] is State.QUEUED
    callbacks = sum(began < signal_of(plain).time for began in json.loads(plain.stdout.splitlines()[-1]))
    assert callbacks > 2 * STOPS
    places: list[tuple[Any, ...]] = [("sleep", where) for where in range(callbacks + 1)]
    places += [("stop", where) for where in range(0, callbacks + 1, callbacks // STOPS)]
    places += [("sleep", -1, "imports")]
    with ThreadPoolExecutor(len(places)) as pool:
        outcomes = [pool.submit(disturbed, *place) for place in places]
        for place, outcome in zip(places, outcomes, strict=True):
            if place[1] > 0:  # and it did happen
                assert signal_of(outcome.result()).time - outcome.result().events[0].time > SECOND
            assert landed_on(outcome.result()) == expected, place
            assert outcome.result().timeline.signals[0].landed == plain.timeline.signals[0].landed, place
            assert outcome.result().ended == plain.ended, place
