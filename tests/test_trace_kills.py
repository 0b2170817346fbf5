"""SIGKILL loses nothing: what a program said that it did, at once and to somebody else, is in its record.

CANCELKIT_KILLS says how many times a program is killed; `make proof` asks for many.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from cancelkit.trace.events import Event
from cancelkit.trace.starting import environment_for
from cancelkit.trace.tape_reader import TapeReader

pytestmark = pytest.mark.core

KILLS = int(os.environ.get("CANCELKIT_KILLS", "40"))
WORDS = {
    "created": "made",
    "step": "step",
    "cancel requested": "asked",
    "cancel delivered": "reached",
    "ended": "ended",
}
PROGRAM = Path(__file__).parent / "programs" / "tells_the_truth.py"


def killed_after(lines: int, chance: random.Random) -> tuple[list[str], tuple[Event, ...]]:
    """What a program had said when it was killed, some time after so many lines; and what is on its tape."""
    hear, tell = os.pipe()
    with tempfile.TemporaryFile() as record, os.fdopen(hear, "rb", buffering=0) as truth:
        os.set_inheritable(record.fileno(), True)
        program = subprocess.Popen(
            [sys.executable, PROGRAM, str(tell)],
            env=environment_for("cancelkit.trace.child", {"record": record.fileno()}),
            pass_fds=[tell, record.fileno()],
        )
        os.close(tell)
        said = b""
        while said.count(b"\n") < lines:
            said += truth.read(chance.randrange(1, 4000))
        program.send_signal(signal.SIGKILL)
        while data := truth.read(1 << 16):
            said += data
        assert program.wait() == -signal.SIGKILL
        return said.decode().splitlines(), TapeReader(record.fileno()).new_events()


def told_by(events: tuple[Event, ...]) -> list[str]:
    """The same lines, from the record."""
    names: dict[int | None, str] = {}
    lines = []
    for event in events:
        if event.kind in ("created", "named"):
            names[event.task] = event.detail["name"]
        # Up to Python 3.12, a task gets its name right after it was made.
        word = WORDS.get("created" if event.kind == "named" else event.kind)
        if word is not None and (name := names[event.task]).startswith(("job", "waiter")):
            lines.append(f"{word} {name}")
    return lines


def test_all_that_happened_before_a_kill_is_in_the_record() -> None:
    chance = random.Random(3)
    for _ in range(KILLS):
        said, events = killed_after(chance.randrange(1, 3000), chance)
        recorded = told_by(events)
        missing = Counter(said) - Counter(recorded)
        # A step that a cancellation begins is said to have been reached by it; the first step of a queue says nothing.
        assert not missing, (missing, said[-5:], recorded[-5:])
        for word in ("made", "asked", "reached"):
            of_word = [line for line in recorded if line.startswith(word)]
            heard = [line for line in said if line.startswith(word)]
            assert of_word[: len(heard)] == heard
            assert len(of_word) - len(heard) <= 1  # done, and killed before it was said


def test_the_last_step_is_there_while_it_goes_on() -> None:
    said, events = killed_after(500, random.Random(1))
    assert said
    open_steps = {e.task for e in events if e.kind == "step"}
    lasts = {task: [e.kind for e in events if e.task == task][-1] for task in open_steps}
    # One task at most was in the middle of a step.
    assert sum(last == "step" for last in lasts.values()) <= 1
