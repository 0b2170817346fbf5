"""What is kept of a run, and when it stands in: only where runs are forbidden, and only for exactly this run."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("IPython")  # run_command is for notebooks

from cancelkit.errors import ForbiddenError
from cancelkit.lab import recorded
from cancelkit.lab.rights import rights_needed
from cancelkit.notebook import run_command

PROGRAM = """\
import os, sys
print(os.path.abspath(__file__), os.environ["WORD"])
open("written.txt", "w").write(os.getcwd())
sys.exit(3)
"""


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in which runs are kept; nothing else is, and nothing stands in yet."""
    folder = tmp_path / "kept"
    folder.mkdir()
    state = type(recorded.state)()
    state.keep_in = folder
    monkeypatch.setattr(recorded, "state", state)
    monkeypatch.setattr(recorded, "SHIPPED", tmp_path)
    recorded._archives.cache_clear()
    yield folder
    recorded._archives.cache_clear()


def forbid(monkeypatch: pytest.MonkeyPatch, kept: Path) -> None:
    """Ship what was kept, and forbid to start processes."""
    with zipfile.ZipFile(kept.parent / "notebook.zip", "w") as archive:
        for run in kept.iterdir():
            archive.write(run, run.name)
    recorded.state.keep_in = None
    recorded.state.may_stand_in = True

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(subprocess, "run", refuse)


def place(parent: Path, name: str, text: str = PROGRAM) -> Path:
    folder = parent / name
    folder.mkdir()
    (folder / "program.py").write_text(text)
    return folder


def say(folder: Path, word: str = "hello") -> tuple[int, str, str]:
    """Run the program in a folder; what comes of it."""
    written = folder / "written.txt"
    done = run_command([sys.executable, "program.py"], folder=folder, env={"WORD": word}, writes=[written])
    return done.returncode, done.stdout, written.read_text()


def test_what_was_kept_stands_in_with_the_folders_of_today(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, here = place(tmp_path, "there"), place(tmp_path, "here")
    assert say(there) == (3, f"{there / 'program.py'} hello\n", str(there))
    assert all(str(tmp_path) not in run.read_text() for run in kept.iterdir())
    forbid(monkeypatch, kept)
    assert say(here) == (3, f"{here / 'program.py'} hello\n", str(here))
    assert recorded.state.shown == 1
    assert "no process may be started here" in recorded.state.why


def test_a_run_that_writes_what_it_names_is_found_again(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = 'import shutil; shutil.copy("program.py", "copy.py")'
    there, here = place(tmp_path, "there"), place(tmp_path, "here")
    run_command([sys.executable, "-c", copies, "copy.py"], folder=there)
    assert (there / "copy.py").exists()
    forbid(monkeypatch, kept)
    assert run_command([sys.executable, "-c", copies, "copy.py"], folder=here).returncode == 0


@pytest.mark.parametrize(("text", "word"), [(PROGRAM + "# changed\n", "hello"), (PROGRAM, "another word")])
def test_nothing_stands_in_for_another_run(
    text: str, word: str, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(place(tmp_path, "there"))
    forbid(monkeypatch, kept)
    with pytest.raises(ForbiddenError, match="no run of exactly this was recorded"):
        say(place(tmp_path, "here", text), word)


def test_nothing_stands_in_unless_it_may(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = place(tmp_path, "there")
    say(there)
    forbid(monkeypatch, kept)
    recorded.state.may_stand_in = False
    with pytest.raises(ForbiddenError, match="no process may be started here"):
        say(there)


def test_a_command_that_is_not_there_is_no_matter_of_rights(kept: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run_command(["./there-is-no-such-command"])
    assert [*kept.iterdir()] == []


def test_without_the_right_to_send_signals_no_process_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "kill", refuse)
    with pytest.raises(ForbiddenError, match="no process may be sent a signal here"), rights_needed():
        pytest.fail("it was started")
