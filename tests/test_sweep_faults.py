"""A program that is interrupted may do anything: that is a verdict. Whoever dies costs no point, and leaves nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from test_lab_care import Marked, marked  # noqa: F401 - a fixture

from cancelkit.errors import CancelkitError
from cancelkit.sweep import Sweep, pool, program_at, sweep
from cancelkit.sweep.plan import every_one
from cancelkit.sweep.pool import Warm, try_all
from cancelkit.sweep.program import Program
from cancelkit.sweep.runs import Run

pytestmark = [
    pytest.mark.core,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt orphans and read /proc"),
    pytest.mark.usefixtures("nothing_left", "marked"),
]

SECONDS_TO_END = 30.0

Faulty = Callable[[str], Program]


@pytest.fixture(scope="module")
def faulty(programs: Path) -> Faulty:
    return lambda fault: program_at(programs / "swept_fault_when_interrupted.py", [fault])


@pytest.fixture(scope="module")
def harmless(faulty: Faulty) -> Sweep:
    return sweep(faulty("nothing"), level="step")


@pytest.fixture(scope="module")
def points(faulty: Faulty, harmless: Sweep) -> set[tuple[int, ...]]:
    """The points at which the fault comes about."""
    raised = sweep(faulty("raises"), level="step")
    found = {run.point for run in raised.runs if run.verdict.word == "wrong exit"}
    assert 2 < len(found) < harmless.points / 2
    return found


def told(swept: Sweep) -> list[tuple[Any, ...]]:
    """What every way to make a run must agree on."""
    return [(run.point, run.verdict.word, run.raised, run.landed) for run in swept.runs]


@pytest.mark.parametrize(
    ("fault", "word", "why"),
    [
        ("segfaults", "crashed", "the program was killed by SIGSEGV"),
        ("is_killed", "crashed", "the program was killed by SIGKILL"),
        ("exits", "crashed", "the program ended its process itself, with status 0"),
        ("forks", "leftovers", "child process "),
        ("opens_all_it_can", "leftovers", "descriptor "),
        ("leaves_a_thread", "leftovers", "thread left"),
        ("writes_a_lot", "clean", ""),
    ],
)
def test_a_fault_is_a_verdict(
    fault: str,
    word: str,
    why: str,
    faulty: Faulty,
    harmless: Sweep,
    points: set[tuple[int, ...]],
    marked: Marked,  # noqa: F811
) -> None:
    swept = sweep(faulty(fault), level="step")
    expected = {run.point: run.verdict.word for run in harmless.runs} | dict.fromkeys(points, word)
    assert {run.point: run.verdict.word for run in swept.runs} == expected
    assert all(why in run.verdict.why for run in swept.runs if run.point in points)
    assert swept.is_complete
    assert marked.everyone() == set()


@pytest.mark.parametrize("fault", ["spins", "leaves_a_thread_that_python_waits_for"])
def test_what_does_not_end_is_hung(
    fault: str,
    faulty: Faulty,
    harmless: Sweep,
    points: set[tuple[int, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pool, "DEADLINE", 2.0)
    at = min(points)
    with Warm(faulty(fault), "step") as warm:
        tasks = every_one(warm.survey())
        tasks = [*tasks[at[0] - 2 : at[0]], tasks[-1]]
        before, hung, after = try_all(warm, tasks)
    assert (hung.point, hung.verdict.word) == (at, "hung")
    assert hung.verdict.why.startswith("the program told nothing for ")
    verdicts = {run.point: run.verdict.word for run in harmless.runs}
    assert [run.verdict.word for run in (before, after)] == [verdicts[run.point] for run in (before, after)]


@pytest.mark.parametrize("fault", ["nothing", "spins", "forks"])
def test_the_sweeping_process_is_killed(
    fault: str,
    faulty: Faulty,
    marked: Marked,  # noqa: F811
    tmp_path: Path,
) -> None:
    """In the midst of runs; where there is a fault, when that has come about."""
    program = faulty(fault)
    code = (
        "import sys; from cancelkit.sweep import program_at, sweep;"
        "sweep(program_at(*sys.argv[1:2], sys.argv[2:]), level='step', signals=3, sample=100_000, jobs=1)"
    )
    command = [sys.executable, "-c", code, program.path, fault]
    environment = os.environ | {"SWEPT_FAULT": str(tmp_path / "fault")}
    with subprocess.Popen(command, env=environment) as process:
        while not ((tmp_path / "fault").exists() or (fault == "nothing" and len(marked.everyone()) > 2)):
            assert process.poll() is None
            time.sleep(0.005)
        process.kill()
    deadline = time.monotonic() + SECONDS_TO_END
    while left := marked.everyone() or marked.folders():
        assert time.monotonic() < deadline, f"still there: {left}"
        time.sleep(0.01)


class LosesTheFirst(ThreadPoolExecutor):
    """An executor whose first worker does not live to tell, or whose first few."""

    def __init__(self, lost: int) -> None:
        super().__init__(1)
        self.lost = lost

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if not self.lost:
            return super().submit(fn, *args, **kwargs)
        self.lost -= 1
        future: Future[Any] = Future()
        future.set_exception(RuntimeError("the worker is gone"))
        return future


def test_what_an_executor_loses_is_sent_again(harmless: Sweep, faulty: Faulty) -> None:
    with LosesTheFirst(1) as executor:
        assert told(sweep(faulty("nothing"), level="step", executor=executor)) == told(harmless)
    with LosesTheFirst(9) as executor, pytest.raises(CancelkitError, match=r"lost 26 points 3 times: the worker is"):
        sweep(faulty("nothing"), level="step", executor=executor)


def test_processes_of_a_pool_say_the_same(harmless: Sweep, programs: Path) -> None:
    command = [sys.executable, str(programs / "swept_fault_elsewhere.py"), harmless.program.path, "nothing"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [[list(run.point), run.verdict.word] for run in harmless.runs]
    assert done.stderr == ""


@pytest.mark.parametrize("rows", [0, 1, 20, 26])
def test_a_warm_process_that_is_killed_costs_no_point(
    rows: int, harmless: Sweep, faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is killed once, when so many runs of a batch have been told."""
    row, together, killed, seen = Warm._row, Warm.together, threading.Event(), [0]

    def told_and_killed(warm: Warm) -> dict[str, Any]:
        found = row(warm)
        if "point" in found:
            seen[0] += 1
            kill(warm)
        return found

    def kill(warm: Warm) -> None:
        if seen[0] == rows and not killed.is_set() and warm._process is not None:
            killed.set()
            os.kill(warm._process.pid, signal.SIGKILL)

    def killed_before(warm: Warm, tasks: Any) -> list[Run]:
        if warm._process is None:
            warm._start()
        kill(warm)
        return together(warm, tasks)

    monkeypatch.setattr(Warm, "_row", told_and_killed)
    monkeypatch.setattr(Warm, "together", killed_before)
    assert told(sweep(faulty("nothing"), level="step", jobs=1)) == told(harmless)
    assert killed.is_set()


