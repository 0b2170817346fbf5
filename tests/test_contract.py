"""The contract: for each promise there is an implementation that breaks it, and is found out.

That the kit keeps every promise, and each pattern those of its docstring, is measured for the pages: test_pages.py.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cancelkit.contract.acts import ACTS
from cancelkit.contract.check import check, target_named
from cancelkit.contract.promises import PROMISES
from cancelkit.errors import UnusableTargetError
from cancelkit.lab import Experiment, perform
from cancelkit.lab.scenarios import STAGE

pytest.importorskip("click")
pytestmark = pytest.mark.usefixtures("nothing_left")

BREAKS = Path(__file__).with_name("programs") / "breaks.py"
BY_ID = {promise.id: promise for promise in PROMISES}


def test_every_act_tests_a_promise() -> None:
    assert {act for promise in PROMISES for act in promise.judges} == set(ACTS)


@pytest.mark.parametrize("promise", BY_ID)
def test_who_breaks_a_promise_is_found_out(promise: str) -> None:
    name = promise.replace("-", "_")
    has_runner = f"{name}_runner" in BREAKS.read_text()
    runner = f"{BREAKS}:{name}_runner" if has_runner else "cancelkit:run"
    report = check(target_named(f"{BREAKS}:{name}", runner), [BY_ID[promise]])
    (verdict,) = report.verdicts
    assert verdict.verdict == "broken"
    assert verdict.act in BY_ID[promise].judges
    assert "not do the work" not in verdict.why
    assert "could not be sent" not in verdict.why, verdict


def test_who_leaves_a_generator_open_is_found_out() -> None:
    report = check(target_named(f"{BREAKS}:leaves_generator_open", "cancelkit:run"), [BY_ID["no-leftovers"]])
    assert report.verdicts[0][1:3] == ("broken", "a generator interrupted: the generator of jobs was left open")


def test_a_target_and_its_runner_in_one_file_are_imported_once(tmp_path: Path) -> None:
    file = tmp_path / "both.py"
    file.write_text(
        "import asyncio, cancelkit\n"
        "ran = []\n"
        "def runner(main):\n"
        "    ran.append(main)\n"
        "    asyncio.run(main)\n"
        "async def target(tasks, limit):\n"
        "    print('run by this file:', bool(ran))\n"
        "    return await cancelkit.run_tasks(tasks, limit)\n"
    )
    words = [f"{file}:target", f"{file}:runner", "2", "short"]
    outcome = perform(Experiment(STAGE, [], words, deadline=60, expect=0))
    assert "run by this file: True" in outcome.stdout


def test_who_ends_without_a_word_is_found_out() -> None:
    report = check(target_named("cancelkit:run_tasks", f"{BREAKS}:silent_runner"), [BY_ID["stubborn"]])
    assert [verdict.verdict for verdict in report.verdicts] == ["broken"]
    for job in ("job-1", "job-2"):
        assert f"nobody was told where {job} is stuck" in report.verdicts[0].why
    assert "nobody was told that it is job-1" in report.verdicts[0].why


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("runs_nothing", "without having run job-1, job-2"),
        ("runs_one_by_one", "never ran more than 1 job at a time"),
        ("blocks_the_loop", "does not end"),
        ("exits", "without having run job-1, job-2"),
        ("returns_nothing", "returns no results: exited 0"),
        ("takes_one_argument", "job-5: exited 1, TypeError: takes_one_argument() takes 1 positional argument"),
        ("is_not_awaitable", "job-5: exited 1, TypeError: object list can't be used in 'await' expression"),
    ],
)
def test_who_does_no_work_keeps_no_promise(name: str, why: str) -> None:
    report = check(target_named(f"{BREAKS}:{name}", "cancelkit:run"))
    assert [(verdict.id, verdict.verdict) for verdict in report.verdicts] == [(id_, "broken") for id_ in BY_ID]
    assert all(why in verdict.why for verdict in report.verdicts), report.verdicts


@pytest.mark.parametrize(
    ("target", "runner", "why"),
    [
        ("nothing/here.py:run_tasks", "asyncio:run", "nothing/here.py"),
        ("no_such_package.jobs:run_tasks", "asyncio:run", "No module named 'no_such_package'"),
        (f"{BREAKS}:no_such_name", "asyncio:run", "no_such_name"),
        (f"{BREAKS}:not_callable", "asyncio:run", "is 7, which is no function"),
        ("SPOILT:run_tasks", "asyncio:run", "SyntaxError: invalid syntax (spoilt.py, line 1)"),
        ("EXITS:run_tasks", "asyncio:run", "exited 0"),
        ("cancelkit:run_tasks", "asyncio:no_such_runner", "no_such_runner"),
    ],
)
def test_what_cannot_be_used(target: str, runner: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "spoilt.py").write_text("def run_tasks(:\n")
    (tmp_path / "exits.py").write_text("raise SystemExit(0)\n")
    target = target.replace("SPOILT", f"{tmp_path}/spoilt.py").replace("EXITS", f"{tmp_path}/exits.py")
    with pytest.raises(UnusableTargetError, match="cannot be used") as caught:
        check(target_named(target, runner))
    assert why in str(caught.value)


def command(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cancelkit", "check", *words], capture_output=True, text=True, check=False, cwd=cwd
    )


def test_the_command() -> None:
    kept = command("cancelkit:run_tasks", "--only", "limit", "--only", "sigterm")
    assert (kept.returncode, kept.stderr) == (0, "")
    head, *lines = kept.stdout.splitlines()
    assert head == "cancelkit:run_tasks under cancelkit:run"
    assert [line.split(":")[0] for line in lines] == ["kept    limit", "kept    sigterm"]


def test_the_command_shows_where_a_promise_was_broken() -> None:
    broken = command("cancelkit:run_tasks", "--runner", "asyncio:run", "--only", "sigterm")
    assert (broken.returncode, broken.stderr) == (1, "")
    assert "sigterm was broken here: SIGTERM\n" in broken.stdout
    assert "signal 1: SIGTERM, landed on 2 active\n" in broken.stdout
    assert broken.stdout.endswith("the program: killed by SIGTERM\n")


def test_the_command_for_programs(tmp_path: Path) -> None:
    (tmp_path / "ours.py").write_text("from cancelkit.patterns.tracking import run_tasks\n")
    (tmp_path / "moments.py").write_text("raise AssertionError('not to be imported')\n")
    done = command("ours:run_tasks", "--json", "--only", "closing", "--only", "results", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    answer = json.loads(done.stdout)
    assert (answer["target"], answer["runner"]) == ("ours:run_tasks", "asyncio:run")
    assert {id_: verdict["verdict"] for id_, verdict in answer["promises"].items()} == {
        "closing": "broken",
        "results": "kept",
    }
    assert answer["promises"]["results"]["why"] == "no signal"


@pytest.mark.parametrize(
    "words", [["cancelkit"], ["cancelkit:"], [":run_tasks"], ["cancelkit:run_tasks", "--runner", "x"]]
)
def test_words_that_are_no_target(words: list[str]) -> None:
    done = command(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "is no path.py:function or package.module:function" in done.stderr


def test_a_target_that_is_not_there() -> None:
    done = command("nothing/here.py:run_tasks")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("cancelkit: ")
    assert "Traceback" not in done.stderr
