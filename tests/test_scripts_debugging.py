"""scripts/stubborn_retry.py: the bug is there, each of the five looks of notebook 11 finds it, and it can be mended."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from signal import SIGINT
from types import ModuleType

import pytest

from cancelkit.lab import Experiment, Outcome, perform
from cancelkit.lab.moments import Moment
from cancelkit.trace import recording
from cancelkit.trace.record import read_record
from cancelkit.trace.timeline import Lane, Timeline

pytestmark = pytest.mark.core

PROGRAM = Path(__file__).parents[1] / "scripts" / "stubborn_retry.py"
ANSWERED = "a request was answered"
SWALLOWED = "swallowed its cancellation"
BACK_OFF, SECOND_ANSWER = 0.5, 0.3


def interrupt(*arguments: str, program: Path = PROGRAM) -> Outcome:
    """Press Ctrl-C when login has ended, and three jobs wait for their answers."""
    return perform(Experiment(program, [(Moment.parse("active=3,ended=1"), SIGINT)], arguments, deadline=100))


def logged(outcome: Outcome, level: str) -> list[str]:
    """What was logged at a level, by task: in which order a group cancels is left to chance."""
    lines = [line.removeprefix(f"{level} ") for line in outcome.stdout.splitlines() if line.startswith(level)]
    return sorted(lines, key=lambda line: line.split()[0])


def lane(timeline: Timeline, name: str) -> Lane:
    (found,) = [lane for lane in timeline.lanes if lane.name == name]
    return found


def ends(timeline: Timeline) -> dict[str, str]:
    return {lane.name: lane.end for lane in timeline.lanes}


def warned_of(outcome: Outcome) -> list[str]:
    """The tasks that debug mode warns of for as long as the helper backs off."""
    found = re.findall(r"^WARNING Executing .* name='(.+?)' .* took ([\d.]+) seconds$", outcome.stdout, re.M)
    return [name for name, seconds in found if float(seconds) > 0.8 * BACK_OFF]


@pytest.fixture(scope="module")
def broken() -> Outcome:
    return interrupt()


@pytest.fixture(scope="module")
def asked() -> Outcome:
    return interrupt("--ask")


@pytest.fixture(scope="module")
def polite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The copy that does not block."""
    text = PROGRAM.read_text()
    assert text.count("time.sleep(0.5)") == 1
    path = tmp_path_factory.mktemp("polite") / "polite_retry.py"
    path.write_text(text.replace("time.sleep(0.5)", "await asyncio.sleep(0.5)"))
    return path


