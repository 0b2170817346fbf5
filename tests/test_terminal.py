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


def press(words: list[str], waits: list[set[str]]) -> tuple[int, str]:
    """Run Python with some words in a terminal; press Ctrl-C each time all texts of the next of `waits` are there."""
    screen, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, *words],
        cwd=ROOT,
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
            while not all(waited_for in text for waited_for in wait):
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
    waits = [{f"{job}: {what}" for job in ("job-3", "job-4")} for what in (HOLDING, HALFWAY)]
    returncode, text = press([f"scripts/{program}"], waits[:presses])
    finished = text.count("cleanup finished")
    assert finished == {"cleanup finishes": 4, "cleanup lost": 2}[cleanup], text
    assert not any(f"job-{late}: begun" in text for late in (5, 6, 7)), text
    assert 128 - returncode == int(status), text


@pytest.mark.parametrize(("options", "answers"), [([], 2), (["--mended"], 1)])
def test_the_stubborn_program_does_in_a_terminal_what_it_says_of_itself(options: list[str], answers: int) -> None:
    returncode, text = press(["scripts/stubborn_retry.py", *options], [{"a request was answered"}])
    assert text.count("a request was answered") == answers, text
    assert 128 - returncode == 130, text


def test_the_stubborn_program_can_be_recorded_in_a_terminal(tmp_path: Path) -> None:
    pytest.importorskip("click")
    pytest.importorskip("rich")
    words = ["-m", "cancelkit", "trace", "--chrome", str(tmp_path / "run.json"), "scripts/stubborn_retry.py"]
    returncode, text = press(words, [{"a request was answered"}])
    assert "finished (swallowed its cancellation)" in " ".join(text.split()), text
    assert (tmp_path / "run.json").exists()
    assert 128 - returncode == 130, text
