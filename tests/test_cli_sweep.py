"""`cancelkit sweep` and `cancelkit replay`, as in a terminal: what is printed, with which status, and after Ctrl-C."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("click")
pytest.importorskip("rich")

from click.testing import CliRunner
from test_lab_care import Marked, marked  # noqa: F401 - a fixture

from cancelkit.cli import cli
from cancelkit.sweep import program_at, sweep

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt orphans and read /proc"),
    pytest.mark.usefixtures("nothing_left", "marked"),
]

Done = subprocess.CompletedProcess[str]

CLEAN = """\
import asyncio, cancelkit

async def job():
    try:
        await asyncio.sleep(1)
    finally:
        await cancelkit.finish(asyncio.sleep(1))

cancelkit.run(job())
"""

UNSAFE = """\
import asyncio

async def main():
    try:
        await asyncio.sleep(1)
    finally:
        await asyncio.sleep(1)

asyncio.run(main())
"""

TARGET = "cancelkit.patterns.task_group:run_tasks"


def cancelkit(*words: object, **options: Any) -> Done:
    """Run the command line."""
    command = [sys.executable, "-m", "cancelkit", *map(str, words)]
    return subprocess.run(command, **{"capture_output": True, "text": True, "check": False} | options)


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    (tmp_path / "clean.py").write_text(CLEAN)
    return tmp_path / "clean.py"


@pytest.fixture
def unsafe(tmp_path: Path) -> Path:
    (tmp_path / "unsafe.py").write_text(UNSAFE)
    return tmp_path / "unsafe.py"


def test_a_clean_program(clean: Path) -> None:
    done = cancelkit("sweep", clean, "--level", "step")
    assert (done.returncode, done.stderr) == (0, "")
    first, counts, *rest = done.stdout.splitlines()
    points = sweep(program_at(clean), level="step").points
    assert first.startswith(f"{clean} on Python ")
    assert first.endswith(f", level step: every one of {points} points")
    assert counts.split() == ["clean", str(points), "100.0%"]
    assert "unsafe" not in done.stdout
    assert "replay" not in done.stdout
    assert "shares of points are no probabilities" in rest[-1]


def test_an_unsafe_program_and_its_replay(unsafe: Path) -> None:
    done = cancelkit("sweep", unsafe.name, "--level", "step", cwd=unsafe.parent)
    assert (done.returncode, done.stderr) == (1, "")
    found = sweep(program_at(unsafe), level="step")
    assert found.smallest is not None
    for word, count in found.verdicts.items():
        assert f"  {word:<20} {count:>7,}  {count / found.points:6.1%}\n" in done.stdout
    lines = done.stdout.splitlines()
    assert lines[lines.index("unsafe lines, most unsafe first:") + 1].split()[:2] == ["4", "unsafe.py:7"]
    assert f"the smallest counterexample: {found.smallest.verdict.word}, {found.smallest.verdict.why}" in lines
    assert any(line.startswith("signal 1: at ") for line in lines)
    assert any(line.startswith("main  not started → running → awaiting → cleaning up") for line in lines)
    (typed,) = [shlex.split(line)[1:] for line in lines if line.startswith("cancelkit replay ")]
    again = cancelkit(*typed, cwd=unsafe.parent)
    assert (again.returncode, again.stderr) == (0, "")
    word = found.smallest.verdict.word
    assert again.stdout.startswith(f"unsafe.py: {word}; the sweep said {word}\n{found.smallest.verdict.why}\n")
    assert "signal 1: SIGINT" in again.stdout
    told = json.loads(cancelkit(*typed, "--json", cwd=unsafe.parent).stdout)
    assert list(told) == ["program", "expected", "verdict", "why", "status"]
    assert (told["expected"], told["verdict"]) == (word, word)
    picture = unsafe.with_suffix(".png")
    assert cancelkit(*typed, "--plot", picture, cwd=unsafe.parent).stderr == f"drawn: {picture}\n"
    assert picture.read_bytes()[:4] == b"\x89PNG"
    unsafe.write_text(UNSAFE + "\n")
    refused = cancelkit(*typed, cwd=unsafe.parent)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "unsafe.py has changed since the token was made" in refused.stderr


def test_json_and_a_map(unsafe: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "map.png"
    done = cancelkit("sweep", unsafe, "--level", "step", "--json", "--plot", picture)
    assert (done.returncode, done.stderr) == (1, f"drawn: {picture}\n")
    assert picture.read_bytes()[:4] == b"\x89PNG"
    answer, here = json.loads(done.stdout), sweep(program_at(unsafe), level="step").as_json()
    del answer["points_per_second"], here["points_per_second"]
    assert answer == here


def test_pairs_a_sample_and_only_one_file(unsafe: Path) -> None:
    words = ("--signals", 2, "--sample", 12, "--seed", 4, "--only", "selectors.py", "--jobs", 1)
    answer = json.loads(cancelkit("sweep", unsafe, "--level", "step", *words, "--json").stdout)
    here = sweep(program_at(unsafe), level="step", signals=2, sample=12, seed=4, only=["selectors.py"]).as_json()
    del answer["points_per_second"], here["points_per_second"]
    assert answer == here
    assert (answer["tried"], answer["signals"]) == (12, 2)


def test_a_target_with_finish_and_arguments_of_a_program(tmp_path: Path) -> None:
    done = cancelkit("sweep", TARGET, "--finish", "--level", "step", "--sample", 5)
    assert done.returncode in (0, 1)
    assert done.stdout.startswith(f"{TARGET} with finish on Python ")
    (tmp_path / "program.py").write_text(
        f"import sys\nif sys.argv[1:] == ['--json', 'x']:\n    {CLEAN.splitlines()[0]}\n"
    )
    done = cancelkit("sweep", tmp_path / "program.py", "--level", "step", "--", "--json", "x")
    assert "it never runs an event loop" in done.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["sweep"], "Missing argument 'PROGRAM'"),
        (["sweep", "nowhere.py"], "there is no program 'nowhere.py'"),
        (["sweep", "PROGRAM", "--level", "nonsense"], "'nonsense' is not one of 'step', 'check'"),
        (["sweep", "PROGRAM", "--signals", "4"], "4 is not in the range 1<=x<=3"),
        (["sweep", "PROGRAM", "--sample", "0"], "0 is not in the range x>=1"),
        (["sweep", "PROGRAM", "--jobs", "0"], "0 is not in the range x>=1"),
        (["sweep", "PROGRAM", "--finish"], "--runner and --finish are for a path.py:function"),
        (["sweep", "PROGRAM", "--plot", "a.gif"], "must end in .png, .svg or .pdf"),
        (["sweep", TARGET, "--", "word"], "is a function, and takes no arguments: word"),
        (["sweep", "no_such_module:function"], "no_such_module"),
        (["replay"], "Missing argument 'TOKEN'"),
        (["replay", "nonsense"], "'nonsense' is no token of a sweep"),
    ],
)
def test_bad_words(words: list[str], says: str, clean: Path) -> None:
    done = cancelkit(*[word.replace("PROGRAM", str(clean)) for word in words])
    assert (done.returncode, done.stdout) == (2, "")
    assert says in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="there is sys.monitoring from 3.12 on")
def test_a_level_that_this_python_has_not(clean: Path) -> None:
    done = cancelkit("sweep", clean, "--level", "check")
    assert (done.returncode, done.stdout) == (2, "")
    assert "level check needs Python 3.12 or later" in done.stderr
    assert "choose level step" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["sweep", "replay"])
def test_help_has_examples(command: str) -> None:
    answer = CliRunner().invoke(cli, [command, "--help"], prog_name="cancelkit")
    assert answer.exit_code == 0
    assert "Example" in answer.output
    assert "  cancelkit sweep service.py" in answer.output
    assert "exit status" in answer.output
    assert "--plot" in answer.output


def warm_processes(process: subprocess.Popen[str]) -> set[int]:
    """The warm processes of a sweep."""
    found = set()
    for listing in Path(f"/proc/{process.pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # the thread or the child has ended
            for child in listing.read_text().split():
                command = Path(f"/proc/{child}/cmdline").read_bytes()
                found |= {int(child)} if b"cancelkit.sweep.inside.warm" in command else set()
    return found


@pytest.mark.parametrize("phase", ["the first is there", "runs are made"])
def test_ctrl_c(phase: str, marked: Marked) -> None:  # noqa: F811
    words = ("sweep", TARGET, "--level", "step", "--signals", "2", "--sample", "100000", "--jobs", "2")
    command = [sys.executable, "-m", "cancelkit", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            while not (first := warm_processes(process)):
                assert process.poll() is None
                time.sleep(0.002)
            while phase == "runs are made" and not warm_processes(process) - first:
                assert process.poll() is None
                time.sleep(0.002)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert marked.everyone() == set()
    assert process.returncode == 130
    assert "interrupted" in err
    assert "Traceback" not in err
    if phase == "runs are made":
        assert ": interrupted: " in out.splitlines()[0]
        assert "replay" not in out


@pytest.mark.parametrize("json_too", [True, False])
def test_a_part_after_ctrl_c(json_too: bool, unsafe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The runs that were made until then are told, in either way."""

    def press(_: object) -> None:
        raise KeyboardInterrupt

    module = importlib.import_module("cancelkit.cli.sweep")  # the package has a command of that name
    monkeypatch.setattr(module, "sweep_progress", lambda: contextlib.nullcontext(press))
    answer = CliRunner().invoke(cli, ["sweep", str(unsafe), "--level", "step", *(["--json"] if json_too else [])])
    assert answer.exit_code == 130
    assert os.fspath(unsafe) in answer.stdout
    if json_too:
        assert json.loads(answer.stdout)["tried"] > 0
    else:
        assert "interrupted: 20 of 20 points tried" in answer.stdout
