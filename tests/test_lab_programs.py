"""Programs that are hard to interrupt: the error says which, what for, what was seen and the end of its stderr."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cancelkit.errors import CancelkitError, MomentNotReachedError, UnusableProgramError
from cancelkit.lab import Experiment, Outcome, conducting, launched, perform
from cancelkit.lab.captured import KEPT_OF_OUTPUT, Output
from cancelkit.lab.moments import Moment

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("nothing_left")]

ACTIVE = ((Moment.parse("active=1"), signal.SIGINT),)
NO_LOOP = "none: it never waited in an asyncio event loop"

Misbehave = Callable[..., Outcome]


class Clock:
    """Time as it is, until the program says that it is ready; then every deadline has passed."""

    def __init__(self) -> None:
        self.is_late = False

    def monotonic(self) -> float:
        return time.monotonic() + 1e6 * self.is_late

    monotonic_ns = staticmethod(time.monotonic_ns)


@pytest.fixture
def deadline_when_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline passes when the program writes "ready" to stderr."""
    clock = Clock()
    add = Output.add

    def add_and_see(output: Output, data: bytes) -> None:
        clock.is_late |= data.startswith(b"ready")
        add(output, data)

    monkeypatch.setattr(Output, "add", add_and_see)
    monkeypatch.setattr(launched, "time", clock)
    monkeypatch.setattr(conducting, "time", clock)


def refusal(program: Path | str, *arguments: str, kind: type[Exception] = MomentNotReachedError) -> str:
    with pytest.raises(kind) as caught:
        perform(Experiment(program, ACTIVE, arguments, deadline=100))
    assert str(program) in str(caught.value) or repr(str(program))[1:-1] in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["nothing/here.py", "nothing\0here.py", "-c", ""])
def test_no_such_program(name: str) -> None:
    error = refusal(name and Path(name), kind=UnusableProgramError)
    assert "does not exist" in error or "is a directory" in error
    assert "give the path of a Python program" in error


def test_not_a_file(tmp_path: Path) -> None:
    assert "is a directory" in refusal(tmp_path, kind=UnusableProgramError)
    os.mkfifo(tmp_path / "pipe")
    assert "is no file" in refusal(tmp_path / "pipe", kind=UnusableProgramError)


@pytest.mark.parametrize("word", ["a\0b", "\ud800", "x" * 3_000_000])
def test_arguments_that_no_process_can_have(programs: Path, word: str) -> None:
    assert "cannot start" in refusal(programs / "misbehave.py", word, kind=UnusableProgramError)


@pytest.mark.parametrize(
    ("code", "status", "complaint"),
    [
        ("def", 1, "SyntaxError"),
        ("\0", 1, "null byte"),
        ("import no_such_module", 1, "No module named 'no_such_module'"),
        ("import os, sys; os.write(2, b'why\\n'); sys.exit(5)", 5, "    why"),
    ],
)
def test_a_program_that_does_not_run(tmp_path: Path, code: str, status: int, complaint: str) -> None:
    program = tmp_path / "wrong.py"
    program.write_text(code)
    error = refusal(program)
    assert f"{program} ended (exited {status}), and the moment active=1 had not come." in error
    assert f"States seen while its loop was waiting: {NO_LOOP}." in error
    assert complaint in error.partition("The end of its stderr:")[2]


@pytest.mark.parametrize(
    ("name", "status", "seen"),
    [
        ("ends_at_once", 0, NO_LOOP),
        ("ends_too_early", 3, "waiting: no tasks."),
        ("exits_without_cleanup", 7, NO_LOOP),
        ("becomes_another", 8, NO_LOOP),
        ("reads_stdin", 9, NO_LOOP),
        ("closes_every_descriptor", 4, "waiting: no tasks."),
    ],
)
def test_a_program_that_ends_before_the_moment(misbehave: Misbehave, name: str, status: int, seen: str) -> None:
    with pytest.raises(MomentNotReachedError) as caught:
        misbehave(name)
    assert f"misbehave.py ended (exited {status}), and the moment active=1 had not come." in str(caught.value)
    assert seen in str(caught.value)
    assert "Its stderr is empty." in str(caught.value)


def test_only_the_end_of_stderr_is_shown(misbehave: Misbehave) -> None:
    with pytest.raises(MomentNotReachedError) as caught:
        misbehave("writes_odd_complaints")
    assert "complaint 38" in str(caught.value)
    assert "complaint 37" not in str(caught.value)
    assert len(str(caught.value)) < 8000


@pytest.mark.usefixtures("deadline_when_ready")
@pytest.mark.parametrize(
    ("name", "moment", "seen"),
    [
        ("never_runs_a_loop", "active=1", NO_LOOP),
        (
            "never_gets_there",
            "active=3,begun=2",
            "waiting: no tasks, 0 begun; 3 created, 0 begun; 3 active, 0 begun; 3 ended, 0 begun.",
        ),
        ("stops_itself", "active=1", NO_LOOP),
    ],
)
def test_a_moment_that_never_comes(
    misbehave: Misbehave, monkeypatch: pytest.MonkeyPatch, name: str, moment: str, seen: str
) -> None:
    monkeypatch.setattr(launched, "SECONDS_TO_EXPLAIN", 0.01)
    with pytest.raises(MomentNotReachedError) as caught:
        misbehave(name, moment)
    assert f"misbehave.py did not end within 100 s, and the moment {moment} had not come." in str(caught.value)
    assert seen in str(caught.value)
    assert "    ready" in str(caught.value)