BAD_PROGRAMS = {
    "print('no loop')": "it never runs an event loop",
    "def": "SyntaxError: ",
    "import no_such_module": "ModuleNotFoundError: No module named 'no_such_module'",
    "1 / 0": "without any signal it ends with ZeroDivisionError: division by zero",
    "import sys; sys.exit('not today')": "not today",
    "import os; os._exit(3)": "ends its own process",
    "import os; os._exit(71)": "it ended its process itself, with status 71",
    "import os, signal; os.kill(os.getpid(), signal.SIGKILL)": "ends its own process",
    "\0": "source code",
}


@pytest.mark.parametrize("source", BAD_PROGRAMS)
def test_what_cannot_be_swept(source: str, tmp_path: Path, marked: Marked) -> None:  # noqa: F811
    (tmp_path / "bad.py").write_text(source)
    with pytest.raises(CancelkitError, match=r"bad\.py cannot be swept: ") as caught:
        sweep(program_at(tmp_path / "bad.py"), level="step")
    assert BAD_PROGRAMS[source] in str(caught.value)
    assert marked.everyone() == set()


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CancelkitError, match=r"there is no program '.*nowhere\.py'"):
        program_at(tmp_path / "nowhere.py")
    (tmp_path / "gone.py").touch()
    program = program_at(tmp_path / "gone.py")
    (tmp_path / "gone.py").unlink()
    with pytest.raises(CancelkitError, match=r"gone\.py cannot be swept: FileNotFoundError"):
        sweep(program)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("level", "nonsense", "step, check or instruction"),
        *(("signals", number, "1, 2 or 3") for number in (0, 4)),
        *((name, number, "1 or more") for name in ("sample", "jobs") for number in (0, -1)),
    ],
)
def test_bad_words(name: str, value: Any, allowed: str, faulty: Faulty) -> None:
    with pytest.raises(CancelkitError) as caught:
        sweep(faulty("nothing"), **{name: value})
    assert str(caught.value) == f"{name} is {value!r}; it must be {allowed}"


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="there is sys.monitoring from 3.12 on")
@pytest.mark.parametrize("level", ["check", "instruction"])
def test_levels_that_this_python_has_not(level: str, faulty: Faulty) -> None:
    with pytest.raises(CancelkitError, match=rf"level {level} needs Python 3\.12 or later, .* choose level step"):
        sweep(faulty("nothing"), level=level)
