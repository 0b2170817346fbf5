"""Nothing is left of an experiment: when it is over, or when the process that makes it is interrupted or killed."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from conftest import Witness

from cancelkit.errors import CancelkitError, UnusableProgramError
from cancelkit.lab import Experiment, Outcome, perform
from cancelkit.lab.captured import Output
from cancelkit.lab.interrupts import HeldInterrupts
from cancelkit.lab.moments import Moment

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("nothing_left")]

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt orphans and read /proc")

Misbehave = Callable[..., Outcome]


@pytest.mark.parametrize(
    "name",
    [
        "leaves_a_grandchild",
        pytest.param("leaves_a_daemon", marks=on_linux),
        pytest.param("leaves_a_talkative_daemon", marks=on_linux),
    ],
)
def test_descendants_end_with_the_program(misbehave: Misbehave, witness: Witness, name: str) -> None:
    outcome = misbehave(name)
    assert outcome.ended == "killed by SIGINT"
    witness.line()
    witness.wait_for_the_end()


def while_it_runs(witness: Witness, act: Callable[[int, int], None]) -> threading.Thread:
    """Act on the program and on its supervisor when the program runs."""
    thread = threading.Thread(target=lambda: act(*map(int, witness.line().split())))
    thread.start()
    return thread


@pytest.mark.parametrize("name", ["loops_for_ever", pytest.param("leaves_a_daemon", marks=on_linux)])
def test_descendants_end_with_an_error(misbehave: Misbehave, witness: Witness, name: str) -> None:
    killer = while_it_runs(witness, lambda program, _: os.kill(program, signal.SIGKILL))
    with pytest.raises(CancelkitError, match="killed by SIGKILL"):
        misbehave(name, "active=100")
    killer.join()
    witness.wait_for_the_end()


def test_the_program_ends_when_its_supervisor_is_killed(misbehave: Misbehave, witness: Witness) -> None:
    killer = while_it_runs(witness, lambda _, supervisor: os.kill(supervisor, signal.SIGKILL))
    with pytest.raises(CancelkitError, match="somebody killed the process that watches over it"):
        misbehave("loops_for_ever", "active=100")
    killer.join()
    witness.wait_for_the_end()


def test_the_supervisor_outlives_every_other_signal(misbehave: Misbehave, witness: Witness) -> None:
    def send_all(program: int, supervisor: int) -> None:
        for signum in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            os.kill(supervisor, signum)
        os.kill(program, signal.SIGTERM)

    sender = while_it_runs(witness, send_all)
    with pytest.raises(CancelkitError, match="killed by SIGTERM"):
        misbehave("loops_for_ever", "active=100")
    sender.join()
    witness.wait_for_the_end()


@on_linux
@pytest.mark.parametrize(("signum", "step"), [("SIGINT", 5), ("SIGKILL", 11), ("SIGTERM", 29)])
def test_nothing_outlives_an_experiment_that_is_ended_at_any_line(programs: Path, signum: str, step: int) -> None:
    """The lines are taken in steps to save time: each number that is no divisor of another reaches other lines."""
    done = subprocess.run(
        [sys.executable, programs / "experimenter.py", signum, "1", str(step)],
        capture_output=True,
        text=True,
        check=True,
    )
    *lines, last = done.stdout.splitlines()
    assert last.endswith("there is none; left:")
    assert len(lines) > 100 // step
    expected = {"SIGINT": "KeyboardInterrupt; left:"}.get(signum, f"killed by {signum}; left: (nothing")
    assert [line for line in lines if f": {expected}" not in line] == []
    assert [line for line in lines if not re.search(r"left:( \(nothing after .* s\))?$", line)] == []
    assert done.stderr == ""


@pytest.mark.parametrize("name", ["loops_for_ever", "ends_at_once", "never_gets_there"])
def test_a_fork_that_holds_everything_open_delays_nothing(
    misbehave: Misbehave, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A process that is forked from this one, at the worst time, has both ends of every pipe and link."""
    hold, let_go = os.pipe()
    forked: list[int] = []
    start = subprocess.Popen.__init__

    def start_and_fork(process: "subprocess.Popen[bytes]", *args: Any, **kwargs: Any) -> None:
        start(process, *args, **kwargs)
        if (pid := os.fork()) == 0:
            os.close(let_go)
            os.read(hold, 1)
            os._exit(0)
        forked.append(pid)

    monkeypatch.setattr(subprocess.Popen, "__init__", start_and_fork)
    killed: list[int] = []

    def note_and_kill(process: "subprocess.Popen[bytes]") -> None:
        killed.append(process.pid)
        process.send_signal(signal.SIGKILL)

    monkeypatch.setattr(subprocess.Popen, "kill", note_and_kill)
    with contextlib.suppress(CancelkitError, ZeroDivisionError):
        if name == "never_gets_there":  # and is to be killed, because of an error here
            monkeypatch.setattr(Output, "add", lambda *_: 1 / 0)
        misbehave(name)
    os.close(let_go)
    os.close(hold)
    assert os.waitpid(forked[0], 0)[1] == 0
    assert killed == []  # as the supervisor is when it does not obey


