"""Notebook 12: the reader's stages, the hints that failures get, and the solutions of its exercises."""

from __future__ import annotations

import json
import linecache
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from notebook_cells import interrupt_line

from cancelkit.contract.check import Report
from cancelkit.contract.promises import PROMISES

pytestmark = pytest.mark.core

CELLS = json.loads((Path(__file__).parents[1] / "notebooks" / "12_capstone.ipynb").read_text())["cells"]
TEXTS = {cell["id"]: "".join(cell["source"]) for cell in CELLS}
DEFINED = ["the-promises", "head", "judge", "with-gather", "with-group", "runner-parts", "owning", "handing-out"]


class Reader:
    """Somebody who runs cells; what `judge` would check is checked when it is asked for."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"__name__": "reader", "interrupt_line": interrupt_line}
        self.is_judging = False

    def run(self, id_: str, text: str = "") -> None:
        """Run a cell, or what the reader has made of it; functions are found there by `inspect`."""
        text = text or TEXTS[id_]
        text = text.removeprefix("%load_ext cancelkit\n")
        text = re.sub(r"^%interrupt .*$", r"outcome = interrupt_line('\g<0>', path=path)", text, flags=re.MULTILINE)
        filename = f"<cell {id_}>"
        linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
        if not self.is_judging and id_ != "judge":
            text = re.sub(r"^judge\(.*\)$", "", text, flags=re.MULTILINE)
        exec(compile(text, filename, "exec"), self.names)

    def judge(self, call: str, *, leave_out: set[str]) -> Report:
        exec(f"judge({call}, leave_out={leave_out!r})", self.names)
        report: Report = self.names["reports"][-1]
        return report


@pytest.fixture
def reader() -> Iterator[Reader]:
    reader = Reader()
    for id_ in DEFINED:
        reader.run(id_)
    yield reader
    reader.names["folder"].cleanup()


def code_in(id_: str) -> str:
    found = re.search(r"```python\n(.*?)```", TEXTS[id_], re.DOTALL)
    assert found is not None
    return found[1]


def all_but(*ids: str) -> set[str]:
    return {promise.id for promise in PROMISES} - set(ids)


def broken(report: Report) -> set[str]:
    return {verdict.id for verdict in report.verdicts if verdict.verdict == "broken"}


# The stages.


def test_four_promises_are_left_out_because_every_stage_keeps_them(reader: Reader) -> None:
    four = ("limit", "before-start", "restored", "results")
    assert reader.names["NOT_NOW"] == {*four, "stubborn"}
    for call in ("with_gather", "with_group", "with_group, owning", "handing_out, owning"):
        assert broken(reader.judge(call, leave_out=all_but(*four))) == set(), call
    reader.run("telling")
    assert broken(reader.judge("handing_out, owning", leave_out=all_but(*four))) == set()


def test_without_patience_the_last_promise_is_broken(reader: Reader) -> None:
    reader.run("telling")
    (stubborn,) = (promise for promise in PROMISES if promise.id == "stubborn")
    only_this_act = {"a cleanup hangs": stubborn.judges["a cleanup hangs"]}  # the other one takes longer
    reader.names["PROMISES"] = [replace(stubborn, judges=only_this_act)]
    assert broken(reader.judge("handing_out, owning", leave_out=set())) == {"stubborn"}
    reader.run("patience")
    reader.run("all-sixteen")
    assert broken(reader.judge("handing_out, owning", leave_out=set())) == set()


def test_what_is_new_is_said(reader: Reader, capsys: pytest.CaptureFixture[str]) -> None:
    for call in ("with_gather", "with_group"):
        reader.judge(call, leave_out=all_but("errors", "lazy"))
    first, second = capsys.readouterr().out.split("0 of 2 kept\n")
    assert first.splitlines() == [
        "broken  errors           in 'an error'",
        "broken  lazy             in 'a generator'",
    ]
    assert re.sub(" +", " ", second).splitlines() == [
        "kept errors <- new",
        "broken lazy in 'a generator'",
        "1 of 2 kept",
    ]


def test_a_runner_that_asks_at_every_signal_breaks_the_second_one(reader: Reader) -> None:
    """So it is worth its lines that ours asks once."""
    once = "        for owned in before:\n            signal.signal(owned, signal.SIG_IGN)\n"
    assert once in TEXTS["owning"]
    reader.run("owning", TEXTS["owning"].replace(once, ""))
    assert broken(reader.judge("with_group, owning", leave_out=all_but("two-signals"))) == set()  # a group waits
    assert broken(reader.judge("handing_out, owning", leave_out=all_but("two-signals"))) == {"two-signals"}


def test_before_its_first_step_main_has_to_be_stopped_by_the_runner(reader: Reader) -> None:
    check = "    if interrupted:  # before our first step\n        main.close()\n        raise asyncio.CancelledError\n"
    assert check in TEXTS["runner-parts"]
    reader.run("runner-parts", TEXTS["runner-parts"].replace(check, ""))
    assert broken(reader.judge("handing_out, owning", leave_out=all_but("before-start"))) == {"before-start"}


# The exercises.


@pytest.fixture
def patient_reader(reader: Reader) -> Reader:
    for id_ in ("telling", "patience", "all-sixteen"):
        reader.run(id_)
    return reader


@pytest.mark.parametrize(
    ("solved", "finished", "ended", "says"),
    [(False, 0, "killed by SIGHUP", "hint: a signal that nobody owns"), (True, 2, "exited 129", "")],
)
def test_exercise_1(
    patient_reader: Reader, capsys: pytest.CaptureFixture[str], finished: int, ended: str, says: str, *, solved: bool
) -> None:
    given = 'your_signals = "(signal.SIGINT, signal.SIGTERM)"'
    assert given in TEXTS["try-signals"]
    solution = re.search(r'`(your_signals = ".*?")`', TEXTS["solution-signals"])
    assert solution is not None
    patient_reader.run("try-signals", TEXTS["try-signals"].replace(given, solution[1] if solved else given))
    outcome = patient_reader.names["outcome"]
    assert (outcome.cleanups_finished, outcome.ended) == (finished, ended)
    assert capsys.readouterr().out.startswith(says)
    if solved:
        assert f"*the program: {ended}*" in TEXTS["solution-signals"]


SWALLOWS = """
async def your_finish(cleanup):
    task = asyncio.create_task(cleanup)
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            pass
"""


@pytest.mark.parametrize(
    ("mine", "says"),
    [
        ("", ["0 of 2 cleanups finished; 0 jobs went on as if nothing had happened", "hint: `await` hands"]),
        (SWALLOWS, ["2 of 2 cleanups finished; 2 jobs went on as if nothing had happened", "hint: a cancellation"]),
        ("solution", ["2 of 2 cleanups finished; 0 jobs went on as if nothing had happened"]),
    ],
)
def test_exercise_2(patient_reader: Reader, capsys: pytest.CaptureFixture[str], mine: str, says: list[str]) -> None:
    patient_reader.run("try-finish", code_in("solution-finish") if mine == "solution" else mine)
    patient_reader.run("check-finish")
    said = capsys.readouterr().out.splitlines()
    assert [line[: len(begins)] for line, begins in zip(said, says, strict=True)] == says


NEVER_BEGINS = "async def your_begin(job):\n    raise asyncio.CancelledError\n"


@pytest.mark.parametrize(
    ("mine", "says"),
    [
        ("", ["without a signal 3 jobs begin", "began after the signal: job-1, job-2", "hint: your_begin runs"]),
        (NEVER_BEGINS, ["without a signal 0 jobs begin", "began after the signal: none", "hint: without a signal"]),
        ("solution", ["without a signal 3 jobs begin", "began after the signal: none"]),
    ],
)
def test_exercise_3(patient_reader: Reader, capsys: pytest.CaptureFixture[str], mine: str, says: list[str]) -> None:
    patient_reader.run("try-hole", code_in("solution-hole") if mine == "solution" else mine)
    patient_reader.run("check-hole")
    said = capsys.readouterr().out.splitlines()
    assert [line[: len(begins)] for line, begins in zip(said, says, strict=True)] == says