@pytest.fixture(scope="module")
def module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("stubborn_retry", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_exit_status_is_that_of_a_program_that_ends_well(broken: Outcome) -> None:
    assert broken.returncode == interrupt("--mended").returncode == -SIGINT


def test_work_is_done_after_the_signal_and_takes_its_time(broken: Outcome) -> None:
    assert broken.stdout == f"{ANSWERED}\n" * 2
    (signal,) = broken.timeline.signals
    assert str(signal.landed) == "3 active, 1 ended"  # so one answer had come by then
    assert broken.timeline.duration - signal.time > (BACK_OFF + SECOND_ANSWER - 0.01) * 1e9


def test_the_log_says_which_task_ends_although_it_was_cancelled() -> None:
    assert logged(interrupt("--log"), "INFO") == [
        "download: begins",
        "download: is cancelled",
        "index: begins",
        "index: is cancelled",
        "login: begins",
        "login: ends",
        "upload: begins",
        "upload: ends",
    ]


def test_the_handler_says_what_arrives_there(asked: Outcome) -> None:
    arrivals = [line for line in logged(asked, "DEBUG") if "arrives" in line]
    assert arrivals == ["upload: CancelledError arrives, cancelling() 1"]


def test_the_ends_tell_asked_and_not_cancelled(asked: Outcome) -> None:
    assert [line for line in logged(asked, "DEBUG") if "done()" in line] == [
        "download: done() True, cancelled() True, cancelling() 1",
        "index: done() True, cancelled() True, cancelling() 1",
        "login: done() True, cancelled() False, cancelling() 0",
        "upload: done() True, cancelled() False, cancelling() 1",
    ]


@pytest.mark.parametrize("by_variable", [False, True])
def test_debug_mode_warns_of_the_task_and_where_it_waits_now(
    monkeypatch: pytest.MonkeyPatch, *, by_variable: bool
) -> None:
    if by_variable:
        monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    outcome = interrupt(*([] if by_variable else ["--debug"]))
    assert warned_of(outcome) == ["upload"]
    said = re.search(
        r"<Task cancelling name='upload' coro=<stubborn\(\) running at (.*):(\d+)> wait_for=", outcome.stdout
    )
    assert said is not None
    assert Path(said[1]) == PROGRAM
    lines = PROGRAM.read_text().splitlines()
    waits = int(said[2])
    blocks = next(number for number, line in enumerate(lines, 1) if "time.sleep" in line)
    assert lines[waits - 1].strip() == "await request(attempt)"
    assert waits != blocks


def test_without_debug_mode_nothing_is_warned_of(broken: Outcome) -> None:
    assert not warned_of(broken)


def test_the_record_says_who_swallowed_its_cancellation(broken: Outcome) -> None:
    assert str(broken) == (
        "main      not started → running → awaiting → cleaning up → cancelled\n"
        "login     not started → running → awaiting → finished\n"
        "download  not started → running → awaiting → cancelled\n"
        "index     not started → running → awaiting → cancelled\n"
        f"upload    not started → running → awaiting → cleaning up → finished ({SWALLOWED})\n"
        "signal 1: SIGINT, landed on 3 active, 1 ended\n"
        "the program: killed by SIGINT\n"
        "the checklist: broken: awaiting"
    )


def test_the_lane_shows_the_step_that_blocks_and_then_the_wait(broken: Outcome) -> None:
    upload = lane(broken.timeline, "upload")
    after = [span for span in upload.spans if span.start >= broken.timeline.signals[0].time]
    assert [(span.state, span.on) for span in after] == [("running", ""), ("cleaning up", "sleep"), ("cleaning up", "")]
    assert after[0].end - after[0].start >= (BACK_OFF - 0.01) * 1e9
    main = lane(broken.timeline, "main")
    assert main.spans[-1].end > upload.spans[-1].end


def test_the_mended_program_is_honest_in_every_look() -> None:
    outcome = interrupt("--mended", "--ask", "--debug")
    assert outcome.stdout.count(ANSWERED) == 1
    assert [line for line in logged(outcome, "INFO") if "upload" in line] == ["upload: begins", "upload: is cancelled"]
    told = "done() True, cancelled() True, cancelling() 1"
    honest = [f"{name}: {told}" for name in ("download", "index", "upload")]
    assert [line for line in logged(outcome, "DEBUG") if not line.startswith("login")] == honest
    assert not warned_of(outcome)
    assert not any(lane.remarks for lane in outcome.timeline.lanes)
    assert str(lane(outcome.timeline, "upload")) == "not started → running → awaiting → cancelled"


def test_with_press_the_program_interrupts_itself_in_the_same_way() -> None:
    done = subprocess.run([sys.executable, PROGRAM, "--press", "--ask"], capture_output=True, text=True, check=False)
    assert done.returncode == -SIGINT
    assert "upload: CancelledError arrives, cancelling() 1" in done.stdout
    assert done.stdout.count(ANSWERED) == 2


def test_a_recorded_run_is_kept_and_exported(tmp_path: Path) -> None:
    pytest.importorskip("click")
    pytest.importorskip("rich")
    run, chrome = tmp_path / "run.jsonl", tmp_path / "run.json"
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "cancelkit",
        "trace",
        "--save",
        run,
        "--chrome",
        chrome,
        PROGRAM,
        "--press",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -SIGINT
    assert SWALLOWED in done.stderr

    timeline = read_record(run).timeline
    upload = lane(timeline, "upload")
    assert upload.remarks == (SWALLOWED,)
    requested, delivered = upload.marks
    assert re.fullmatch(r"cancel requested: by main at .*stubborn_retry\.py:\d+", str(requested))
    assert str(delivered) == "cancel delivered"

    rows = json.loads(chrome.read_text(encoding="utf-8"))["traceEvents"]
    tracks = {row["tid"]: row["args"]["name"] for row in rows if row["name"] == "thread_name"}
    assert list(tracks.values()) == [lane.name for lane in timeline.lanes]
    moments = [row for row in rows if row["ph"] == "i" and tracks.get(row.get("tid")) == "upload"]
    assert [row["name"] for row in moments] == ["cancel requested", "cancel delivered", "finished"]
    assert moments[0]["args"]["requester"] == "main"
    assert moments[-1]["args"]["cancelling"] is True


def test_a_linter_finds_both_lines() -> None:
    if shutil.which(ruff := str(Path(sys.executable).with_name("ruff"))) is None:
        pytest.skip("ruff is not installed")
    command: list[str | Path] = [ruff, "check", "--isolated", "--no-cache", "--ignore-noqa", "--output-format=concise"]
    done = subprocess.run([*command, "--select=BLE001,ASYNC251", PROGRAM], capture_output=True, text=True, check=False)
    assert re.findall(r" (BLE001|ASYNC251) ", done.stdout) == ["BLE001", "ASYNC251"]


@pytest.mark.parametrize(
    ("arguments", "level", "line"),
    [
        (["--ask"], "INFO", "upload: ends"),
        (["--ask"], "DEBUG", "upload: CancelledError arrives, cancelling() 1"),
        (["--ask"], "DEBUG", "upload: done() True, cancelled() False, cancelling() 1"),
    ],
)
def test_a_polite_back_off_is_still_found(polite: Path, arguments: Sequence[str], level: str, line: str) -> None:
    outcome = interrupt(*arguments, program=polite)
    assert line in logged(outcome, level)
    assert lane(outcome.timeline, "upload").remarks == (SWALLOWED,)


def test_but_debug_mode_has_nothing_to_say_of_it(polite: Path) -> None:
    outcome = interrupt("--debug", program=polite)
    assert outcome.stdout.count(ANSWERED) == 2
    assert "upload" not in warned_of(outcome)


def test_a_deadline_is_swallowed_without_a_trace_in_the_counts(module: ModuleType) -> None:
    found: list[object] = []

    async def main() -> None:
        async with asyncio.timeout(0.2) as limit:
            await module.stubborn()
        task = asyncio.current_task()
        assert task is not None
        found.extend([task.cancelling(), limit.expired()])

    with recording() as run:
        asyncio.run(main())
    assert found == [0, True]
    (lane,) = run.timeline.lanes
    assert (lane.end, lane.remarks) == ("finished", ())
    assert [mark.what for mark in lane.marks] == ["cancel requested", "cancel delivered"]
    assert "by the callback Timeout" in str(lane.marks[0])
