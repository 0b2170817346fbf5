"""`cancelkit trace`, as in a terminal: what it prints and writes, with which status, and how it takes bad words."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("click")
pytest.importorskip("rich")

from click.testing import CliRunner

from cancelkit.cli import cli
from cancelkit.cli.trace import EXAMPLES
from cancelkit.trace.record import read_record

TIMES = "\N{MULTIPLICATION SIGN}"
ROOT = Path(__file__).parents[1]

TABLE = """\
task   states
main   not started → running → awaiting → finished
job-1  not started → running → awaiting → finished
job-2  not started → running → awaiting → finished
"""

PROGRAM = """\
import asyncio, sys

async def job(): await asyncio.sleep(0.01)

async def main():
    async with asyncio.TaskGroup() as group:
        for number in (1, 2): group.create_task(job(), name=f"job-{number}")
    print(*sys.argv[1:])
    if "fail" in sys.argv: sys.exit(3)

asyncio.run(main())
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    (tmp_path / "program.py").write_text(PROGRAM)
    return tmp_path / "program.py"


def trace(*words: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    command = [sys.executable, "-m", "cancelkit", "trace", *map(str, words)]
    return subprocess.run(command, **{"capture_output": True, "text": True, "check": False} | options)


def lines(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def test_the_table_goes_to_stderr_and_stdout_is_the_programs(program: Path) -> None:
    done = trace(program, "a word")
    assert (done.returncode, done.stdout) == (0, "a word\n")
    assert lines(done.stderr) == f"{TABLE}the program: exited 0\n"


def test_all_words_after_the_program_are_its_own(program: Path) -> None:
    words = ("--save", "x", "-m", "--", "-h", "--nonsense", "")
    assert trace(program, *words).stdout == " ".join(words) + "\n"
    assert trace("--", program, *words).stdout == " ".join(words) + "\n"
    done = trace("-m", "program", *words, cwd=program.parent)
    assert done.stdout == " ".join(words) + "\n"
    assert lines(done.stderr) == f"{TABLE}the program: exited 0\n"


def test_signals_alarms_and_cleanups() -> None:
    command = [sys.executable, "-m", "cancelkit", "trace", "scripts/task_group.py"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for wait in ("holding", "cleanup halfway"):
            waiting = {f"job-{number}: {wait}\n" for number in (3, 4)}
            while waiting:
                waiting.discard(process.stdout.readline())
            process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == -signal.SIGINT
    table = lines(err[err.index("\ntask") :])
    assert "job-7  not started → running → queued → cancelled\n" in table
    assert "signal 1: SIGINT, landed on 2 active, 3 queued, 2 ended\n" in table
    assert "signal 2: SIGINT, landed on " in table
    assert table.endswith(
        "cleanups finished: 2 of 4 jobs begun\n"
        "job-3: cleanup lost\n"
        "job-4: cleanup lost\n"
        "the program: killed by SIGINT\n"
    )


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV])
def test_the_status_is_the_programs_after_all_is_written(tmp_path: Path, signum: signal.Signals) -> None:
    program = tmp_path / "killed.py"
    program.write_text(f"import os; os.kill(os.getpid(), {signum:d})")
    done = trace("--save", tmp_path / "record.jsonl", program)
    assert done.returncode == -signum
    assert f"the program: killed by {signum.name}\nwritten: {tmp_path / 'record.jsonl'}\n" in done.stderr
    assert not list(tmp_path.glob("core*"))


def test_a_program_without_tasks_and_what_is_missing(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("import os; os.fork() or os._exit(0); os.wait()")
    first, second, third = trace(program).stderr.splitlines()
    assert first.startswith("no asyncio task was made")
    assert second == "the program: exited 0"
    assert third.startswith("missing: the process forked")


def test_very_many_tasks_take_few_rows(tmp_path: Path) -> None:
    program = tmp_path / "many.py"
    program.write_text(
        "import asyncio\n"
        "async def job(): await asyncio.sleep(0)\n"
        "async def main(): await asyncio.gather(*(job() for _ in range(19998)))\n"
        "asyncio.run(main())\n"
    )
    pytest.importorskip("matplotlib")
    done = trace("--plot", tmp_path / "many.png", program)
    assert f"job {TIMES} 19,998  not started → running → awaiting → finished\n" in lines(done.stderr)
    assert done.stderr.count("\n") == 5
    assert (tmp_path / "many.png").read_bytes().startswith(b"\x89PNG")
    assert done.returncode == 0


def test_files(program: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    record, picture, chrome = tmp_path / "record.jsonl", tmp_path / "a [red]picture.svg", tmp_path / "trace.json"
    done = trace("--save", record, "--plot", picture, "--chrome", chrome, program, "fail")
    assert (done.returncode, done.stdout) == (3, "fail\n")
    assert done.stderr.endswith(f"the program: exited 3\nwritten: {record}\nwritten: {picture}\nwritten: {chrome}\n")
    kept = read_record(record)
    assert [lane.name for lane in kept.timeline.lanes] == ["main", "job-1", "job-2"]
    assert (kept.program, kept.events[-1].detail) == (f"{program} fail".replace("'", ""), {"status": 3})
    assert b"job-2" in picture.read_bytes()
    assert json.loads(chrome.read_text())["otherData"]["program"] == kept.program


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize(("word", "status"), [("go on", 2), ("fail", 3)])
def test_a_file_that_cannot_be_written(program: Path, word: str, status: int) -> None:
    done = trace("--save", "/dev/full", program, word)
    assert (done.returncode, done.stdout) == (status, f"{word}\n")
    assert done.stderr.endswith("\ncancelkit: cannot write '/dev/full': No space left on device\n")


@pytest.mark.parametrize("word", ["go on", "fail"])
@pytest.mark.parametrize("stderr", ["2>&-", "2>/dev/full", "2>&1 >&3 | true"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_stderr_that_takes_nothing_changes_nothing(program: Path, word: str, stderr: str, unbuffered: str) -> None:
    if "full" in stderr and not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    words = f'("$0" -m cancelkit trace "$1" "{word}" ; echo $? >&3) {stderr}'
    done = subprocess.run(
        ["/bin/sh", "-c", f"exec 3>&1; {words}", sys.executable, program],
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert sorted(done.stdout.splitlines()) == sorted([word, "0" if word == "go on" else "3"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "Missing argument 'PROGRAM'"),
        (["-m"], "Missing argument 'PROGRAM'"),
        (["--sav", "x", "PROGRAM"], "No such option '--sav'"),
        (["no_such.py"], "cancelkit: cannot run 'no_such.py': it does not exist; give the path of a Python program"),
        (["."], "cancelkit: cannot run '.': it is a directory; give the path of a Python program"),
        (["--plot", "a.gif", "PROGRAM"], "--plot a.gif: the name must end in .png, .svg or .pdf"),
        (["--plot", "no/a.png", "PROGRAM"], "--plot no/a.png: there is no folder no"),
        (["--save", "no/a", "PROGRAM"], "--save no/a: there is no folder no"),
        (["--chrome", "no/a", "PROGRAM"], "--chrome no/a: there is no folder no"),
        (["--save", "/", "PROGRAM"], "File '/' is a directory"),
    ],
)
def test_bad_words(program: Path, words: list[str], says: str) -> None:
    program.write_text("print('it ran')")
    done = trace(*[word.replace("PROGRAM", str(program)) for word in words])
    assert (done.returncode, done.stdout) == (2, "")
    assert says in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="everything is permitted to root")
@pytest.mark.parametrize("option", ["--save", "--chrome", "--plot"])
def test_a_folder_that_is_closed_to_us(program: Path, tmp_path: Path, option: str) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    done = trace(option, folder / "a.png", program)
    assert done.returncode == 2
    assert "writing there is not permitted" in done.stderr


def test_help_and_its_examples(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = CliRunner().invoke(cli, ["trace", "-h"])
    assert answer.exit_code == 0
    for name in ("--save", "--plot", "--chrome", "-m", "PYTHONDEVMODE=1 cancelkit trace service.py"):
        assert name in answer.output
    examples = [line.split() for line in EXAMPLES.splitlines() if line.startswith("    cancelkit")]
    assert len(examples) >= 4
    for words in examples:
        # Parsed, with a program that is not there.
        words = ["no_such.py" if word.endswith(".py") else word for word in words]
        answer = CliRunner().invoke(cli, [word for word in words[1:] if word != "-m"])
        assert "does not exist" in str(answer.exception) or "it is a directory" in str(answer.exception), answer.output


@pytest.mark.parametrize(
    ("typed", "offers"),
    [("cancelkit tr", "plain,trace"), ("cancelkit trace --s", "plain,--save"), ("cancelkit trace x.py fi", "file,fi")],
)
def test_words_are_completed(typed: str, offers: str) -> None:
    variables = {
        "_CANCELKIT_COMPLETE": "bash_complete",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(typed.count(" ")),
    }
    command = "import sys; sys.argv = ['cancelkit']; from cancelkit.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", command], env=os.environ | variables, capture_output=True, text=True, check=False
    )
    assert done.stdout == f"{offers}\n"
    assert CliRunner().invoke(cli, ["-h"]).output.count('eval "$(_CANCELKIT_COMPLETE=bash_source cancelkit)"') == 1


def test_ctrl_c_while_files_are_written(program: Path, tmp_path: Path) -> None:
    """A pipe that nobody reads yet stands for a file that takes long."""
    os.mkfifo(tmp_path / "pipe")
    command = [sys.executable, "-m", "cancelkit", "trace", "--save", str(tmp_path / "pipe"), str(program)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        assert process.stderr is not None
        while process.stderr.readline() != "the program: exited 0\n":
            pass
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == "cancelkit: interrupted before everything was written\n"
    assert process.returncode == -signal.SIGINT
