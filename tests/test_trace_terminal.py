"""A program that is traced in a terminal: keys reach it as without us, under a shell and with the terminal to itself.

A pseudo-terminal stands in for the window, and bash for the user's shell. Keys are pressed when the program has said
what is waited for.
"""

from __future__ import annotations

import contextlib
import os
import pty
import shlex
import shutil
import signal
import subprocess
import sys
import termios
from pathlib import Path
from typing import Self

import pytest

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("nothing_left")]

ROOT = Path(__file__).parents[1]
CTRL_C, CTRL_Z, CTRL_BACKSLASH = "\x03", "\x1a", "\x1c"


class Terminal:
    """A terminal with one process in it, which leads its session."""

    def __init__(self, *command: object) -> None:
        self._screen, terminal = pty.openpty()
        modes = termios.tcgetattr(terminal)
        modes[3] = modes[3] & ~termios.ECHO | termios.NOFLSH  # so that what is seen is the programs', and all of it
        termios.tcsetattr(terminal, termios.TCSANOW, modes)
        self.text = ""
        self._seen = 0
        self.process = subprocess.Popen(
            [str(word) for word in command],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
            preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),  # which makes it the controlling terminal
        )
        os.close(terminal)

    def type(self, text: str) -> None:
        os.write(self._screen, text.encode())

    def wait_for(self, *texts: str) -> None:
        """Return when all of these have been said, after what was waited for before."""
        while not all(text in self.text[self._seen :] for text in texts):
            self.text += os.read(self._screen, 4096).decode()
        self._seen = max(self.text.index(text, self._seen) + len(text) for text in texts)

    def wait_for_the_end(self) -> tuple[int, str]:
        with contextlib.suppress(OSError):  # what Linux says at the end of a terminal
            while data := os.read(self._screen, 4096):
                self.text += data.decode()
        return self.process.wait(), self.text

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._screen)


@pytest.fixture
def command(programs: Path, tmp_path: Path) -> list[str]:
    """What traces the program that comes after it."""
    return [sys.executable, str(programs / "traces.py"), str(tmp_path / "record.jsonl")]


INTERRUPTED = """
import asyncio, sys

async def job():
    say_soon = asyncio.get_running_loop().call_soon
    try:
        say_soon(print, "at work")
        await asyncio.Event().wait()
    finally:
        say_soon(print, "in cleanup")
        await (asyncio.Event().wait() if sys.argv[1] == "2" else asyncio.sleep(0))
        print("cleaned up")

async def main():
    async with asyncio.TaskGroup() as group:
        group.create_task(job())

asyncio.run(main())
"""


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_without_a_shell(command: list[str], tmp_path: Path, presses: int) -> None:
    """It is the same, but for where in the loop's code the second one lands."""
    program = tmp_path / "program.py"
    program.write_text(INTERRUPTED)
    said = []
    for words in (command, [sys.executable]):
        with Terminal(*words, program, presses) as terminal:
            for wait in ("at work", "in cleanup")[:presses]:
                terminal.wait_for(f"{wait}\r\n")
                terminal.type(CTRL_C)
            returncode, text = terminal.wait_for_the_end()
            said.append((returncode, [line for line in text.splitlines() if line[:2] != "  " or presses == 1]))
    assert said[0] == said[1]
    assert said[0][0] == -signal.SIGINT
    assert said[0][1].count("cleaned up") == (presses == 1)


def test_streams_of_a_terminal_are_gathered_in_the_same_way(command: list[str], tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import os, sys\n"
        "print([os.isatty(number) for number in range(3)], os.tcgetpgrp(0) == os.getpgrp(), os.get_terminal_size())\n"
        "print('printed', end=''); os.write(1, b' written\\n'); print(); print(input('a question '), file=sys.stderr)\n"
    )
    said = []
    for words in (command, [sys.executable]):
        with Terminal(*words, program) as terminal:
            terminal.wait_for("a question ")
            terminal.type("an answer\n")
            said.append(terminal.wait_for_the_end())
    assert said[0] == said[1]
    assert "[True, True, True] True" in said[0][1]


def test_without_a_shell_nothing_is_stopped(command: list[str], programs: Path) -> None:
    """Nobody could make it go on."""
    with Terminal(*command, programs / "receives.py", "reads") as terminal:
        terminal.wait_for("foreground True [True, True, True]", "ready")
        terminal.type(CTRL_Z)
        terminal.type("a line\n")
        terminal.wait_for("read b'a line\\n'")
        os.kill(terminal.process.pid, signal.SIGUSR2)
        terminal.wait_for("SIGUSR2 1")
        assert terminal.wait_for_the_end()[0] == 0


class Shell(Terminal):
    """An interactive bash."""

    def __init__(self) -> None:
        super().__init__(str(shutil.which("bash")), "--norc", "--noprofile", "-i")
        self.type("PS1= TERM=dumb; set +o emacs; echo shell $((40 + 2))\n")
        self.wait_for("shell 42")


needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not there")


@needs_bash
def test_ctrl_c_under_a_shell(command: list[str]) -> None:
    with Shell() as shell:
        shell.type(f"{shlex.join([*command, str(ROOT / 'scripts/task_group.py')])}\n")
        shell.wait_for("job-3: holding", "job-4: holding")
        shell.type(CTRL_C)
        shell.wait_for("KeyboardInterrupt")
        shell.type("echo status $?\n")
        shell.wait_for("status 130")
    assert shell.text.count("cleanup finished") == 4


@needs_bash
def test_ctrl_z_and_fg(command: list[str], programs: Path) -> None:
    with Shell() as shell:
        shell.type(f"{shlex.join([*command, str(programs / 'receives.py'), 'reads'])}\n")
        shell.wait_for("foreground True [True, True, True]", "ready")
        for line in ("one line", "another", "enough"):
            shell.type(CTRL_Z)
            shell.wait_for("Stopped")
            shell.type("fg\n")
            shell.type(f"{line}\n")
            shell.wait_for(f"read b'{line}\\n'")
        for key, name in ((CTRL_C, "SIGINT"), (CTRL_BACKSLASH, "SIGQUIT")):
            shell.type(key)
            shell.wait_for(name)
        shell.type(CTRL_Z)
        shell.wait_for("Stopped")
        shell.type("kill -USR1 %1; fg\n")
        shell.wait_for("SIGUSR1")
        shell.type(CTRL_Z)
        shell.wait_for("Stopped")
        shell.type("kill -USR2 %1; fg\n")
        shell.wait_for("SIGINT 1 SIGQUIT 1 SIGUSR1 1 SIGUSR2 1")


@needs_bash
def test_bg(command: list[str], programs: Path) -> None:
    with Shell() as shell:
        shell.type(f"{shlex.join([*command, str(programs / 'receives.py')])}\n")
        shell.wait_for("foreground True [True, True, True]", "ready")
        shell.type(CTRL_Z)
        shell.wait_for("Stopped")
        shell.type("bg\n")
        shell.type("kill -TERM %1\n")
        shell.wait_for("SIGTERM")
        shell.type("kill -USR1 $!\n")
        shell.wait_for("SIGUSR1")
        shell.type("kill -USR2 $!; fg\n")
        shell.wait_for("SIGTERM 1 SIGUSR1 1 SIGUSR2 1")


@needs_bash
def test_whoever_shares_a_pipeline_has_the_terminal_too(command: list[str], programs: Path, tmp_path: Path) -> None:
    """A pager behind the program reads keys from the terminal, and Ctrl-C and Ctrl-Z reach both."""
    pager = tmp_path / "pager.py"
    pager.write_text(
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, lambda *_: print('pager: interrupted', flush=True))\n"
        "signal.signal(signal.SIGCONT, lambda *_: print('pager: goes on', flush=True))\n"
        "keys = open('/dev/tty')\n"
        "print('pager:', sys.stdin.readline().strip(), keys.readline().strip(), flush=True)\n"
        "for line in sys.stdin: print('pager:', line.strip(), flush=True)\n"
    )
    with Shell() as shell:
        shell.type(f"{shlex.join([*command, str(programs / 'receives.py')])} </dev/null | {sys.executable} {pager}\n")
        shell.type("a key\n")
        shell.wait_for("pager: ready a key")
        shell.type(CTRL_C)
        shell.wait_for("pager: interrupted", "pager: SIGINT")
        shell.type(CTRL_Z)
        shell.wait_for("Stopped")
        shell.type("fg\n")
        shell.wait_for("pager: goes on")
        shell.type(CTRL_C)
        shell.wait_for("pager: interrupted", "pager: SIGINT")
        shell.type(CTRL_Z)
        shell.wait_for("Stopped")
        shell.type("kill -WINCH %1; fg\n")
        shell.wait_for("pager: SIGWINCH")
        shell.type(CTRL_Z)
        shell.wait_for("Stopped")
        shell.type("kill -USR2 $(jobs -p); fg\n")
        shell.wait_for("pager: SIGINT 2 SIGUSR2 1 SIGWINCH 1")


@needs_bash
def test_a_script_is_interrupted_as_well(command: list[str], programs: Path) -> None:
    words = shlex.join([*command, str(programs / "misbehave.py"), "never_runs_a_loop"])
    with Shell() as shell:
        shell.type(f"sh -c {shlex.quote(f'{words}; echo went $((40 + 2))')}; echo status $?\n")
        shell.wait_for("\nready")
        shell.type(CTRL_C)
        shell.wait_for("KeyboardInterrupt")
        shell.type("echo the end $?\n")
        shell.wait_for("the end 130")
    assert "went 42" not in shell.text
