"""The scripts that notebook 09 sweeps: what their docstrings say of them, and the six pitfalls."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cancelkit.sweep import Sweep, program_at, sweep

pytestmark = pytest.mark.core

SCRIPTS = Path(__file__).parents[1] / "scripts"
HARM = {"hung", "cleanup lost", "cleanup interrupted"}
LEVELS = ["step", "check"] if sys.version_info >= (3, 12) else ["step"]


def swept(name: str, *words: str, level: str = "step", signals: int = 1) -> Sweep:
    return sweep(program_at(SCRIPTS / name, words), level=level, signals=signals, sample=300 if signals > 1 else None)


@pytest.mark.parametrize("level", LEVELS)
def test_the_window_is_found_at_its_line_and_nowhere_else(level: str) -> None:
    result = swept("sweep_window.py", level=level)
    (line,) = result.unsafe
    assert line.file == str(SCRIPTS / "sweep_window.py")
    assert "# the window" in Path(line.file).read_text().splitlines()[line.line - 1]
    assert line.verdict == "cleanup lost"
    assert line.runs < result.points / 5


@pytest.mark.parametrize("level", LEVELS)
def test_the_mended_window_is_clean_at_every_point(level: str) -> None:
    assert swept("sweep_window.py", "--mended", level=level).is_clean


@pytest.mark.parametrize(
    ("words", "is_safe_once", "is_safe_twice"),
    [
        ([], False, False),
        (["--finish"], True, False),
        (["--own"], False, False),
        (["--finish", "--own"], True, True),
    ],
)
def test_both_halves_are_needed(words: list[str], is_safe_once: bool, is_safe_twice: bool) -> None:
    once, twice = (swept("sweep_two_halves.py", *words, signals=number) for number in (1, 2))
    assert HARM.isdisjoint(once.verdicts) == is_safe_once
    assert HARM.isdisjoint(twice.verdicts) == is_safe_twice


@pytest.mark.parametrize("pitfall", ["keyboard_interrupt", "gather", "cleanup", "not_awaited"])
def test_a_pitfall_is_found_with_one_signal(pitfall: str) -> None:
    assert HARM & set(swept(f"pitfall_{pitfall}.py").verdicts)


def test_a_record_that_is_saved_twice_is_found_by_its_exit_status() -> None:
    assert "wrong exit" in swept("pitfall_handlers.py").verdicts
    assert "wrong exit" not in swept("pitfall_handlers.py", "--mended").verdicts


def test_what_a_timeout_hides_is_found_with_two() -> None:
    assert HARM.isdisjoint(swept("pitfall_timeout.py").verdicts)
    assert HARM & set(swept("pitfall_timeout.py", signals=2).verdicts)
