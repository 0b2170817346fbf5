"""A program sees nothing of being recorded: the same output and status, descriptors, signals, environment, tasks."""

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cancelkit.errors import MomentNotReachedError
from cancelkit.lab.child import _Recording
from cancelkit.lab.experiment import Experiment, Outcome, perform
from cancelkit.lab.moments import Moment
from cancelkit.trace.events import Event, read_events
from cancelkit.trace.states import Counts

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("nothing_left")]


def plainly(program: Path, *arguments: str) -> tuple[str, str, int]:
    """What a program says, and how it ends, without us."""
    done = subprocess.run(
        [sys.executable, program, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        start_new_session=True,
        check=False,
    )
    return done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"), done.returncode


def recorded(program: Path, *arguments: str, moments: str = "") -> tuple[str, str, int]:
    """What it says, and how it ends, when it is recorded."""
    signals = [(Moment.parse(moments), signal.SIGINT)] if moments else []
    outcome = perform(Experiment(program, signals, arguments, deadline=100))
    return outcome.stdout, outcome.stderr, outcome.returncode


@pytest.mark.parametrize("debug", ["", "1"])
def test_tasks_look_the_same(programs: Path, monkeypatch: pytest.MonkeyPatch, debug: str) -> None:
    monkeypatch.setenv("PYTHONDEVMODE", debug)
    plain = plainly(programs / "looks_around.py")
    seen = recorded(programs / "looks_around.py")
    assert (seen[0], seen[2]) == (plain[0], plain[2])
    assert "the end\n" in plain[1]
    if not debug:  # in debug mode tracebacks say who made a task: frames of the recorder are among them
        assert seen[1] == plain[1]


@pytest.mark.parametrize("pythonpath", [None, "", "/nowhere", "SITE"])
def test_the_process_looks_the_same(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pythonpath: str | None
) -> None:
    (tmp_path / "sitecustomize.py").write_text("")
    if pythonpath is None:
        monkeypatch.delenv("PYTHONPATH", raising=False)
    else:
        monkeypatch.setenv("PYTHONPATH", pythonpath.replace("SITE", str(tmp_path)))
    monkeypatch.setenv("LINES_OF_A_TERMINAL", "a\nb")
    plain = plainly(programs / "misbehave.py", "tells_what_it_sees", "a b", "c\nd")
    assert recorded(programs / "misbehave.py", "tells_what_it_sees", "a b", "c\nd") == plain
    assert plain[2] == 0
    assert ("sitecustomize.py" in plain[0]) == (pythonpath == "SITE")


def test_a_sitecustomize_that_fails_fails_the_same(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text("raise RuntimeError('its own fault')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    plain = plainly(programs / "misbehave.py", "ends_at_once")
    assert recorded(programs / "misbehave.py", "ends_at_once") == plain
    assert "its own fault" in plain[1]


@pytest.mark.parametrize("name", ["ends_at_once", "exits_without_cleanup", "becomes_another", "reads_stdin"])
def test_programs_end_the_same(programs: Path, name: str) -> None:
    assert recorded(programs / "misbehave.py", name) == plainly(programs / "misbehave.py", name)


def test_an_interrupted_program_ends_the_same(programs: Path) -> None:
    """Stopped at one place, with and without us; the signal itself finds it in its selector either way."""
    program = [sys.executable, str(programs / "limited.py")]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as plain:
        assert plain.stdout is not None
        assert plain.stderr is not None
        first = [plain.stdout.readline() for _ in range(6)]
        plain.send_signal(signal.SIGINT)
        out, err = "".join(first) + plain.stdout.read(), plain.stderr.read()
    seen = recorded(programs / "limited.py", moments="active=2,queued=3")
    # A task group cancels its tasks in the order of a set.
    assert sorted(seen[0].splitlines()) == sorted(out.splitlines())
    assert seen[1:] == (err, plain.returncode)
    assert plain.returncode == -signal.SIGINT


def test_signals_are_as_in_a_terminal(programs: Path) -> None:
    """Whatever the parent ignores and blocks."""
    before = {signum: signal.signal(signum, signal.SIG_IGN) for signum in (signal.SIGINT, signal.SIGHUP)}
    try:
        ignoring = recorded(programs / "misbehave.py", "tells_what_it_sees")
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
    assert ignoring == plainly(programs / "misbehave.py", "tells_what_it_sees")


@pytest.mark.parametrize("room", [0, 1000])
def test_a_full_disk_is_no_error_of_the_program(interrupt: Callable[..., Outcome], room: int) -> None:
    """A limit on the size of files stands for it: the record ends early, the program and the signal do not."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        outcome = interrupt("limited.py", "active=2,queued=3")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert outcome.ended == "killed by SIGINT"
    assert sorted(outcome.stdout.splitlines())[-1] == "job-4 works"
    assert 0 < len(outcome.events) < 20  # the signal at least, which the parent saw


def test_events_come_from_any_thread_and_from_handlers_in_the_middle_of_another() -> None:
    class Tracker:
        """One that can be told from several at once, and from itself."""

        def __init__(self) -> None:
            self.fed: list[str] = []
            self.is_inside = False

        def feed(self, event: Event) -> None:
            if event.kind == "first":
                recording.keep(Event(0, "in the middle"))
            assert not self.is_inside
            self.is_inside = True
            time.sleep(0)
            self.fed.append(event.kind)
            self.is_inside = False

        counts = Counts

    with tempfile.TemporaryFile() as file:
        recording = _Recording(file.fileno())
        recording._tracker = tracker = Tracker()  # type: ignore[assignment]
        recording.keep(Event(0, "first"))
        assert tracker.fed == ["in the middle", "first"]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(recording.keep, [Event(0, "another")] * 2000))
        assert len(tracker.fed) == 2002
        file.seek(0)
        assert len(read_events(file.read())) == 2002


def test_several_signals_each_land_on_their_moment(interrupt: Callable[..., Outcome]) -> None:
    moments = ("active=2,queued=5", "active=2,queued=3")
    outcome = interrupt("limited.py", *moments, signals=(signal.SIGWINCH, signal.SIGINT))
    assert [str(mark) for mark in outcome.timeline.signals] == [
        "signal 1: SIGWINCH, landed on 2 active, 5 queued",
        "signal 2: SIGINT, landed on 2 active, 3 queued, 2 ended",
    ]
    with pytest.raises(
        MomentNotReachedError, match=r"ended \(killed by SIGINT\), and the moment ended=70 had not come"
    ):
        interrupt("limited.py", *moments, "ended=70", signals=(signal.SIGWINCH, signal.SIGINT))


def test_sigterm_goes_to_the_program_and_sigint_to_its_group(interrupt: Callable[..., Outcome], tmp_path: Path) -> None:
    """As `kill` sends it, and as a terminal does."""
    program = tmp_path / "with_a_child.py"
    program.write_text(
        "import asyncio, subprocess, sys, signal\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; print(flush=True); time.sleep(1000)'],"
        " stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)\n"
        "child.stdout.readline()\n"
        "signal.signal(signal.SIGTERM, signal.default_int_handler)\n"
        "try: asyncio.run(asyncio.sleep(1000))\n"
        "except KeyboardInterrupt: pass\n"
        "if sys.argv[1] == 'SIGTERM': child.kill()\n"
        "print(child.wait())\n"
    )
    for signum, status in ((signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, -signal.SIGKILL)):
        outcome = perform(Experiment(program, [(Moment.parse("active=0"), signum)], [signum.name], deadline=100))
        assert outcome.stdout == f"{status:d}\n"


def test_descriptors_of_the_kit_do_not_reach_programs_that_the_program_starts(tmp_path: Path) -> None:
    program = tmp_path / "starts_another.py"
    code = "import os; print(*sorted(os.listdir('/dev/fd')))"
    program.write_text(f"import os, sys; os.execv(sys.executable, [sys.executable, '-c', {code!r}])")
    assert recorded(program) == plainly(program)
