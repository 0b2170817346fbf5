"""Leaks: whatever a program still has when it ends is told, and nothing else."""

import re
import signal
import sys
from pathlib import Path

import pytest

from cancelkit.lab import Experiment, Outcome, perform, signals_at

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("nothing_left")]

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt orphans and has /proc")


@pytest.fixture(scope="module")
def leaves() -> Path:
    return Path(__file__).with_name("programs") / "leaves.py"


def leaks_of(program: Path, what: str) -> list[str]:
    """What one of its functions leaves, without what differs from run to run."""
    outcome = perform(Experiment(program, (), [what], deadline=60))
    assert outcome.returncode == 0, outcome.stderr
    verdict = {verdict.id: verdict for verdict in outcome.checklist}["leaks"]
    assert verdict.verdict == ("broken" if outcome.leaks else "kept")
    return [re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1", str(leak)) for leak in outcome.leaks]


@pytest.mark.parametrize(
    ("what", "leaks"),
    [
        ("nothing", []),
        ("a_file", ["file: leaves.py"]),
        ("a_socket", ["socket: 127.0.0.1"]),
        ("a_pair_of_sockets", ["socket: descriptor N", "socket: descriptor N"]),
        ("a_pipe", ["pipe: descriptor N", "pipe: descriptor N"]),
        ("a_thread", ["thread: waits for ever"]),
        ("a_thread_that_ends", ["thread: waits a moment"]),
        pytest.param("a_child", ["child process: sleep"], marks=on_linux),
        ("a_coroutine", ["coroutine: never awaited: sleep"]),
        ("an_error", ["task: fails: never retrieved"]),
        pytest.param("a_copy", [], marks=on_linux),
    ],
)
def test_what_is_left_is_told(leaves: Path, what: str, leaks: list[str]) -> None:
    found = [re.sub(r"descriptor \d+", "descriptor N", leak) for leak in leaks_of(leaves, what)]
    assert [leak.replace(str(leaves), leaves.name) for leak in found] == leaks


@on_linux
def test_a_child_that_has_ended_and_was_not_waited_for(leaves: Path) -> None:
    (leak,) = leaks_of(leaves, "a_child_that_has_ended")
    assert leak.startswith("child process: python")


def test_temporary_files(leaves: Path) -> None:
    folder, file = leaks_of(leaves, "a_temporary_file")
    assert re.fullmatch(r"temporary file: odd\\n\w+", folder)
    assert file == f"{folder}/file"


def test_a_loop_that_is_never_closed(leaves: Path) -> None:
    leaks = leaks_of(leaves, "a_task")
    assert "task: forgotten had not ended" in leaks
    assert sum(leak.startswith("socket: ") for leak in leaks) == 2  # with which others wake it
    assert sys.platform != "linux" or "event loop: its selector was never closed" in leaks


def test_where_nothing_can_be_counted_the_verdict_says_so(leaves: Path) -> None:
    outcome = perform(Experiment(leaves, (), ["no_chance"], deadline=60))
    assert [leak.kind for leak in outcome.leaks] == ["task"]  # the main one
    program = leaves.with_name("limited.py")
    killed = perform(Experiment(program, signals_at("active=2,queued=3", [signal.SIGTERM]), deadline=60))
    assert not killed.was_counted
    assert {leak.kind for leak in killed.leaks} == {"task"}


def test_without_tasks_and_without_a_count_nothing_is_said(tmp_path: Path) -> None:
    program = tmp_path / "abrupt.py"
    program.write_text("import os; os._exit(0)")
    outcome: Outcome = perform(Experiment(program, (), deadline=60))
    verdict = {verdict.id: verdict for verdict in outcome.checklist}["leaks"]
    assert (verdict.verdict, verdict.why) == ("not applicable", "it ended too abruptly to count what it still had")
