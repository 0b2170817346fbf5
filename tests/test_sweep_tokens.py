"""Tokens: a run as a word and back; whatever is no token, or of something else, is refused, and never run."""

from __future__ import annotations

import base64
import json
import platform
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cancelkit.errors import BadTokenError, CancelkitError
from cancelkit.sweep import Sweep, program_at, replay, sweep
from cancelkit.sweep.tokens import read_token

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("nothing_left")]

PROGRAM = """\
import asyncio, sys

async def main():
    try:
        await asyncio.sleep(1)
    finally:
        await asyncio.sleep(1)

if sys.argv[1:] == ["a word"]:
    asyncio.run(main())
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the program is under."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "service").mkdir()
    (folder / "service" / "program.py").write_text(PROGRAM)
    return folder


@pytest.fixture(scope="module")
def swept(home: Path) -> Sweep:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        return sweep(program_at("service/program.py", ["a word"]), level="step", signals=2, sample=20)


@pytest.fixture
def token(home: Path, swept: Sweep, monkeypatch: pytest.MonkeyPatch) -> str:
    """The token of the smallest counterexample; the current folder is the program's."""
    monkeypatch.chdir(home)
    assert swept.smallest is not None
    return swept.token(swept.smallest)


def unpacked(token: str) -> dict[str, Any]:
    data = token.removeprefix("ck1.")
    said: dict[str, Any] = json.loads(zlib.decompress(base64.urlsafe_b64decode(data + "=" * (-len(data) % 4))))
    return said


def packed(said: object, start: str = "ck1.") -> str:
    return start + base64.urlsafe_b64encode(zlib.compress(json.dumps(said).encode(), 9)).decode().rstrip("=")


@pytest.mark.usefixtures("token")
def test_there_and_back(swept: Sweep) -> None:
    for run in swept.runs:
        program, level, spots, verdict = read_token(swept.token(run))
        assert (program, level) == (swept.program, "step")
        assert (spots, verdict) == (run.raised, run.verdict.word)
        assert len(spots) == 2


def test_a_replay_goes_the_same_way(swept: Sweep, token: str) -> None:
    replayed = replay(token)
    assert swept.smallest is not None
    assert replayed.is_same
    assert replayed.run.verdict == swept.smallest.verdict
    assert (replayed.run.raised, replayed.run.landed) == (swept.smallest.raised, swept.smallest.landed)
    assert replayed.timeline.signals


def test_a_verdict_that_is_another_is_told(token: str) -> None:
    other = replay(packed(unpacked(token) | {"verdict": "crashed"}))
    assert not other.is_same
    assert other.expected == "crashed"


def test_where_the_program_is_stays_unsaid(home: Path, swept: Sweep, token: str) -> None:
    said = json.dumps(unpacked(token))
    assert str(home) not in said
    assert str(Path.home()) not in said or Path.home() == Path("/")
    assert "program.py" in said
    assert token.isascii()
    assert all(letter.isalnum() or letter in "-_." for letter in token)


def test_it_holds_wherever_the_same_program_is(home: Path, token: str, tmp_path: Path) -> None:
    shutil.copytree(home / "service", tmp_path / "service")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert read_token(token).program.path == str(tmp_path / "service" / "program.py")
        assert replay(token).is_same


NONE = [
    "",
    "garbage",
    "ck1.",
    "ck1.%%%%",
    "ck1.é",
    "ck1." + "A" * 1000,
    "ck1." + base64.urlsafe_b64encode(zlib.compress(b"no json")).decode(),
    "ck1." + base64.urlsafe_b64encode(zlib.compress(b"\xff\xfe")).decode(),
    "ck1." + base64.urlsafe_b64encode(zlib.compress(b"[" * 15_000)).decode(),
    packed([]),
    packed({}),
    packed(None),
]


@pytest.mark.parametrize("word", NONE, ids=range(len(NONE)))
def test_what_is_no_token(word: str) -> None:
    with pytest.raises(BadTokenError, match=r"is no token of a sweep: it would start with ck1\., and be whole"):
        read_token(word)