def test_a_fork_that_holds_everything_open_saves_no_child(programs: Path, witness: Witness) -> None:
    with subprocess.Popen(
        [sys.executable, programs / "forking_experimenter.py"], stdin=subprocess.PIPE
    ) as experimenter:
        witness.line()
        experimenter.kill()
        witness.wait_for_the_end()


def test_many_experiments_in_a_row(misbehave: Misbehave) -> None:
    for _ in range(12):
        misbehave("loops_for_ever")


def test_many_experiments_at_once_in_threads(misbehave: Misbehave) -> None:
    handler = signal.getsignal(signal.SIGINT)
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(misbehave, ["loops_for_ever", "has_its_own_handlers"] * 8))
    assert [outcome.ended for outcome in outcomes] == ["killed by SIGINT", "exited 0"] * 8
    assert signal.getsignal(signal.SIGINT) is handler


@pytest.mark.parametrize("how", [signal.SIG_IGN, signal.SIG_DFL])
def test_sigint_without_a_handler_here_changes_nothing_there(misbehave: Misbehave, how: signal.Handlers) -> None:
    """What `nohup`, a shell's `&` and `trap '' INT` hand down."""
    before = signal.signal(signal.SIGINT, how)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        assert misbehave("loops_for_ever").ended == "killed by SIGINT"
        assert signal.getsignal(signal.SIGINT) is how
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
        signal.signal(signal.SIGINT, before)


def test_a_handler_that_raises_nothing_is_asked_and_the_experiment_goes_on(misbehave: Misbehave) -> None:
    """As a notebook's in an async cell."""
    asked: list[int] = []
    before = signal.signal(signal.SIGINT, lambda signum, _: asked.append(signum))
    timer = threading.Timer(0.0, os.kill, (os.getpid(), signal.SIGINT))
    try:
        timer.start()
        assert misbehave("loops_for_ever").ended == "killed by SIGINT"
        timer.join()
        assert asked == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, before)


def test_while_a_handler_runs_the_next_ctrl_c_waits() -> None:
    order: list[str] = []

    def handler(*_: object) -> None:
        order.append("begin")
        if order.count("begin") == 1:
            signal.raise_signal(signal.SIGINT)
        order.append("end")

    before = signal.signal(signal.SIGINT, handler)
    try:
        with HeldInterrupts() as interrupts:
            signal.raise_signal(signal.SIGINT)
            order.append("it was held")
            with interrupts.let_in():
                order.append("it was let in")
            order.append("the next was held")
        assert order == ["it was held", "begin", "end", "it was let in", "the next was held", "begin", "end"]
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_python_that_ends_before_the_program(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    for _ in range(3):  # whichever is seen first, its end or what it complains of
        with pytest.raises(UnusableProgramError, match="is it a Python that runs") as caught:
            perform(Experiment(programs / "misbehave.py", [(Moment.parse("active=1"), signal.SIGINT)]))
        assert "The end of its stderr:" in str(caught.value)


def test_a_python_that_is_not_there(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(UnusableProgramError, match=r"cannot start .*No such file"):
        perform(Experiment(programs / "misbehave.py", [(Moment.parse("active=1"), signal.SIGINT)]))
