"""The command line, as in a terminal: what is printed, with which status, and what bad words are answered."""

import errno
import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("click")
pytest.importorskip("rich")

from click.testing import CliRunner

from cancelkit import __version__
from cancelkit.cli import cli

MOMENT = "active=2,queued=3"

TABLE = """\
task   states
main   not started → running → awaiting → cleaning up → cancelled
job-1  not started → running → awaiting → cleaning up → finished
job-2  not started → running → awaiting → cleaning up → finished
job-3  not started → running → queued → awaiting → cleaning up → cancelled
job-4  not started → running → queued → awaiting → cleaning up → cancelled
job-5  not started → running → queued → cancelled
job-6  not started → running → queued → cancelled
job-7  not started → running → queued → cancelled
signal 1: SIGINT, landed on 2 active, 3 queued, 2 ended
the program: killed by SIGINT
running tasks were cancelled: not applicable; no task was running when the first signal came
awaiting tasks were cancelled: kept; job-3, job-4
queued tasks were cancelled, and none began: kept; job-5, job-6, job-7
cleanup ran to its end: kept; job-1, job-2, job-3, job-4, job-5, 2 more
nothing leaked: kept; nothing is left that was not there before
the exit status is the expected one: kept; killed by SIGINT (-2); expected -2 or 130
"""

Done = subprocess.CompletedProcess[str]


def cancelkit(*words: object, **environment: str) -> Done:
    """Run the command line."""
    command = [sys.executable, "-m", "cancelkit", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | environment)


@pytest.fixture
def limited(programs: Path) -> Path:
    return programs / "limited.py"


