"""Every command in the README runs, and the picture and files that it names are there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from signal import SIGINT

import pytest

from cancelkit.lab import Experiment, perform
from cancelkit.lab.moments import Moment

pytest.importorskip("click")
pytest.importorskip("matplotlib")

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
RUN_ELSEWHERE = {"make test": "these are its tests"}
"""Commands that are not run here, and why."""


FINDS_SOMETHING = (
    "cancelkit sweep cancelkit.patterns.task_group:run_tasks --plot map.png",
    "cancelkit sweep scripts/sweep_window.py",
)
"""Their exit status says so."""


def commands() -> list[str]:
    """Every line of the README's shell blocks."""
    return [line for block in re.findall(r"```sh\n(.*?)```", README, re.S) for line in block.splitlines()]


@pytest.mark.parametrize("command", [command for command in commands() if command not in RUN_ELSEWHERE])
def test_command_runs(command: str) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    if command == "make demo":  # what it runs after setting up, which has been done if this test runs under make
        command = "python tools/demo.py --plot build/readme-demo.png"
    done = subprocess.run(
        command, shell=True, cwd=ROOT, env=os.environ | {"PATH": path}, capture_output=True, text=True
    )
    for written in ("two.png", "run.jsonl", "run.png", "run.json", "map.png"):
        (ROOT / written).unlink(missing_ok=True)
    assert done.returncode == (1 if command in FINDS_SOMETHING else 0), done.stderr
    assert done.stdout


@pytest.mark.parametrize("pattern", ["task_group", "tracking", "handlers", "context_manager"])
def test_one_ctrl_c_loses_a_cleanup_that_is_under_way(pattern: str) -> None:
    outcome = perform(Experiment(ROOT / "scripts" / f"{pattern}.py", [(Moment.parse("cleaning=2"), SIGINT)]))
    assert (outcome.cleanups_finished, outcome.jobs_begun) == (0, 2)


@pytest.mark.parametrize("pattern", ["task_group", "tracking", "handlers", "context_manager"])
def test_a_job_whose_place_has_just_become_free_can_begin_after_the_signal(pattern: str) -> None:
    outcome = perform(Experiment(ROOT / "scripts" / f"{pattern}.py", [(Moment.parse("ended=1"), SIGINT)]))
    assert [job.name for job in outcome.timeline.jobs_begun_late] == ["job-3"]


def test_finish_loses_no_cleanup_that_is_under_way() -> None:
    outcome = perform(Experiment(ROOT / "scripts/run_and_finish.py", [(Moment.parse("cleanups=2"), SIGINT)]))
    assert (outcome.cleanups_finished, outcome.jobs_begun) == (2, 2)


@pytest.mark.parametrize(("arguments", "finished"), [([], 2), (["--owned"], 3)])
def test_what_is_left_behind_is_cleaned_up_only_if_the_signals_are_owned(arguments: list[str], finished: int) -> None:
    outcome = perform(Experiment(ROOT / "scripts/leftover.py", [(Moment.parse("cleanups=3"), SIGINT)], arguments))
    assert (outcome.cleanups_finished, outcome.jobs_begun) == (finished, 3)


def test_commands_are_found() -> None:
    assert {"make demo", "make test"} < set(commands())


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"\]\(((?!https:)[^)]+)\)|`((?:scripts|cancelkit)/[\w./]+)`", README)))
)
def test_named_file_is_there(path: tuple[str, str]) -> None:
    assert (ROOT / "".join(path)).exists()


def test_gather_cancels_queued_jobs_and_loses_cleanup_as_the_readme_says() -> None:
    at_work = Moment.parse("holding=4")
    plain = perform(Experiment(ROOT / "scripts/gather.py", [(at_work, SIGINT)]))
    mended = perform(Experiment(ROOT / "scripts/gather.py", [(at_work, SIGINT)], ["--return-exceptions"]))
    for outcome in (plain, mended):
        ends = {lane.name: lane.end for lane in outcome.timeline.lanes}
        assert [ends[f"job-{queued}"] for queued in (5, 6, 7)] == ["cancelled"] * 3
        assert not outcome.timeline.jobs_begun_late
    assert (plain.cleanups_finished, plain.jobs_begun) == (2, 4)
    assert (mended.cleanups_finished, mended.jobs_begun) == (4, 4)


def test_what_to_write_in_your_own_program_works(tmp_path: Path) -> None:
    snippet = re.search(r"```python\n(.*?)```", README, re.S)
    assert snippet is not None
    program = tmp_path / "service.py"
    program.write_text(SERVICE + snippet[1])
    moment = Moment.parse("active=10")
    outcome = perform(Experiment(program, [(moment, SIGINT), (Moment.parse("cleaning=20"), SIGINT)]))
    assert outcome.returncode == -SIGINT
    assert outcome.stdout == "goodbye\n" * 10


SERVICE = """
import asyncio

class Connection:
    async def goodbye(self):
        await asyncio.sleep(0.2)
        print("goodbye")

async def connect():
    return Connection()

async def work(connection):
    await asyncio.Event().wait()
"""


LIMITED = """
import asyncio
async def job(slots):
    async with slots:
        try: await asyncio.Event().wait()
        finally: await asyncio.sleep(0.1)
async def main():
    slots = asyncio.Semaphore(2)
    async with asyncio.TaskGroup() as group:
        for _ in range(5): group.create_task(job(slots))
asyncio.run(main())
"""


def test_experiments_from_python_work(tmp_path: Path) -> None:
    snippet = re.search(r"```python\n(from signal import SIGINT\n.*?)```", README, re.S)
    assert snippet is not None
    (tmp_path / "service.py").write_text(LIMITED)
    (tmp_path / "experiments.py").write_text(snippet[1])
    done = subprocess.run([sys.executable, "experiments.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert "signal 1: SIGINT, landed on 2 active, 3 queued\n" in done.stdout
    assert "the checklist: clean\n" in done.stdout
    assert "cleanup ran to its end: kept; " in done.stdout
