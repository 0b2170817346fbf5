"""Whatever happens to the parent, and whatever a child does, nothing is left of it. The promise, line by line.

The parent: an exception, Stop while it awaits (here), Stop in a notebook's cell, the timeouts of nbclient and nbval
(test_lab_care_notebooks.py), SIGINT, SIGTERM and SIGKILL at any line (test_lab_leftovers.py), and while several are
awaited (here). The child: ignores every signal, closes its pipes, stops itself, writes 100 MB (test_lab_programs.py;
what memory that takes, here), forks (daemons in test_lab_leftovers.py; those that ignore every signal here), floods the
record, the pipes, the link to the kit and the workload's server (here).

For each, the processes that carry the kit's marker and that of the test are counted while it runs and when it has
ended, and so are the temporary folders. How long the last process takes to end is told: `pytest -rP` shows it. That it
is less than a second is required only if CANCELKIT_STRICT_TIMES is set, for a busy machine may be slower.
"""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import Witness
from test_lab_programs import deadline_when_ready  # noqa: F401 - a fixture

from cancelkit.errors import CancelkitError, MomentNotReachedError, UnusableProgramError
from cancelkit.lab import (
    Experiment,
    Outcome,
    active,
    before_start,
    launched,
    perform,
    perform_all,
    perform_all_async,
    perform_async,
    signals_at,
)
from cancelkit.lab.captured import KEPT_OF_OUTPUT, Output

pytestmark = [
    pytest.mark.core,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt orphans and read /proc"),
    pytest.mark.usefixtures("nothing_left"),
]

Misbehave = Callable[..., Outcome]

STRICT = bool(os.environ.get("CANCELKIT_STRICT_TIMES"))

PER_EXPERIMENT = 2
"""Processes: the program, and the supervisor."""


@dataclass
class Sample:
    """How many there were at once; when the last of them was seen, and the last of those that made them."""

    most: int = 0
    last_seen: float = 0.0
    parent_seen: float = 0.0


class Marked:
    """The processes and the folders of the kit that this test has to answer for."""

    def __init__(self, name: str, folder: Path) -> None:
        self._mark = f"CARE_OF={name}".encode()
        self._folder = folder

    def everyone(self) -> set[int]:
        """Processes that were started with the test's marker in their environment, and theirs that were forked."""
        return {process for process, environment in _environments() if self._mark in environment}

    def of_the_kit(self) -> set[int]:
        """Those among them that carry the marker of the kit as well."""
        return {
            process
            for process, environment in _environments()
            if self._mark in environment and any(word.startswith(b"CANCELKIT_CHILD=") for word in environment)
        }

    def folders(self) -> list[str]:
        return sorted(path.name for path in self._folder.glob("cancelkit-*"))

    def wait_for(self, experiments: int) -> None:
        """Return when so many experiments run; the test's timeout is the limit."""
        while len(self.of_the_kit()) < experiments * PER_EXPERIMENT:
            time.sleep(0.005)

    async def wait_for_async(self, experiments: int) -> None:
        while len(self.of_the_kit()) < experiments * PER_EXPERIMENT:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.005)

    @contextlib.contextmanager
    def sampled(self) -> Iterator["Sample"]:
        """Look again and again, in a thread, at how many processes of the kit there are."""
        sample, over = Sample(), threading.Event()

        def look() -> None:
            while not over.wait(0.01):
                of_the_kit = self.of_the_kit()
                if of_the_kit:
                    sample.most, sample.last_seen = max(len(of_the_kit), sample.most), time.monotonic()
                if self.everyone() - of_the_kit:
                    sample.parent_seen = time.monotonic()

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield sample
        finally:
            over.set()
            thread.join()

    def wait_for_the_end(self, fault: float) -> None:
        """Return when no process of the kit is left, and no folder; tell how long after the fault that was."""
        while self.of_the_kit():
            time.sleep(0.005)
        tell(time.monotonic() - fault)
        while self.folders():
            time.sleep(0.005)