CHANGES: dict[str, Callable[[str], str]] = {
    "without its end": lambda token: token[:-10],
    "without most of it": lambda token: token[:12],
    "without its beginning": lambda token: token.removeprefix("ck1."),
    "with another beginning": lambda token: token.replace("ck1.", "ck2."),
    "with more at the end": lambda token: token + "AAAA%",
    "with a letter changed": lambda token: token[:40] + ("A" if token[40] != "A" else "B") + token[41:],
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_no_whole_token(change: str, token: str) -> None:
    with pytest.raises(BadTokenError, match="is no token of a sweep"):
        read_token(CHANGES[change](token))


@pytest.mark.parametrize(
    "wrong",
    [
        {"python": 3},
        {"title": None},
        {"path": ["."]},
        {"path": ".:a\0b.py"},
        {"digest": 1},
        {"level": "nonsense"},
        {"level": ["step"]},
        {"verdict": "fine"},
        {"verdict": None},
        {"arguments": "a word"},
        {"arguments": [1]},
        {"arguments": ["@.:a\0b.py:c"], "path": "cancelkit:sweep/stage.py"},
        {"arguments": None},
        {"spots": []},
        {"spots": "abc"},
        {"spots": [["a"]]},
        {"spots": [["a", "b", 1, 2, 3, 4]] * 4},
        {"spots": [["a", "b", 1, 2, 3, "4"]]},
        {"spots": [["a", "b", 1, 2, 3, 4.0]]},
        {"spots": [["a", "b", 1, 2, 3, True]]},
        {"spots": [[".:a\0b.py", "b", 1, 2, 3, 4]]},
        {"spots": [{}]},
    ],
    ids=str,
)
def test_what_says_something_of_the_wrong_kind(wrong: dict[str, Any], token: str) -> None:
    with pytest.raises(BadTokenError, match="is no token of a sweep"):
        read_token(packed(unpacked(token) | wrong))


@pytest.mark.parametrize("word", ["python", "title", "path", "arguments", "digest", "level", "spots", "verdict"])
def test_what_says_too_little(word: str, token: str) -> None:
    said = unpacked(token)
    del said[word]
    with pytest.raises(BadTokenError, match="is no token of a sweep"):
        read_token(packed(said))


def test_a_payload_that_unpacks_to_a_lot_is_not_unpacked(token: str) -> None:
    bomb = packed(unpacked(token) | {"title": "x" * 50_000_000})
    assert len(bomb) < 100_000
    with pytest.raises(BadTokenError, match="is no token of a sweep"):
        read_token(bomb)


def test_of_another_python(token: str) -> None:
    with pytest.raises(BadTokenError) as caught:
        read_token(packed(unpacked(token) | {"python": "3.9.1"}))
    says = str(caught.value)
    assert "the token is of Python 3.9.1" in says
    assert f"this is {platform.python_version()}" in says
    assert "can only be replayed there" in says


def test_of_a_program_that_has_changed(home: Path, token: str) -> None:
    program = home / "service" / "program.py"
    try:
        program.write_text(PROGRAM + "\n")
        with pytest.raises(BadTokenError, match=r"program\.py has changed since the token was made .*: sweep it again"):
            replay(token)
    finally:
        program.write_text(PROGRAM)


@pytest.mark.parametrize(
    "path", [".:service/gone.py", ".:service", "/:/nowhere/at/all.py", "nonsense:x", ".:" + "x" * 5000]
)
def test_of_a_program_that_is_not_there(path: str, token: str) -> None:
    with pytest.raises(BadTokenError, match="is not there"):
        replay(packed(unpacked(token) | {"path": path}))


def test_nothing_that_a_token_says_is_carried_out(token: str, tmp_path: Path) -> None:
    """Whatever it says, no program runs whose digest is not the token's."""
    trap = tmp_path / "trap.py"
    trap.write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')")
    code = f"__import__('pathlib').Path({str(tmp_path / 'sprung')!r}).touch()"
    for wrong in ({"path": f"/:{trap}"}, {"title": code, "digest": code}, {"spots": [[code, code, 1, 2, 3, 4]]}):
        with pytest.raises(CancelkitError):
            replay(packed(unpacked(token) | wrong))
    assert not (tmp_path / "sprung").exists()
