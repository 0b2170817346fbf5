"""Verdicts: each word from events made by hand, and from a program; the worst is what is said of a run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cancelkit.sweep import Program, program_at, sweep
from cancelkit.sweep.pool import Task, Warm
from cancelkit.sweep.runs import Run, Spot
from cancelkit.sweep.verdicts import WORDS, Verdict, judge
from cancelkit.trace.events import Event

pytestmark = pytest.mark.core

has_checks = pytest.mark.skipif(sys.version_info < (3, 12), reason="level check needs Python 3.12")

HERE, THERE = "program.py:7", "program.py:9"
SIGNAL = Event(0, "signal received", None, {"signal": "SIGINT"})


def created(task: int = 1, coro: str = "worker") -> Event:
    return Event(0, "created", task, {"name": f"Task-{task}", "coro": coro, "loop": 1})


def step(task: int = 1) -> Event:
    return Event(0, "step", task)


def waits(task: int = 1, *, on: str = "sleep", at: str = HERE, cleanup: bool = False) -> Event:
    return Event(0, "suspended", task, {"on": on, "at": at, "cleanup": cleanup, "cancelling": False})


def cancelled(task: int = 1) -> Event:
    return Event(0, "cancel delivered", task)


def ended(task: int = 1, how: str = "cancelled", **detail: Any) -> Event:
    return Event(0, "ended", task, {"how": how, **detail})


def says(what: str, task: int | None = 1, job: str = "the record") -> Event:
    return Event(0, "report", task, {"what": what, "job": job})


def complaint(what: str, **detail: Any) -> Event:
    return Event(0, "complaint", None, {"what": what, **detail})


BEGUN = [created(), step(), waits()]
INTERRUPTED = [SIGNAL, cancelled(), step(), ended()]
CLEANS = [created(), step(), waits(cleanup=True, at=THERE)]
LOST, AT_AN_END = [created(), step(), says("holding"), waits(), *INTERRUPTED], [*BEGUN, *INTERRUPTED]
LATE = [*AT_AN_END, created(2), step(2), says("holding", 2), says("cleanup finished", 2), ended(2, "finished")]

BY_HAND: list[tuple[str, Sequence[Event], int | None, Sequence[str]]] = [
    ("clean", AT_AN_END, -2, []),
    ("clean", AT_AN_END, 130, []),
    ("clean", [created(), step(), ended(how="finished")], 0, []),
    ("clean", [*LOST[:-1], says("cleanup finished"), ended()], -2, []),
    ("hung", [*BEGUN, SIGNAL], None, []),
    ("cleanup lost", LOST, -2, []),
    ("cleanup lost", [*CLEANS, SIGNAL], -2, []),
    ("cleanup lost", [created(coro="_cleanup_of_finish"), *AT_AN_END[1:]], -2, []),
    ("clean", [created(coro="_cleanup_of_finish"), step(), SIGNAL, ended(how="finished")], -2, []),
    ("cleanup interrupted", [*CLEANS, *INTERRUPTED], -2, []),
    ("cleanup interrupted", [*CLEANS, SIGNAL, ended(how="failed", error="KeyboardInterrupt")], -2, []),
    ("clean", [created(), step(), waits(cleanup=True, on="shield"), *INTERRUPTED], -2, []),
    ("late start", LATE, -2, []),
    ("late start", [*AT_AN_END, says("begun", None)], -2, []),
    ("late start", [*BEGUN, SIGNAL, step(), says("begun"), ended()], -2, []),
    ("clean", [*BEGUN, says("begun"), *INTERRUPTED], -2, []),
    ("interrupt swallowed", AT_AN_END, 0, []),
    ("wrong exit", AT_AN_END, 1, []),
    ("wrong exit", AT_AN_END, -15, []),
    ("leftovers", AT_AN_END, -2, ["thread of no use"]),
    ("leftovers", [*BEGUN, SIGNAL], -2, []),
    ("leftovers", [*AT_AN_END, complaint("never awaited", coro="job")], -2, []),
]

IN_THE_LONG_WAIT = [
    ("clean", "clean", ""),
    ("loses_what_it_holds", "cleanup lost", "# the record is lost here"),
    ("loses_in_a_child", "cleanup lost", "# the child's record is lost here"),
    ("loses_and_fails", "cleanup lost", "# lost, and it fails as well"),
    ("finishes", "clean", ""),
    ("cleans_up_slowly", "clean", ""),
    ("is_in_its_cleanup", "cleanup interrupted", "# a cleanup that the first signal reaches"),
    ("starts_late", "late start", ""),
    ("goes_on_with_old_work", "clean", ""),
    ("swallows", "interrupt swallowed", ""),
    ("fails", "wrong exit", ""),
    ("exits_otherwise", "wrong exit", ""),
    ("never_awaits", "leftovers", ""),
    ("leaves_a_thread", "leftovers", ""),
    ("leaves_a_file", "leftovers", ""),
    ("left_pending", "leftovers", ""),
    ("hangs", "hung", "# for ever"),
]
"""A program, its verdict, and the text of the line that is to be blamed, if there is one."""


@pytest.mark.parametrize(("word", "events", "status", "left"), BY_HAND)
def test_words_by_hand(word: str, events: Sequence[Event], status: int | None, left: Sequence[str]) -> None:
    assert judge(events, status, "", left).word == word


def test_the_worst_is_what_is_said() -> None:
    """One thing after the other is mended, from the worst on."""
    run = [*CLEANS, *INTERRUPTED, says("holding", None), says("begun", None, "job")]
    tidied = [*run, says("cleanup finished", None)]
    late = [*AT_AN_END, says("begun", None, "job")]
    found = [
        judge(run, None, "", ["a file"]),
        judge(run, 1, "", ["a file"]),
        judge(tidied, 1, "", ["a file"]),
        judge(late, 1, "", ["a file"]),
        judge(AT_AN_END, 0, "", ["a file"]),
        judge(AT_AN_END, 1, "", ["a file"]),
        judge(AT_AN_END, -2, "", ["a file"]),
    ]
    assert [verdict.word for verdict in found] == [
        word for word in WORDS if word not in ("clean", "crashed", "unresolved")
    ]


def test_why_and_where() -> None:
    lost = judge(LOST, -2, "", [])
    assert lost == Verdict("cleanup lost", "the record was never tidied up", HERE)
    why = "the cleanup of worker was cancelled while it waited for sleep"
    assert judge([*CLEANS, *INTERRUPTED], -2, "", []) == Verdict("cleanup interrupted", why, THERE)
    hung = judge([*BEGUN, SIGNAL, waits(on="future", at=THERE)], None, "", [])
    assert hung == Verdict("hung", "waits for ever: worker on future", THERE)
    assert judge(AT_AN_END, 1, "ValueError", []).why == "exit status 1, ValueError"
    assert judge(AT_AN_END, -2, "", ["a file", "a file", "a thread"]).why == "a file, a thread"


def test_old_work_that_takes_hold_of_something_is_not_late() -> None:
    tidies = [says("holding", 2), says("cleanup finished", 2), ended(2, "finished")]
    before = [created(2), step(2), waits(2), *BEGUN, SIGNAL, step(2), *tidies, *INTERRUPTED[1:]]
    assert judge(before, -2, "", []) == Verdict("clean")


def test_what_was_under_way_when_the_signal_came_is_not_late() -> None:
    first_step = [created(), step(), SIGNAL, says("begun"), says("holding"), says("cleanup finished"), ended()]
    assert judge(first_step, -2, "", []) == Verdict("clean")


def test_a_run_without_a_signal_may_end_as_it_likes() -> None:
    assert judge([created(), step(), ended(how="failed", error="ValueError")], 1, "ValueError", []) == Verdict("clean")


def program(programs: Path, name: str) -> Program:
    return program_at(programs / "swept_verdicts.py", [name])


def line_with(programs: Path, text: str) -> str:
    file = programs / "swept_verdicts.py"
    (number,) = [n for n, line in enumerate(file.read_text().splitlines(), 1) if text in line]
    return f"{file}:{number}"


def at_the_long_wait(warm: Warm) -> tuple[int, Spot]:
    """The point of the wait that takes an hour, and its spot."""
    survey = warm.survey()
    gaps = [after - before for before, after in zip(survey.times, survey.times[1:], strict=False)]
    place = gaps.index(max(gaps))
    site = survey.sites[survey.order[place]]
    assert site.function == "BaseSelector.select"
    return place + 1, Spot(site, survey.order[: place + 1].count(survey.order[place]))


def interrupted(programs: Path, name: str) -> Run:
    """The run of a program that is interrupted in its long wait."""
    with Warm(program(programs, name), "step") as warm:
        point, spot = at_the_long_wait(warm)
        return warm.alone(Task((point,), spot))


def interrupted_again(programs: Path, name: str) -> list[Run]:
    """The runs of a program that is interrupted in its long wait, and once more at each point after that."""
    with Warm(program(programs, name), "step") as warm:
        point, spot = at_the_long_wait(warm)
        passed = warm.alone(Task((point,), spot)).passed
        return [warm.alone(Task((point, gap), spot)) for gap in range(1, passed - point + 1)]


@pytest.mark.parametrize(("name", "word", "text"), IN_THE_LONG_WAIT)
def test_words_of_programs(programs: Path, name: str, word: str, text: str) -> None:
    run = interrupted(programs, name)
    assert (run.verdict.word, run.signals, len(run.landed)) == (word, 1, 1), run.verdict
    assert run.verdict.at == (line_with(programs, text) if text else "")


def test_a_cleanup_inside_finish_is_lost_at_the_second_signal(programs: Path) -> None:
    found = {run.verdict for run in interrupted_again(programs, "finishes")}
    assert "a cleanup inside finish() was cancelled" in {each.why for each in found if each.word == "cleanup lost"}


def test_a_plain_cleanup_is_interrupted_by_the_second_signal(programs: Path) -> None:
    found = [run.verdict for run in interrupted_again(programs, "cleans_up_slowly")]
    where = {verdict.at for verdict in found if verdict.word == "cleanup interrupted"}
    assert where == {line_with(programs, "# a cleanup that the second signal reaches")}


@has_checks
def test_a_first_step_that_is_under_way_is_not_late(programs: Path) -> None:
    swept = sweep(program(programs, "begins"), level="check", only=["swept_verdicts.py"], jobs=1)
    place = line_with(programs, "# before it takes hold of anything")
    runs = [run for run in swept.runs if run.own == (place,)]
    assert runs
    assert {run.verdict.word for run in runs} == {"clean"}
