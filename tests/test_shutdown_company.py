"""run() in company: of timeouts, task groups, threads, child processes and generators; under uvloop; as process 1."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from cancelkit.lab import Experiment, Outcome, perform, signals_at
from cancelkit.lab.moments import Moment, Moments, at_once, begun, cleanups, halfway, output

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("nothing_left")]

PROGRAM = Path(__file__).with_name("programs") / "shutdown_company.py"
INT, TERM = signal.SIGINT, signal.SIGTERM


def outcome_of(name: str, when: Moment | Moments, signals: Sequence[signal.Signals] = ()) -> Outcome:
    return perform(Experiment(PROGRAM, signals_at(when, signals), [name], deadline=60))


def twice(jobs: int, before: int = 0) -> Moments:
    """While so many jobs are at work, after some that are over; and when all of them are halfway through cleanup."""
    at_work = begun(jobs + before) & cleanups(before)
    return at_work.then(halfway(jobs + before))


@pytest.mark.parametrize(
    ("name", "when", "jobs", "says"),
    [
        ("some_jobs", twice(2), 2, "at work\n"),
        ("with_timeout", twice(2, before=1), 3, "timed out\n"),
        ("nested_groups", twice(4), 4, ""),
        ("in_thread", output("at work\n").then(halfway(1)), 1, "at work\n"),
        ("with_subprocess", twice(1), 1, "the child ended with 0\n"),
    ],
)
@pytest.mark.parametrize("signals", [(INT, INT), (TERM, INT)])
def test_two_signals_lose_nothing(
    name: str, when: Moments, jobs: int, says: str, signals: Sequence[signal.Signals]
) -> None:
    outcome = outcome_of(name, when, signals)
    assert (outcome.jobs_begun, outcome.cleanups_finished, outcome.stdout) == (jobs, jobs, says)
    assert outcome.returncode == (-INT if signals[0] == INT else 143)
    assert outcome.leaks == ()
    assert outcome.stderr.count("still being cleaned up") == 1
    assert outcome.stderr.count("Traceback") == (1 if signals[0] == INT else 0)  # that of the KeyboardInterrupt


@pytest.mark.parametrize(("signals", "status"), [((INT, TERM), -INT), ((TERM, INT), 143)])
def test_of_two_different_signals_at_once_the_first_is_the_first(
    signals: Sequence[signal.Signals], status: int
) -> None:
    outcome = outcome_of("some_jobs", begun(2).then(at_once), signals)
    assert (outcome.returncode, outcome.cleanups_finished) == (status, 2)


def test_asynchronous_generators_are_closed_to_the_end() -> None:
    """The one that was left has its turn when main has ended."""
    outcome = outcome_of("with_generators", begun(2).then(halfway(1)).then(halfway(2)))
    assert (outcome.cleanups_finished, outcome.returncode, outcome.leaks) == (2, -INT, ())


def test_it_can_be_embedded_and_run_again() -> None:
    """A signal for each of two runs: neither hears of the other's."""
    first, second = begun(2) & cleanups(0), begun(4) & cleanups(2)
    outcome = outcome_of("embedded", first.then(second))
    assert (outcome.stdout, outcome.returncode) == ("at work\nand on\n" * 2, 0)
    assert (outcome.jobs_begun, outcome.cleanups_finished) == (2, 2)  # by name: they are the same in both
    assert "still being cleaned up" not in outcome.stderr


@pytest.mark.parametrize(("signals", "status"), [((INT, TERM), -INT), ((TERM, INT), 143)])
def test_under_uvloop(signals: Sequence[signal.Signals], status: int) -> None:
    pytest.importorskip("uvloop")
    outcome = outcome_of("under_uvloop", output("at work\n").then(output("cleaning up\n")), signals)
    assert (outcome.jobs_begun, outcome.cleanups_finished, outcome.returncode) == (2, 2, status)
    assert [leak.kind for leak in outcome.leaks] == ["pipe", "pipe"]  # libuv's own, which it keeps as long as it lives


def namespace() -> list[str]:
    """The command that starts a program as process 1 of a namespace of its own, if the system has it and allows it."""
    if shutil.which("unshare"):
        for more in ([], ["--user", "--map-root-user"]):
            command = ["unshare", *more, "--pid", "--fork", "--kill-child"]
            if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
                return command
    return []


@pytest.mark.parametrize(("signum", "status"), [(INT, 128 + INT), (TERM, 128 + TERM)])
def test_as_process_1(signum: signal.Signals, status: int) -> None:
    """Where a signal that nobody handles is ignored, and a process that kills itself goes on."""
    if not (command := namespace()):
        pytest.skip("this system has no process namespaces, or allows none")
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*command, sys.executable, PROGRAM, "as_process_1"], stdout=pipe, stderr=pipe, text=True
    ) as outside:
        try:
            assert outside.stdout is not None
            assert outside.stderr is not None
            assert [outside.stdout.readline() for _ in range(2)] == ["process 1\n", "at work\n"]
            inside = Path(f"/proc/{outside.pid}/task/{outside.pid}/children").read_text()
            subprocess.run(["kill", f"-{signum.name[3:]}", *inside.split()], check=True)
            subprocess.run(["kill", "-TERM", *inside.split()], check=False)  # in cleanup, or when it has ended
            assert outside.wait(timeout=60) == status
            assert "Error" not in outside.stderr.read()
        finally:
            outside.kill()
