"""By hand: each program started in a terminal, and Ctrl-C pressed on its keyboard, does what the README says.

A pseudo-terminal stands in for the window: the byte that the key sends is written to it, and it is the terminal that
turns the byte into SIGINT for its foreground group. Keys are pressed when the program has printed what is waited for.
"""

from __future__ import annotations

import contextlib
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.core

ROOT = Path(__file__).parents[1]
CTRL_C = b"\x03"
HOLDING, HALFWAY = "holding", "cleanup halfway"


def press(program: str, waits: list[str]) -> tuple[int, str]:
    """Start a program in a terminal and press Ctrl-C each time it has said the next of `waits` of job-3 and job-4."""
    screen, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, ROOT / "scripts" / program],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),  # opening it makes it the controlling terminal
    )
    os.close(terminal)
    text = ""
    with os.fdopen(screen, "r+b", buffering=0) as keyboard, process:
        for wait in waits:
            while not all(f"{job}: {wait}" in text for job in ("job-3", "job-4")):
                text += os.read(screen, 4096).decode()
            keyboard.write(CTRL_C)
        with contextlib.suppress(OSError):  # what Linux says at the end of a terminal
            while data := os.read(screen, 4096):
                text += data.decode()
    return process.returncode, text


def table_in_readme() -> list[tuple[str, int, str, str]]:
    """(program, how many Ctrl-C, what becomes of the cleanup, the shell's status), as the README promises."""
    rows = re.findall(
        r"^\| `python scripts/(\S+)` \| (.*?), (\d+) \| (.*?), (\d+) \|$", (ROOT / "README.md").read_text(), re.M
    )
    return [(row[0], count, row[2 * count - 1], row[2 * count]) for row in rows for count in (1, 2)]


def test_the_readme_promises_something_of_every_pattern() -> None:
    named = {program.removesuffix(".py") for program, *_ in table_in_readme()}
    patterns = {path.stem for path in (ROOT / "cancelkit" / "patterns").glob("[a-z]*.py")}
    assert named == patterns | {"run_and_finish"}


@pytest.mark.parametrize(("program", "presses", "cleanup", "status"), table_in_readme())
def test_ctrl_c_in_a_terminal_does_what_the_readme_says(program: str, presses: int, cleanup: str, status: str) -> None:
    returncode, text = press(program, [HOLDING, HALFWAY][:presses])
    finished = text.count("cleanup finished")
    assert finished == {"cleanup finishes": 4, "cleanup lost": 2}[cleanup], text
    assert not any(f"job-{late}: begun" in text for late in (5, 6, 7)), text
    assert 128 - returncode == int(status), text