@pytest.mark.usefixtures("deadline_when_ready")
def test_a_moment_between_two_callbacks(misbehave: Misbehave) -> None:
    with pytest.raises(MomentNotReachedError, match="came between two callbacks of the loop"):
        misbehave("never_gets_there", "active=1,ended=2")


@pytest.mark.usefixtures("deadline_when_ready")
def test_a_program_that_ignores_all_signals(misbehave: Misbehave, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launched, "SECONDS_TO_EXPLAIN", 0.01)
    outcome = misbehave("ignores_all_signals")
    assert (outcome.hung, outcome.ended) == (True, "hung and was killed")
    assert outcome.returncode == -signal.SIGKILL
    assert [str(mark) for mark in outcome.timeline.signals] == ["signal 1: SIGINT, landed on 1 active"]
    assert {lane.name for lane in outcome.abandoned} == {"main", "waiter"}


@pytest.mark.usefixtures("deadline_when_ready")
def test_a_hung_program_shows_where(misbehave: Misbehave) -> None:
    outcome = misbehave("blocks_the_loop")
    assert outcome.hung
    assert "in block\n" in outcome.stacks
    assert outcome.stderr == "ready\n"


def test_output_without_end_is_cut(misbehave: Misbehave) -> None:
    outcome = misbehave("writes_a_lot")
    assert outcome.stdout.startswith("the first line\nxxx")
    assert outcome.stdout.endswith("xxx\nthe last line\n")
    cut = 100_000_000 + len("the first line\n\nthe last line\n") - 2 * KEPT_OF_OUTPUT
    assert f"\n[cancelkit: {cut} bytes of output left out here]\n" in outcome.stdout
    assert len(outcome.stdout) < 2 * KEPT_OF_OUTPUT + 100


@pytest.mark.parametrize("chunk", [1, 7, 8, 40])
@pytest.mark.parametrize("size", [0, 1, 8, 9, 16, 17, 24, 25, 100])
def test_output_is_cut_only_where_it_must_be(size: int, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = 8
    monkeypatch.setattr("cancelkit.lab.captured.KEPT_OF_OUTPUT", kept)
    data = bytes(65 + n % 26 for n in range(size))
    output = Output()
    for start in range(0, size, chunk):
        output.add(data[start : start + chunk])
    note = f"\n[cancelkit: {size - 2 * kept} bytes of output left out here]\n".encode()
    whole = data if size <= 2 * kept else data[:kept] + note + data[-kept:]
    assert output.text() == output.text() == whole.decode()


@pytest.mark.parametrize(
    ("name", "moment", "landed", "ended"),
    [
        ("closes_its_pipes", "active=1", "1 active", "killed by SIGINT"),
        ("deletes_its_environment", "active=1", "1 active", "killed by SIGINT"),
        ("has_its_own_handlers", "active=1", "1 active", "exited 0"),
        ("uses_threads", "active=1", "1 active", "killed by SIGINT"),
        ("runs_loops_in_threads", "active=1,ended=600", "1 active, 600 ended", "killed by SIGINT"),
        ("runs_loops_in_a_row", "active=1", "1 active", "killed by SIGINT"),
        ("forks_a_loop", "created=1", "1 created", "killed by SIGINT"),
        ("gives_odd_names", "active=1", "1 active", "killed by SIGINT"),
    ],
)
def test_programs_that_can_be_interrupted_all_the_same(
    misbehave: Misbehave, name: str, moment: str, landed: str, ended: str
) -> None:
    outcome = misbehave(name, moment)
    assert outcome.ended == ended
    assert [str(mark.landed) for mark in outcome.timeline.signals] == [landed]


def test_a_fork_is_not_held(misbehave: Misbehave) -> None:
    assert misbehave("forks_a_loop", "created=1").stdout == "the fork exited 0\n"


def test_paths_with_odd_characters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = (Path(__file__).parent / "programs/misbehave.py").read_text()
    for name in ("a b", "a\nb", "ä🦑", "-c", "-"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        for program in (tmp_path / name / f"{name}.py", Path(name)):
            program.write_text(code)
            outcome = perform(Experiment(program, ACTIVE, ["loops_for_ever"], deadline=100))
            assert outcome.ended == "killed by SIGINT"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"deadline": 0}, "deadline is 0"),
        ({"deadline": float("nan")}, "deadline is nan"),
        ({"deadline": float("inf")}, "deadline is inf"),
        ({"arguments": "--port"}, "arguments is '--port'"),
        ({"arguments": [1]}, r"arguments is \[1\]"),
        ({"signals": [("active=1", signal.SIGINT)]}, "is not a moment and a signal"),
        ({"signals": [(Moment(()), 2)]}, "is not a moment and a signal"),
    ],
)
def test_an_experiment_that_cannot_be_made(change: dict[str, Any], says: str) -> None:
    with pytest.raises(CancelkitError, match=says):
        Experiment(**{"program": "x.py", "signals": ACTIVE, **change})


def test_a_text_is_found_however_it_comes_in_pieces() -> None:
    for size in range(1, 12):
        output = Output({"ready: ☺", "no"})
        data = "not rea ready: ☺\n".encode()
        for start in range(0, len(data), size):
            output.add(data[start : start + size])
        assert output.seen == {"ready: ☺", "no"}
    assert Output({"ready"}).seen == set()
