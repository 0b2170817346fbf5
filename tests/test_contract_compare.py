"""Comparing: what becomes of the peers, as it is written down here; and the matrix in all its forms."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cancelkit.contract import compare as comparing
from cancelkit.contract.check import Verdict
from cancelkit.contract.compare import IMPLEMENTATIONS, Implementation, compare
from cancelkit.contract.matrix import Column, Matrix
from cancelkit.contract.promises import PROMISES
from cancelkit.errors import CancelkitError
from cancelkit.lab.scenarios import TARGETS

pytest.importorskip("click")
pytestmark = pytest.mark.usefixtures("nothing_left")

BROKEN = {
    "gather + Semaphore": "one-signal two-signals three-signals sigterm",
    "aiometer": "one-signal two-signals three-signals sigterm no-late-start",
    "aiojobs": "two-signals three-signals sigterm no-late-start honest-exit",
    "aiotools": "two-signals three-signals sigterm no-late-start honest-exit",
    "aiorun": "one-signal sigterm no-late-start before-start honest-exit",
    "anyio": "one-signal two-signals three-signals sigterm no-late-start",
}
"""Of the promises about signals. (aiorun cancels what is inside a finish(), too.)"""

ABOUT_SIGNALS = PROMISES[1:7] + PROMISES[8:9]


def verdicts(broken: str) -> tuple[Verdict, ...]:
    words = broken.split()
    return tuple(Verdict(p.id, "broken" if p.id in words else "kept", f"why {p.id}") for p in PROMISES)


IDS = tuple(promise.id for promise in PROMISES)
MATRIX = Matrix(
    "3.11.7",
    IDS,
    (
        Column("best", "ours:run_tasks", "ours:run", verdicts=verdicts("")),
        Column("next", "a b.py:run_tasks", "asyncio:run", "2.0", verdicts("sigterm lazy")),
        Column("absent", "absent:run_tasks", "asyncio:run"),
    ),
)


def test_what_the_peers_keep() -> None:
    matrix = compare(list(BROKEN), ABOUT_SIGNALS)
    assert {column.name: " ".join(v.id for v in column.broken) for column in matrix.columns} == BROKEN
    assert matrix.missing == ()
    assert [bool(column.version) for column in matrix.columns] == [False, *[True] * 5]


def test_everybody_is_there_by_name() -> None:
    targets = {each.target._replace(finishes=False) for each in IMPLEMENTATIONS.values()}
    assert {target._replace(finishes=False) for target in TARGETS.values()} <= targets
    assert {each.library for each in IMPLEMENTATIONS.values()} == {
        "",
        "aiometer",
        "aiojobs",
        "aiotools",
        "aiorun",
        "anyio",
    }


def test_a_library_that_is_not_installed_is_said_to_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = Implementation(TARGETS["tracking"], "no-such-library")
    monkeypatch.setattr(comparing, "IMPLEMENTATIONS", {"tracking": Implementation(TARGETS["tracking"]), "it": absent})
    matrix = compare(promises=[PROMISES[0]])
    assert [column.name for column in matrix.compared] == ["tracking"]
    assert "    it: not installed (pip install 'cancelkit[peers]')" in str(matrix).splitlines()
    assert "it: not installed (`pip install 'cancelkit[peers]'`)." in matrix.markdown().splitlines()
    assert json.loads(matrix.as_json())["implementations"]["it"]["installed"] is False


def test_the_text() -> None:
    head, *lines = str(MATRIX).splitlines()
    assert head.split() == ["1", "2"]
    assert [line.split() for line in lines[: len(IDS)]] == [
        [id_, "+", "x" if id_ in ("sigterm", "lazy") else "+"] for id_ in IDS
    ]
    assert lines[len(IDS) + 1 :] == [
        "+ kept, x broken, on Python 3.11.7",
        "  1 best: 16 of 16 kept",
        "  2 next 2.0: 14 of 16 kept",
        "    absent: not installed (pip install 'cancelkit[peers]')",
    ]


def test_for_each_broken_promise_the_command_that_shows_it() -> None:
    first, second = MATRIX.commands().splitlines()
    assert shlex.split(first)[1:] == ["check", "a b.py:run_tasks", "--runner", "asyncio:run", "--only", "sigterm"]
    assert second.endswith("--only lazy")
    assert f"- sigterm: `{first}`" in MATRIX.markdown()


def test_markdown_has_a_cell_for_each() -> None:
    table = [line.strip("| ").split(" | ") for line in MATRIX.markdown().splitlines() if line.startswith("| ")]
    assert table[0] == ["promise", "best", "next 2.0"]
    assert table[1:] == [[id_, "kept", "**broken**" if id_ in ("sigterm", "lazy") else "kept"] for id_ in IDS]


def test_json_and_back() -> None:
    assert Matrix.from_json(MATRIX.as_json()) == MATRIX


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("no json", "JSONDecodeError"),
        ("[]", "TypeError"),
        ('{"python": "3"}', "KeyError: 'implementations'"),
        (MATRIX.as_json().replace('"broken"', '"maybe"'), "'maybe' is no verdict"),
        (MATRIX.as_json().replace('"lazy": {', '"eager": {'), "the promises of 'best' are not those"),
    ],
)
def test_what_is_no_matrix_is_refused(text: str, why: str) -> None:
    with pytest.raises(CancelkitError, match="this is no matrix") as caught:
        Matrix.from_json(text)
    assert why in str(caught.value)


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cancelkit", "compare", *words], capture_output=True, text=True, check=False
    )


def test_the_command_and_one_that_it_prints(tmp_path: Path) -> None:
    picture = tmp_path / "matrix.svg"
    words = (
        "--among",
        "cancelkit",
        "--among",
        "handlers",
        "--only",
        "results",
        "--only",
        "lazy",
        "--plot",
        str(picture),
    )
    done = command(*words)
    assert (done.returncode, done.stderr) == (0, "")
    text, _, commands = done.stdout.partition("\n\nWhat is broken, and the command that shows it:\n")
    assert [line.split() for line in text.splitlines()[:3]] == [["1", "2"], ["results", "+", "+"], ["lazy", "x", "+"]]
    assert picture.read_bytes().startswith(b"<?xml")
    (shows,) = commands.splitlines()
    again = subprocess.run([sys.executable, "-m", *shlex.split(shows)], capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert "\nbroken  lazy" in again.stdout


def test_the_command_for_programs() -> None:
    done = command("--among", "cancelkit", "--only", "results", "--as", "json")
    assert (done.returncode, done.stderr) == (0, "")
    assert Matrix.from_json(done.stdout).columns[0].verdicts == (Verdict("results", "kept", "no signal"),)


def test_a_picture_that_cannot_be_drawn_is_refused_beforehand(tmp_path: Path) -> None:
    done = command("--plot", str(tmp_path / "matrix.txt"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "must end in .png, .svg or .pdf" in done.stderr
