"""What is said of an answer is clear, whatever the answer does; and it is never a pass by accident."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from cancelkit.course import Exercise, Judgement, Verdict, exercise, exercises, runs
from cancelkit.course.promises import ends_with, prints
from cancelkit.course.runs import Run, under_signals
from cancelkit.errors import UnknownExerciseError

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("nothing_left")]

WAITS = """\
import asyncio


async def main():
    print("waits", flush=True)
    await asyncio.sleep(60)


asyncio.run(main())
"""
ONCE = Run("one Ctrl-C", "output=waits,active=0", (ends_with(-2, hint="of the exit"), prints("waits", "of the print")))


@pytest.fixture(autouse=True)
def temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A place of their own, so that what is left can be seen."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def judged(text: str, *a_run: Run, **hints: str) -> Judgement:
    by_number = {int(number.removeprefix("of_")): hint for number, hint in hints.items()}
    return Exercise("99.1", under_signals(*(a_run or [ONCE]), hints=by_number)).check(text)


def test_a_right_answer(tmp_path: Path) -> None:
    found = judged(WAITS)
    assert found.all_kept
    assert str(found).splitlines()[-1] == "99.1: solved"
    assert [*tmp_path.iterdir()] == []


def test_what_is_broken_is_named_with_what_was_seen_and_a_hint() -> None:
    found = judged(
        WAITS.replace("asyncio.run(main())", "try:\n    asyncio.run(main())\nexcept KeyboardInterrupt: pass")
    )
    assert [verdict.is_kept for verdict in found.verdicts] == [False, True]
    assert (
        str(found)
        == """\
one Ctrl-C
  broken  how it ends: killed by SIGINT
          seen: it exited 0
          hint: of the exit
  kept    'waits' is printed
99.1: 1 of 2 kept"""
    )


@pytest.mark.parametrize(("text", "why"), [("x = 1\nif x:\n", "line 3: "), ("def", "line 2: "), ("a\0b", "null")])
def test_what_is_no_python_is_not_run(text: str, why: str) -> None:
    """The line is that of the cell, whose first one is the magic's."""
    (verdict,) = judged(text).verdicts
    assert verdict.promise == "it is Python"
    assert why in verdict.evidence
    assert not verdict.is_kept


def test_an_endless_loop_is_ended_and_its_line_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "DEADLINE", 2.0)
    text = WAITS.replace("    await asyncio.sleep(60)\n", "    while True: pass\n")
    (verdict,) = judged(text, of_0="of the loop").verdicts
    assert verdict.evidence == "it had not ended after 2 s, and was killed; it stood at line 7"
    assert verdict.hint == "of the loop"


def test_a_process_that_kills_itself_is_no_pass() -> None:
    text = WAITS.replace("asyncio.run(main())", "try:\n    asyncio.run(main())\nfinally:\n    os.kill(os.getpid(), 9)")
    (verdict,) = judged(f"import os\n{text}").verdicts
    assert verdict.evidence == "it was killed by SIGKILL, which nobody had sent"


def test_an_answer_that_ends_too_early_says_why() -> None:
    (verdict,) = judged(WAITS.replace('print("waits", flush=True)', 'raise ValueError("early")')).verdicts
    why = "signal 1 was not sent, as output=waits,active=0 did not come: it exited 1, ValueError: early"
    assert verdict.evidence == why
    assert "without any signal" in verdict.hint


def test_a_second_signal_that_was_not_sent_has_a_hint_of_its_own() -> None:
    twice = Run("two Ctrl-C", "output=waits,active=0 then halfway=1", (ends_with(-2, hint="of the exit"),))
    assert judged(WAITS, twice).verdicts[0].hint == runs._AFTER_A_SIGNAL
    (verdict,) = judged(WAITS, twice, of_2="of the second").verdicts
    assert verdict.evidence.startswith("signal 2 was not sent, as halfway=1 did not come: it was killed by SIGINT")
    assert verdict.hint == "of the second"


def test_no_verdict_is_no_solution() -> None:
    assert not Judgement("99.1", ()).all_kept


def test_on_a_page_hints_are_folded_and_nothing_is_markup_that_was_text() -> None:
    page = Judgement("99.1", (Verdict("<b>", "a < b", "1 & 2", "<script>"), Verdict("<b>", "`b`: kept")))._repr_html_()
    assert "<p>&lt;b&gt;</p>" in page
    assert "a &lt; b<br>seen: 1 &amp; 2<details><summary>Hint</summary>&lt;script&gt;</details>" in page
    assert "<li><strong>kept</strong> <code>b</code>: kept</li>" in page
    assert page.endswith("<p><strong>99.1: 1 of 2 kept</strong></p>")


def test_an_exercise_that_is_not_there_is_an_error_that_names_those_that_are() -> None:
    with pytest.raises(UnknownExerciseError, match=r"there is no exercise '99.9'; there are 00.1, "):
        exercise("99.9")
    assert [exercise(each.name) for each in exercises()] == [*exercises()]
