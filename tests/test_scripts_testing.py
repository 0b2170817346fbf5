"""scripts/testing_*.py: what notebook 08 says of them holds."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from signal import SIGINT, SIGTERM
from typing import Any

import pytest

from cancelkit.errors import MomentNotReachedError
from cancelkit.lab import Experiment, Outcome, active, cleaning, output, perform, perform_all, queued, signals_at
from cancelkit.lab.moments import Moment, Moments
from cancelkit.lab.scenarios import SCENARIOS, TARGETS

pytestmark = pytest.mark.core

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "scripts"
KINDS = ("gather", "group", "owned")
TWO_ARE_SERVED = active(2) & queued(1)
CLOSING_LOOP = "by the closing loop"


def interrupt(kind: str, when: Moment | Moments, *arguments: str, signum: Any = SIGINT) -> Outcome:
    program = SCRIPTS / f"testing_service_{kind}.py"
    return perform(Experiment(program, signals_at(when, [signum]), arguments, deadline=100))


def by_timeout(*arguments: str) -> Outcome:
    return perform(Experiment(SCRIPTS / "testing_by_timeout.py", [], arguments, deadline=100))


def requests(outcome: Outcome) -> dict[str, list[str]]:
    """By whom the task of each client was asked to end."""
    return {
        lane.name: [mark.more.partition(" at ")[0] for mark in lane.marks if mark.what == "cancel requested"]
        for lane in outcome.timeline.lanes
        if lane.name in ("ann", "bob", "cy")
    }


def broken(outcome: Outcome) -> list[str]:
    return [verdict.id for verdict in outcome.broken]


def source(id_: str) -> str:
    """A cell of the notebook."""
    cells = json.loads((ROOT / "notebooks" / "08_testing_with_real_signals.ipynb").read_text())["cells"]
    (text,) = ["".join(cell["source"]) for cell in cells if cell["id"] == id_]
    return text


@pytest.fixture(scope="module")
def notebook() -> Iterator[dict[str, Any]]:
    """The functions of the notebook that run pytest, in the folder where it does."""
    before = dict(os.environ)
    with contextlib.chdir(ROOT / "notebooks"):
        found: dict[str, Any] = {}
        exec(source("run-pytest"), found)
        yield found
    os.environ.clear()
    os.environ.update(before)


def verdicts(notebook: dict[str, Any], file: str, *words: str) -> dict[str, str]:
    report = perform(notebook["pytest_on"](f"../scripts/{file}", *words)).stdout
    found: dict[str, str] = notebook["verdicts"](report)
    assert found, report
    return found


# Without a signal.


def test_without_a_signal_all_services_pass(notebook: dict[str, Any]) -> None:
    found = verdicts(notebook, "testing_by_timeout.py")
    assert found == {f"test_{test}[{kind}]": "PASSED" for test in ("timeout", "raised") for kind in KINDS}


def test_a_timeout_asks_everybody_once_in_a_loop_that_goes_on() -> None:
    outcome = by_timeout()
    assert outcome.stdout.count("goodbye") == outcome.stdout.count("served") == 2
    assert {name: len(asked) for name, asked in requests(outcome).items()} == {"ann": 1, "bob": 1, "cy": 1}


def test_without_patience_the_closing_loop_asks_again() -> None:
    outcome = by_timeout("0")
    assert outcome.stdout.count("goodbye") == 0
    assert [asked[1:] for asked in requests(outcome).values()] == [[CLOSING_LOOP], [CLOSING_LOOP], []]


# With real signals.


@pytest.fixture(scope="module")
def once() -> Outcome:
    return interrupt("gather", TWO_ARE_SERVED)


def test_one_ctrl_c_loses_both_goodbyes_of_the_gather(once: Outcome) -> None:
    assert once.stdout.splitlines() == ["loading", "ann: served", "bob: served"]
    assert once.returncode == -SIGINT
    assert [asked[1:] for asked in requests(once).values()] == [[CLOSING_LOOP], [CLOSING_LOOP], []]


def test_the_checklist_names_the_bug(once: Outcome) -> None:
    words = ["not applicable", "kept", "kept", "broken", "kept", "kept"]
    assert [verdict.verdict for verdict in once.checklist] == words
    lines = (SCRIPTS / "testing_service_gather.py").read_text().splitlines()
    line = next(number for number, text in enumerate(lines, 1) if "asyncio.sleep(0.2)" in text)
    where = f"cleanup interrupted, on sleep at testing_service_gather.py:{line}"
    assert once.checklist[3].why == f"ann: {where}; bob: {where}"


def test_main_ends_before_the_goodbyes_do_under_a_gather_and_after_them_in_a_group(once: Outcome) -> None:
    in_group = interrupt("group", TWO_ARE_SERVED.then(cleaning(2)))
    for outcome, is_last in ((once, False), (in_group, True)):
        ends = {lane.name: lane.spans[-1].end for lane in outcome.timeline.lanes}
        assert (ends["main"] > max(ends["ann"], ends["bob"])) is is_last
    assert [lane.name for lane in in_group.timeline.lanes if "cancelled twice" in lane.remarks] == [
        "main",
        "ann",
        "bob",
    ]
    assert in_group.stdout.count("goodbye") == 0


@pytest.mark.parametrize(
    ("when", "signum", "expected"),
    [
        (TWO_ARE_SERVED, SIGINT, (["cleanup"], [], [])),
        (TWO_ARE_SERVED.then(cleaning(2)), SIGINT, (["cleanup"], ["cleanup"], [])),
        (TWO_ARE_SERVED, SIGTERM, (*[["awaiting", "queued", "cleanup", "leaks"]] * 2, [])),
    ],
    ids=["once", "twice", "SIGTERM"],
)
def test_what_is_broken(when: Moment | Moments, signum: Any, expected: Sequence[list[str]]) -> None:
    for kind, ids in zip(KINDS, expected, strict=True):
        outcome = interrupt(kind, when, signum=signum)
        assert broken(outcome) == ids
        assert outcome.stdout.count("goodbye") == (0 if "cleanup" in ids else 2)
        assert outcome.returncode == (128 + signum if (kind, signum) == ("owned", SIGTERM) else -signum)


def test_in_pytest_the_same_is_found(notebook: dict[str, Any]) -> None:
    found = verdicts(notebook, "testing_by_moments.py", "-k", "not slow")
    passed = [test for test, word in found.items() if word == "PASSED"]
    assert len(found) == 9
    assert sorted(passed) == [
        "test_ctrl_c[group]",
        "test_ctrl_c[owned]",
        "test_ctrl_c_twice[owned]",
        "test_sigterm[owned]",
    ]


def test_the_services_differ_in_the_lines_that_are_said() -> None:
    gather, group, owned = (
        (SCRIPTS / f"testing_service_{kind}.py").read_text().split('"""', 2)[2].splitlines() for kind in KINDS
    )
    assert len({*gather} - {*group}) == 2
    assert {*owned} - {*group} == {"import cancelkit", "    cancelkit.run(main(*map(float, sys.argv[1:])))"}