def tell(seconds: float) -> None:
    """Tell how long after the fault the last process ended."""
    print(f"the last process ended {seconds:.3f} s after the fault")
    if STRICT:
        assert seconds < 1.0


def _environments() -> Iterator[tuple[int, list[bytes]]]:
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended, or is somebody else's
            yield int(process.name), (process / "environ").read_bytes().split(b"\0")


@contextlib.contextmanager
def watched(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Marked]:
    """A context before and after which there is nothing that is marked; all temporary folders are made in `folder`."""
    temporary = folder / "temporary"
    temporary.mkdir()
    marked = Marked(str(folder), temporary)
    assert marked.everyone() == set()
    monkeypatch.setenv("CARE_OF", str(folder))
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield marked
    assert marked.everyone() == set()
    assert marked.folders() == []


@pytest.fixture
def marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Marked]:
    with watched(tmp_path, monkeypatch) as marked:
        yield marked


@pytest.fixture
def endless(programs: Path) -> Experiment:
    """One that never ends by itself."""
    return Experiment(programs / "misbehave.py", [(active(100), signal.SIGINT)], ["loops_for_ever"], deadline=1000)


class ParentError(Exception):
    """What goes wrong in the parent."""


def in_a_thread(experiment: Experiment) -> None:
    raised: list[BaseException] = []

    def work() -> None:
        try:
            perform(experiment)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    raise raised[0]


PERFORM: dict[str, Callable[[Experiment], object]] = {
    "one": perform,
    "one in a thread": in_a_thread,
    "several": lambda experiment: perform_all([experiment] * 3, at_once=2),
    "one that is awaited": lambda experiment: asyncio.run(perform_async(experiment)),
    "several that are awaited": lambda experiment: asyncio.run(perform_all_async([experiment] * 3, at_once=2)),
}


@pytest.mark.parametrize("how", PERFORM)
def test_an_exception_in_the_middle_of_it(
    how: str, programs: Path, marked: Marked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the code that reads what the program says: with several, in that of all of them."""
    faults: list[float] = []

    def fail(_: Output, data: bytes) -> None:
        assert data.startswith(b"ready")
        assert marked.of_the_kit()
        faults.append(time.monotonic())
        raise ParentError

    monkeypatch.setattr(Output, "add", fail)
    with pytest.raises(ParentError):
        PERFORM[how](
            Experiment(programs / "misbehave.py", signals_at("active=1"), ["never_runs_a_loop"], deadline=1000)
        )
    marked.wait_for_the_end(faults[-1])


@pytest.mark.parametrize("how", [how for how in PERFORM if "thread" not in how])
def test_a_handler_of_another_signal_raises_in_the_middle_of_it(how: str, endless: Experiment, marked: Marked) -> None:
    """As that of a test's timeout does, in the main thread."""
    faults: list[float] = []

    def fail(*_: object) -> None:
        faults.append(time.monotonic())
        raise ParentError

    def send() -> None:
        marked.wait_for(1)
        os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, fail)
    sender = threading.Thread(target=send)
    try:
        sender.start()
        with pytest.raises(ParentError):
            PERFORM[how](endless)
    finally:
        sender.join()
        signal.signal(signal.SIGUSR1, before)
    marked.wait_for_the_end(faults[0])


def test_one_of_several_cannot_be_started(endless: Experiment, programs: Path, marked: Marked) -> None:
    """While the others run."""
    short = Experiment(programs / "misbehave.py", signals_at("active=1"), ["loops_for_ever"], deadline=1000)
    wrong = Experiment(programs / "misbehave.py", signals_at("active=1"), ["x" * 3_000_000], deadline=1000)
    with pytest.raises(UnusableProgramError, match="cannot start"):
        perform_all([endless, short, wrong, endless], at_once=2)
    marked.wait_for_the_end(time.monotonic())


AWAIT: dict[str, Callable[[Experiment], Coroutine[Any, Any, object]]] = {
    "one": perform_async,
    "several": lambda experiment: perform_all_async([experiment] * 3, at_once=2),
}
AT_ONCE = {"one": 1, "several": 2}

