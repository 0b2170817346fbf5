"""A program sees nothing of being recorded: the same output and status, descriptors, signals, environment, tasks."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cancelkit.errors import CancelkitError, MomentNotReachedError
from cancelkit.lab import Experiment, Outcome, perform
from cancelkit.lab.moments import Moment

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


def test_a_disk_that_is_full_before_the_moment_is_an_error_that_says_so(interrupt: Callable[..., Outcome]) -> None:
    """A limit on the size of files stands for it: nobody can know when the moment is."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(
            CancelkitError, match=r"limited\.py cannot be followed: its record could not be kept"
        ) as caught:
            interrupt("limited.py", "active=2,queued=3")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "File too large" in str(caught.value)


def test_an_interrupt_that_is_raised_in_the_wait_says_the_same(tmp_path: Path) -> None:
    """A loop run by hand lets Python's own handler raise; the traceback names the line where the loop waits."""
    program = tmp_path / "by_hand.py"
    program.write_text(
        "import asyncio, sys\n"
        "async def main():\n"
        "    waiter = asyncio.create_task(asyncio.sleep(1000))\n"
        "    asyncio.get_running_loop().call_soon(lambda: print('waiting', flush=True))\n"
        "    await waiter\n"
        "loop = asyncio.new_event_loop()\n"
        "task = loop.create_task(main())\n"
        "try: loop.run_until_complete(task)\n"
        "finally: task.cancel(); loop.run_until_complete(asyncio.wait([task])); loop.close()\n"
    )
    with subprocess.Popen(
        [sys.executable, program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as plain:
        assert plain.stdout is not None
        assert plain.stderr is not None
        assert plain.stdout.readline() == "waiting\n"
        wait_until_it_sleeps(plain.pid)
        plain.send_signal(signal.SIGINT)
        err = plain.stderr.read()
    assert "in select\n" in err
    assert recorded(program, moments="active=1") == ("waiting\n", err, plain.returncode)


def wait_until_it_sleeps(pid: int) -> None:
    """Return when a process waits in its selector, in the kernel."""
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "S":
        os.sched_yield()


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