def lines(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def test_a_table(limited: Path) -> None:
    done = cancelkit("interrupt", limited, "--when", MOMENT)
    assert lines(done.stdout) == TABLE
    assert (done.returncode, done.stderr) == (0, "")


def test_json(limited: Path) -> None:
    done = cancelkit("interrupt", limited, "--when", MOMENT, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    assert answer["program"] == str(limited)
    assert (answer["returncode"], answer["ended"]) == (-signal.SIGINT, "killed by SIGINT")
    assert [task["name"] for task in answer["tasks"]] == ["main", *(f"job-{number}" for number in range(1, 8))]
    assert answer["tasks"][7]["states"] == ["not started", "running", "queued", "cancelled"]
    (landed,) = answer["signals"]
    assert landed["name"] == "SIGINT"
    assert {name: count for name, count in landed["landed"].items() if count} == {"active": 2, "queued": 3, "ended": 2}
    assert answer["jobs"] == {"begun": 0, "cleanups_finished": 0, "begun_late": []}
    assert answer["leaks"] == []
    assert list(answer["checklist"]) == ["running", "awaiting", "queued", "cleanup", "leaks", "exit"]
    assert answer["checklist"]["queued"] == {"verdict": "kept", "why": "job-5, job-6, job-7"}
    assert answer["checklist"]["running"]["verdict"] == "not applicable"
    assert "job-4 works\n" in answer["stdout"]
    assert "KeyboardInterrupt" in answer["stderr"]


def test_several_moments_and_signals(limited: Path) -> None:
    words = ("--then", MOMENT, "--signal", "winch", "--signal", "SIGTERM")
    done = cancelkit("interrupt", limited, "--when", "active=2,queued=5", *words)
    assert done.returncode == 0
    assert "signal 1: SIGWINCH, landed on 2 active, 5 queued\n" in done.stdout
    assert "signal 2: SIGTERM, landed on 2 active, 3 queued, 2 ended\n" in done.stdout
    assert "the program: killed by SIGTERM\n" in done.stdout
    assert "nothing leaked: broken; task: main had not ended; task: job-3 had not ended; " in done.stdout
    assert "the exit status is the expected one: kept; killed by SIGTERM (-15); expected -15 or 143\n" in done.stdout
    done = cancelkit("interrupt", limited, "--when", f"active=2,queued=5 then {MOMENT}", *words[2:], "--expect", 0)
    assert "the exit status is the expected one: broken; killed by SIGTERM (-15); expected 0\n" in done.stdout


def test_the_last_signal_goes_on(limited: Path) -> None:
    words = ("--then", "active=2,queued=4", "--then", MOMENT, "--signal", "WINCH")
    answer = CliRunner().invoke(cli, ["interrupt", str(limited), "--when", "created=7", *words, "--deadline", "0.001"])
    assert "the moment created=7 had not come" in str(answer.exception)
    done = cancelkit("interrupt", limited, "--when", "active=2,queued=5", "--then", "cleaning=2", "--signal", "INT")
    assert done.stdout.count("SIGINT, landed on") == 2


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_a_picture(limited: Path, tmp_path: Path, ending: str) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / f"a [red]picture.{ending}"
    done = cancelkit("interrupt", limited, "--when", MOMENT, "--plot", picture)
    assert (done.returncode, done.stderr) == (0, f"drawn: {picture}\n")
    assert lines(done.stdout) == TABLE
    assert picture.read_bytes()[:4] in (b"\x89PNG", b"<?xm")


def test_a_picture_that_cannot_be_written(limited: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    done = cancelkit("interrupt", limited, "--when", MOMENT, "--plot", tmp_path / "loop.png")
    assert (done.returncode, lines(done.stdout)) == (2, TABLE)
    assert done.stderr == f"cancelkit: cannot write the picture {tmp_path / 'loop.png'}: {os.strerror(errno.ELOOP)}\n"


def test_arguments_of_the_program_come_after_two_dashes(programs: Path) -> None:
    done = cancelkit("interrupt", programs / "misbehave.py", "--when", "active=1", "--", "loops_for_ever", "--json")
    assert done.returncode == 0
    assert "waiter  not started → running → awaiting → cancelled\n" in done.stdout


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_odd_names_are_printed_on_one_line_each(programs: Path, encoding: str) -> None:
    words = ("interrupt", programs / "misbehave.py", "--when", "active=1", "--", "gives_odd_names")
    done = cancelkit(*words, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, "")
    assert "[red]\\ud800\\n\\x1b[2J" in done.stdout
    assert done.stdout.count("\n") == 11
    answer = cancelkit(*words[:4], "--json", *words[4:], PYTHONIOENCODING=encoding)
    assert json.loads(answer.stdout)["tasks"][1]["name"].startswith("[red]\\ud800\\n")


@pytest.mark.parametrize("command", [(), ("interrupt",)])
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help(command: tuple[str, ...], flag: str) -> None:
    answer = CliRunner().invoke(cli, [*command, flag], prog_name="cancelkit")
    assert answer.exit_code == 0
    assert answer.output.startswith("Usage: cancelkit")
    if command:
        assert "Examples:" in answer.output
        assert "cancelkit interrupt scripts/task_group.py --when active=2,queued=3 --then cleaning=2\n" in answer.output
        for name in ("--when", "--then", "--signal", "--deadline", "--json", "--plot", "begun, holding, cleanups"):
            assert name in answer.output
        for name in ("--expect", "before-start", "closing", "output=TEXT", "at-once"):
            assert name in answer.output
    else:
        assert "interrupt" in answer.output


def test_examples_can_be_typed_as_they_stand() -> None:
    help_text = CliRunner().invoke(cli, ["interrupt", "-h"]).output
    typed = [line for line in help_text.splitlines() if line.strip().startswith("cancelkit interrupt")]
    examples = [shlex.split(line)[1:] for line in typed]
    assert len(examples) >= 4
    for words in examples:
        # Parsed, up to the program, of which only the name is changed to one that is not there.
        answer = CliRunner().invoke(cli, [words[0], "no_such_program.py", *words[2:]])
        assert "does not exist" in str(answer.exception), answer.output


def test_version() -> None:
    assert CliRunner().invoke(cli, ["--version"]).output == f"cancelkit, version {__version__}\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["interrupt"], "Missing argument 'PROGRAM'"),
        (["interrupt", "PROGRAM"], "Missing option '--when'"),
        (["interrupt", "PROGRAM", "--when", "active"], "'active' in the moment 'active' is not NAME=NUMBER"),
        (
            ["interrupt", "PROGRAM", "--when", "jumping=1"],
            "'jumping' in the moment 'jumping=1' cannot be counted; created",
        ),
        (["interrupt", "PROGRAM", "--when", "active=1", "--then", ""], "'' in the moment '' is not NAME=NUMBER"),
        (["interrupt", "PROGRAM", "--when", "active=1", "--signal", "FOO"], "'FOO' is no signal of this system"),
        (
            ["interrupt", "PROGRAM", "--when", "active=1", "--signal", "INT", "--signal", "INT"],
            "there are 2 signals for 1 moments (active=1)",
        ),
        (["interrupt", "PROGRAM", "--when", "active=1", "--deadline", "0"], "0.0 is not in the range x>0"),
        (["interrupt", "PROGRAM", "--when", "active=1", "--deadline", "soon"], "'soon' is not a valid float"),
        (["interrupt", "PROGRAM", "--when", "active=1", "--deadline", "nan"], "deadline is nan"),
        (["interrupt", "PROGRAM", "--when", "active=1", "--deadline", "inf"], "deadline is inf"),
        (["interrupt", "PROGRAM", "--when", "active=1", "--plot", "a.gif"], "must end in .png, .svg or .pdf"),
        (["interrupt", "PROGRAM", "--when", "active=1", "--plot", "no/a.png"], "there is no folder no"),
        (["interrupt", "no_such.py", "--when", "active=1"], "cannot interrupt 'no_such.py': it does not exist"),
        (["interrupt", ".", "--when", "active=1"], "cannot interrupt '.': it is a directory"),
        (
            ["interrupt", "PROGRAM", "--when", "ended=1", "--", "ends_at_once"],
            "ended (exited 0), and the moment ended=1",
        ),
    ],
)
def test_bad_words(programs: Path, words: list[str], says: str) -> None:
    done = cancelkit(*[word.replace("PROGRAM", str(programs / "misbehave.py")) for word in words])
    assert done.returncode == 2
    assert done.stdout == ""
    assert says in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_ctrl_c(programs: Path, tmp_path: Path) -> None:
    """The program ends with it, whose end of the pipe is then seen."""
    os.mkfifo(tmp_path / "witness")
    witness = os.open(tmp_path / "witness", os.O_RDONLY | os.O_NONBLOCK)
    words = ("interrupt", programs / "misbehave.py", "--when", "active=9", "--deadline", "1000", "--", "loops_for_ever")
    command = [sys.executable, "-m", "cancelkit", *map(str, words)]
    environment = os.environ | {"WITNESS": str(tmp_path / "witness")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        os.set_blocking(witness, True)
        try:
            with os.fdopen(witness) as pipe:
                while not pipe.readline():
                    pass
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=60)
                assert pipe.read() == ""
        finally:
            process.kill()
    assert (process.returncode, out, err) == (130, b"", b"cancelkit: interrupted; nothing is left of the program\n")