each_that_is_awaited = pytest.mark.parametrize("what", AWAIT)


@each_that_is_awaited
def test_a_timeout_of_asyncio(what: str, endless: Experiment, marked: Marked) -> None:
    async def main() -> None:
        async with asyncio.timeout(None) as limit:
            work = asyncio.ensure_future(AWAIT[what](endless))
            await marked.wait_for_async(AT_ONCE[what])
            limit.reschedule(asyncio.get_running_loop().time())
            await work

    with pytest.raises(TimeoutError):
        asyncio.run(main())
    marked.wait_for_the_end(time.monotonic())


@each_that_is_awaited
def test_a_task_group_is_aborted(what: str, endless: Experiment, marked: Marked) -> None:
    fault = 0.0

    async def fail() -> None:
        nonlocal fault
        await marked.wait_for_async(AT_ONCE[what] + 1)
        fault = time.monotonic()
        raise ParentError

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(AWAIT[what](endless))
            group.create_task(AWAIT["one"](endless))
            group.create_task(fail())

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(main())
    assert [type(error) for error in caught.value.exceptions] == [ParentError]
    marked.wait_for_the_end(fault)


@each_that_is_awaited
def test_cancelled_again_and_again(what: str, endless: Experiment, marked: Marked) -> None:
    """The task is cancelled in each step of the loop, until it has ended; by then its programs have ended too."""

    async def main() -> None:
        work = asyncio.ensure_future(AWAIT[what](endless))
        await marked.wait_for_async(AT_ONCE[what])
        fault = time.monotonic()
        while not work.done():
            work.cancel()
            await asyncio.sleep(0)
        assert work.cancelled()
        assert marked.everyone() == set()
        marked.wait_for_the_end(fault)

    asyncio.run(main())


def test_cancelled_before_it_has_begun(endless: Experiment, marked: Marked) -> None:
    async def main() -> None:
        work = [asyncio.ensure_future(AWAIT[what](endless)) for what in AWAIT]
        work[0].cancel()  # before its first step
        await asyncio.sleep(0)
        work[1].cancel()  # when its threads are being started
        assert [type(error) for error in await asyncio.gather(*work, return_exceptions=True)] == [
            asyncio.CancelledError
        ] * 2
        assert marked.everyone() == set()

    asyncio.run(main())


def test_one_of_those_that_are_gathered_fails(endless: Experiment, marked: Marked) -> None:
    """Gathering leaves the others running, so it is the end of the loop that ends them."""
    fault = 0.0

    async def main() -> None:
        nonlocal fault
        work = asyncio.gather(*(AWAIT[what](endless) for what in AWAIT), perform_async(Experiment("no_such.py", ())))
        with pytest.raises(UnusableProgramError):
            await work
        await marked.wait_for_async(1 + AT_ONCE["several"])
        fault = time.monotonic()

    asyncio.run(main())
    marked.wait_for_the_end(fault)


PARENTS = ("one", "several", "one_awaited", "several_awaited")
EXPERIMENTS = {"one": 1, "several": 2, "one_awaited": 1, "several_awaited": 2}