# Moments instead of sleeps.


def test_the_test_that_sleeps_passes_and_the_moment_finds_the_bug(notebook: dict[str, Any]) -> None:
    assert verdicts(notebook, "testing_by_sleeping.py", "-k", "slow") == {"test_ctrl_c_slow_start": "PASSED"}
    found = verdicts(notebook, "testing_by_moments.py", "-k", "slow and not group")
    assert found == {"test_ctrl_c_slow_start[gather]": "FAILED", "test_ctrl_c_slow_start[owned]": "PASSED"}


@pytest.mark.parametrize("kind", KINDS)
def test_while_it_loads_nobody_is_owed_anything(kind: str) -> None:
    outcome = interrupt(kind, output("loading\n") & active(0), "2")
    assert outcome.stdout == "loading\n"
    assert outcome.clean
    assert [verdict.verdict for verdict in outcome.checklist[:4]] == ["not applicable"] * 4


def test_a_moment_that_never_comes_is_an_error() -> None:
    experiment = Experiment(SCRIPTS / "testing_by_timeout.py", signals_at(active(4)), deadline=100)
    with pytest.raises(MomentNotReachedError, match=r"ended \(exited 0\), and the moment active=4 had not come\."):
        perform(experiment)


# Scenarios: the whole table is in test_lab_scenarios.py.


def test_rapid_repeats_cancel_each_job_once_and_a_signal_in_cleanup_twice() -> None:
    names = ("second signal in cleanup", "rapid repeats")
    outcomes = perform_all([SCENARIOS[name].experiment(TARGETS["task_group"], pace=0) for name in names])
    for outcome, is_twice in zip(outcomes, (True, False), strict=True):
        jobs = outcome.timeline.lanes[1:3]
        assert [lane.name for lane in jobs] == ["job-1", "job-2"]
        assert [lane.remarks for lane in jobs] == [("cancelled twice",) if is_twice else ()] * 2
        left = [leak.name for leak in outcome.leaks if leak.kind == "temporary file"]
        assert left == (["job-1.part", "job-2.part"] if is_twice else [])


# From other languages.


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "cancelkit", "interrupt", "--json", *words]


@pytest.mark.parametrize(("kind", "is_clean"), [("group", False), ("owned", True)])
def test_json_says_what_is_broken_and_the_exit_status_does_not(kind: str, *, is_clean: bool) -> None:
    pytest.importorskip("click")
    words = command(str(SCRIPTS / f"testing_service_{kind}.py"), "--when", "active=2 and queued=1 then cleaning=2")
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    checklist = json.loads(done.stdout)["checklist"]
    assert [name for name, answer in checklist.items() if answer["verdict"] == "broken"] == ["cleanup"] * (not is_clean)
    if shutil.which("jq"):
        (program,) = re.findall(r"jq -e '(.*)'", source("json-explained"))
        light = subprocess.run(["jq", "-e", program], input=done.stdout, capture_output=True, text=True, check=False)
        assert light.returncode == (0 if is_clean else 1)


def test_an_experiment_that_cannot_be_made_has_exit_status_2(tmp_path: Path) -> None:
    pytest.importorskip("click")
    words = command(str(tmp_path / "absent.py"), "--when", "active=2")
    assert subprocess.run(words, capture_output=True, check=False).returncode == 2


def test_the_reports_of_pytest_are_read_alike_wherever_they_are_made(
    notebook: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    assert "PYTEST_CURRENT_TEST" in os.environ
    found = verdicts(notebook, "testing_by_moments.py", "-k", "sigterm and not group")
    assert found == {"test_sigterm[gather]": "FAILED", "test_sigterm[owned]": "PASSED"}
