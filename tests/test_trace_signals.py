"""Signals to what traces a program reach the program, once each: sent to the process, or to its group. Real signals."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Witness

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("nothing_left")]

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGWINCH", "SIGALRM")
GROUPS: dict[str, dict[str, Any]] = {
    "in our group": {},
    "in a group of its own": {"process_group": 0},
    "in a session of its own": {"start_new_session": True},
}


class Receiver(subprocess.Popen[str]):
    """receives.py, traced."""

    def line(self) -> str:
        assert self.stdout is not None
        line: str = self.stdout.readline()
        return line.removesuffix("\n")

    def ask_for_counts(self) -> str:
        self.send_signal(signal.SIGUSR2)
        assert self.line() == "SIGUSR2"
        return self.line()


@pytest.fixture
def command(programs: Path, tmp_path: Path) -> list[str]:
    """What traces the program that comes after it."""
    return [sys.executable, str(programs / "traces.py"), str(tmp_path / "record.jsonl")]


@contextlib.contextmanager
def receiving(command: list[str], programs: Path, group: str) -> Iterator[Receiver]:
    words = [*command, str(programs / "receives.py")]
    with Receiver(words, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, **GROUPS[group]) as receiver:
        try:
            assert receiver.line() == "ready"
            yield receiver
            assert receiver.wait() == 0
        finally:
            receiver.kill()


@pytest.mark.parametrize("group", GROUPS)
def test_signals_to_the_process(command: list[str], programs: Path, group: str) -> None:
    with receiving(command, programs, group) as receiver:
        for name in NAMES:
            receiver.send_signal(signal.Signals[name])
            assert receiver.line() == name
        assert receiver.ask_for_counts() == " ".join(f"{name} 1" for name in sorted((*NAMES, "SIGUSR2")))


@pytest.mark.parametrize("group", ["in a group of its own", "in a session of its own"])
def test_signals_to_the_group(command: list[str], programs: Path, group: str) -> None:
    with receiving(command, programs, group) as receiver:
        for name in NAMES:
            os.killpg(receiver.pid, signal.Signals[name])
            assert receiver.line() == name
        assert receiver.ask_for_counts() == " ".join(f"{name} 1" for name in sorted((*NAMES, "SIGUSR2")))


def we_can_be_stopped() -> bool:
    """Whether SIGTSTP stops a process of our group, whatever other tests start meanwhile.

    The system lets it only if somebody outside of the group, but in its session, has started one who is in it: who was
    started could be made to go on.
    """
    group, session = os.getpgid(0), os.getsid(0)
    parent = os.getppid()
    while parent > 0 and os.getsid(parent) == session:
        if os.getpgid(parent) != group:
            return True
        parent = _parent_of(parent)
    return False


def _parent_of(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except FileNotFoundError:  # only Linux has it
        return 0


@pytest.mark.parametrize("group", GROUPS)
def test_stopping_and_going_on(command: list[str], programs: Path, group: str) -> None:
    """As with the program alone, who has started it sees it stop; but nobody does where nobody could make it go on."""
    if group == "in our group" and not we_can_be_stopped():
        pytest.skip("nobody could make the group of these tests go on, so the system lets none of it stop")
    with receiving(command, programs, group) as receiver:
        for _ in range(3):
            receiver.send_signal(signal.SIGTSTP)
            if group != "in a session of its own":
                assert os.WSTOPSIG(os.waitpid(receiver.pid, os.WUNTRACED)[1]) == signal.SIGTSTP
                receiver.send_signal(signal.SIGUSR1)
                receiver.send_signal(signal.SIGCONT)
            else:
                receiver.send_signal(signal.SIGUSR1)
            assert receiver.line() == "SIGUSR1"
        assert receiver.ask_for_counts() == "SIGUSR1 3 SIGUSR2 1"


def test_signals_to_a_group_that_is_stopped(command: list[str], programs: Path) -> None:
    """`kill %1` of a shell sends a signal to the group, and SIGCONT; what is sent to the process comes as well."""
    with receiving(command, programs, "in a group of its own") as receiver:
        for _ in range(3):
            os.killpg(receiver.pid, signal.SIGTSTP)
            assert os.WSTOPSIG(os.waitpid(receiver.pid, os.WUNTRACED)[1]) == signal.SIGTSTP
            os.killpg(receiver.pid, signal.SIGTERM)
            receiver.send_signal(signal.SIGHUP)
            os.killpg(receiver.pid, signal.SIGCONT)
            receiver.send_signal(signal.SIGUSR1)
            assert {receiver.line() for _ in range(3)} == {"SIGTERM", "SIGHUP", "SIGUSR1"}
        assert receiver.ask_for_counts() == "SIGHUP 3 SIGTERM 3 SIGUSR1 3 SIGUSR2 1"


@pytest.mark.parametrize("to_group", [True, False])
def test_a_stopped_program_that_is_killed(command: list[str], programs: Path, witness: Witness, to_group: bool) -> None:
    words = [*command, str(programs / "misbehave.py"), "loops_for_ever"]
    with subprocess.Popen(words, process_group=0) as process:
        program = int(witness.line().split()[0])
        os.kill(program, signal.SIGSTOP)
        assert os.WSTOPSIG(os.waitpid(process.pid, os.WUNTRACED)[1]) == signal.SIGSTOP
        if to_group:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            os.kill(program, signal.SIGKILL)
            os.killpg(process.pid, signal.SIGCONT)
        assert process.wait() == -signal.SIGKILL
        witness.wait_for_the_end()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills a process because its parent has ended")
def test_a_program_does_not_live_on_unrecorded(command: list[str], programs: Path, witness: Witness) -> None:
    with subprocess.Popen([*command, str(programs / "misbehave.py"), "ends_only_on_sigint"]) as process:
        assert int(witness.line().split()[1]) == process.pid
        process.kill()
        witness.wait_for_the_end()
    assert process.returncode == -signal.SIGKILL