@contextlib.contextmanager
def parent(programs: Path, how: str, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that makes experiments."""
    command = [sys.executable, str(programs / "care_parent.py"), how, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(("how", "times"), [*((how, times) for how in PARENTS for times in (1, 5))])
def test_ctrl_c_once_and_again(how: str, times: int, programs: Path, marked: Marked) -> None:
    """The loop is broken while it is awaited; the next ones find it on its way out, and the process ends by it."""
    with parent(programs, how, "ends_only_on_sigint") as process:
        marked.wait_for(EXPERIMENTS[how])
        fault = time.monotonic()
        for _ in range(times):
            process.send_signal(signal.SIGINT)
            time.sleep(0.002)  # or they are one: this is a load, and not a wait for anything
        marked.wait_for_the_end(fault)
        _, complaints = process.communicate()
    assert process.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in complaints


def test_a_loop_that_is_broken_and_never_closed(programs: Path, marked: Marked) -> None:
    """Nobody tells the experiment to stop; the process must end all the same."""
    with parent(programs, "one_by_hand", "loops_for_ever") as process:
        marked.wait_for(1)
        fault = time.monotonic()
        process.send_signal(signal.SIGINT)
        marked.wait_for_the_end(fault)
        assert process.wait() == -signal.SIGINT


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL], ids=lambda signum: signum.name)
@pytest.mark.parametrize("how", PARENTS)
def test_the_parent_is_killed(how: str, signum: signal.Signals, programs: Path, marked: Marked) -> None:
    """With nobody there to tidy up, the supervisors remove the folders."""
    with parent(programs, how, "loops_for_ever") as process:
        marked.wait_for(EXPERIMENTS[how])
        assert len(marked.folders()) == EXPERIMENTS[how]
        fault = time.monotonic()
        process.send_signal(signum)
        marked.wait_for_the_end(fault)
        assert process.wait() == -signum


@pytest.mark.parametrize("mebibytes", [4, *([launched.LIMIT_OF_RECORD >> 20] if STRICT else [])])
def test_a_program_that_floods_its_record_costs_no_memory(mebibytes: int, programs: Path, marked: Marked) -> None:
    """More steps than there is room for, after all signals have been sent."""
    with parent(programs, "one_that_was_told", "floods_the_record", str(mebibytes * 34_000), str(mebibytes)) as process:
        marked.wait_for(1)
        said, complaints = process.communicate()
    assert complaints == ""
    told = json.loads(said)
    print(said)
    assert told["ended"] == "exited 0"
    assert told["why over"] == [f"the record has reached its limit of {mebibytes} MiB"]
    assert told["events"] > mebibytes << 20 >> 5
    assert told["kilobytes"] < 100_000 + mebibytes * 20_000


def test_a_program_that_writes_a_lot_costs_no_memory(programs: Path, marked: Marked) -> None:
    """A hundred megabytes."""
    with parent(programs, "one_at_its_moment", "writes_a_lot") as process:
        marked.wait_for(1)
        said, complaints = process.communicate()
    assert complaints == ""
    told = json.loads(said)
    print(said)
    assert told["ended"] == "killed by SIGINT"
    assert told["kilobytes"] < 80_000


def test_a_flood_before_the_moment_is_an_error_that_says_so(
    misbehave: Misbehave, marked: Marked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can know when the moment is."""
    monkeypatch.setattr(launched, "LIMIT_OF_RECORD", 1 << 20)
    with pytest.raises(CancelkitError, match=r"misbehave\.py cannot be followed: .*has reached its limit of 1 MiB"):
        misbehave("floods_the_record", "active=100")
    marked.wait_for_the_end(time.monotonic())


def test_a_flood_without_an_end_ends_at_the_deadline(
    programs: Path, marked: Marked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launched, "LIMIT_OF_RECORD", 1 << 20)
    monkeypatch.setattr(launched, "SECONDS_TO_EXPLAIN", 0.2)
    program = programs / "misbehave.py"
    outcome = perform(Experiment(program, [(before_start, signal.SIGWINCH)], ["floods_the_record"], deadline=3))
    assert outcome.ended == "hung and was killed"
    assert [event.detail["why"] for event in outcome.events if event.kind == "end of the record"] == [
        "the record has reached its limit of 1 MiB"
    ]
    assert len(outcome.abandoned) == 51
    assert marked.everyone() == set()


@pytest.mark.usefixtures("deadline_when_ready")
@pytest.mark.parametrize("name", ["forks_the_stubborn", "talks_for_ever"])
def test_programs_that_ignore_every_signal_and_more(
    name: str, misbehave: Misbehave, witness: Witness, marked: Marked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launched, "SECONDS_TO_EXPLAIN", 0.2)
    with pytest.raises(MomentNotReachedError, match="did not end within 100 s, and the moment active=1 had not come"):
        misbehave(name)
    marked.wait_for_the_end(time.monotonic())
    assert marked.everyone() == set()
    witness.line()
    witness.wait_for_the_end()


@pytest.mark.usefixtures("deadline_when_ready")
def test_both_pipes_are_cut(programs: Path, marked: Marked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launched, "SECONDS_TO_EXPLAIN", 0.2)
    program = programs / "misbehave.py"
    outcome = perform(Experiment(program, (), ["talks_for_ever"], deadline=100))
    assert (outcome.ended, outcome.returncode) == ("hung and was killed", -signal.SIGKILL)
    for text in (outcome.stdout, outcome.stderr):
        assert text.endswith("xxx")
        assert len(text) < 2 * KEPT_OF_OUTPUT + 100
    assert marked.everyone() == set()


def test_generations_of_forks(misbehave: Misbehave, witness: Witness, marked: Marked) -> None:
    outcome = misbehave("forks_in_a_row")
    assert outcome.ended == "killed by SIGINT"
    assert marked.everyone() == set()
    witness.line()
    witness.wait_for_the_end()


def test_streams_that_are_still_open_delay_nothing(programs: Path, marked: Marked) -> None:
    """A process that ignores every signal holds them when the program has ended."""
    outcome = perform(Experiment(programs / "misbehave.py", (), ["leaves_its_streams_open"], deadline=1000))
    assert (outcome.ended, outcome.stdout) == ("exited 0", "ended at once\n")
    assert [leak.kind for leak in outcome.left_outside] == ["child process"]
    assert marked.everyone() == set()


def talk(programs: Path, *words: str, deadline: float = 1000) -> Outcome:
    """Have a program talk to the kit, and be interrupted."""
    arguments = ["talks_to_the_kit", *words]
    return perform(Experiment(programs / "misbehave.py", signals_at("active=1"), arguments, deadline=deadline))


NOISE = (
    "no json\n",
    "\n\r\n\x01\n",
    "\xff\xfe\x80\n",
    '[]\n1\n"x"\nnull\ntrue\nNaN\n',
    '{"reached": "1"}\n{"reached": 99}\n{"reached": 0}\n{"reached": -1}\n{"reached": 1.0}\n{"reached": null}\n',
    '{"rest": "x"}\n{"rest": -5}\n{"rest": 1}\n{"received": true}\n{"ended": 0, "left": []}\n{"started": 1}\n',
    '{"reached": ',
    "1" * 5000 + "\n",
    "[" * 60_000 + "\n",
    "half a line " * 10_000,
    "\n",
)


def test_noise_on_the_link_to_the_kit(programs: Path, marked: Marked) -> None:
    outcome = talk(programs, *NOISE)
    assert outcome.ended == "killed by SIGINT"
    assert [str(mark.landed) for mark in outcome.timeline.signals] == ["1 active"]
    assert marked.everyone() == set()


def test_half_a_line_on_the_link_to_the_kit(programs: Path, marked: Marked, monkeypatch: pytest.MonkeyPatch) -> None:
    """It swallows the word that the moment has come, and then the program waits for an answer."""
    monkeypatch.setattr(launched, "SECONDS_TO_EXPLAIN", 0.2)
    with pytest.raises(MomentNotReachedError, match="did not end within 1 s"):
        talk(programs, "half a line", deadline=1)
    assert marked.everyone() == set()


def test_a_lie_on_the_link_to_the_kit(programs: Path, marked: Marked) -> None:
    with pytest.raises(CancelkitError, match=r"cannot be followed: .*\(a lie\)"):
        talk(programs, '{"lost": "a lie"}\n')
    outcome = talk(programs, '{"reached": 1}\n')
    assert outcome.ended == "killed by SIGINT"
    assert marked.everyone() == set()


def test_two_thousand_guests(misbehave: Misbehave, marked: Marked) -> None:
    resource = pytest.importorskip("resource")
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < 2000:
        pytest.skip("no process may have so many descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        outcome = misbehave("knocks_often")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, most))
    assert outcome.ended == "killed by SIGINT"
    assert 100 <= len(outcome.visits) <= 1000
    assert {visit.farewell for visit in outcome.visits} <= {"hung up", "still there"}
    assert marked.everyone() == set()
