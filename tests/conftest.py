"""What the tests of several rooms share: experiments on the small programs, and the watch over what they leave."""

import os
import select
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

if os.name == "posix":
    from cancelkit.lab import Experiment, Outcome, perform
    from cancelkit.lab.moments import Moment

PROGRAMS = Path(__file__).with_name("programs")

# A shell's `&`, `nohup` and some CI runners hand signals down as "ignored", and every process that a test starts and
# interrupts would inherit that.
for signum in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
    if signal.getsignal(signum) is signal.SIG_IGN:
        signal.signal(signum, signal.default_int_handler if signum is signal.SIGINT else signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what waits longest, so that several wait at a time, and not the last one alone."""
    items.sort(key=lambda item: "/wrong_answers/" not in item.nodeid)


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder of the small programs."""
    return PROGRAMS


@pytest.fixture(scope="session")
def interrupt() -> Callable[..., "Outcome"]:
    """Perform an experiment on one of the small programs: a signal at each of the moments."""

    def interrupt(
        program: str,
        *moments: str,
        arguments: Sequence[str] = (),
        signals: Sequence[signal.Signals] = (),
        deadline: float = 100.0,
    ) -> "Outcome":
        chosen = [*signals, *[signal.SIGINT] * len(moments)]
        pairs = [(Moment.parse(moment), signum) for moment, signum in zip(moments, chosen, strict=False)]
        return perform(Experiment(PROGRAMS / program, pairs, arguments, deadline))

    return interrupt


@pytest.fixture
def misbehave(interrupt: Callable[..., "Outcome"]) -> Callable[..., "Outcome"]:
    """Perform an experiment on one of the functions of misbehave.py, at the moment active=1 unless told otherwise."""

    def misbehave(name: str, *moments: str, deadline: float = 100.0) -> "Outcome":
        return interrupt("misbehave.py", *(moments or ["active=1"]), arguments=[name], deadline=deadline)

    return misbehave


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """After the test this process has the children, threads and descriptors that it had before."""
    before = _descriptors(), threading.active_count(), _children()
    yield
    assert (_descriptors(), threading.active_count(), _children()) == before


def _descriptors() -> set[str]:
    listing = Path("/dev/fd").resolve()
    return {entry.name for entry in listing.iterdir()} if listing.is_dir() else set()


def _children() -> bool:
    if not hasattr(os, "waitid"):  # macOS before Python 3.13
        return False
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


class Witness:
    """A named pipe that every process of an experiment holds open: its end is seen when the last of them has ended."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self._pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def line(self) -> str:
        """What the program says first: its process number, and its parent's."""
        select.select([self._pipe], [], [])
        line = os.read(self._pipe, 100).decode()
        assert line.count("\n") == 1
        return line

    def wait_for_the_end(self) -> None:
        """Return when nobody holds the pipe any more; the test's timeout is the limit."""
        while True:
            select.select([self._pipe], [], [])
            if not os.read(self._pipe, 100):
                return

    def close(self) -> None:
        os.close(self._pipe)


@pytest.fixture
def witness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Witness]:
    """A witness of what misbehave.py starts in this test."""
    pipe = Witness(tmp_path / "witness")
    monkeypatch.setenv("WITNESS", str(pipe.path))
    yield pipe
    pipe.close()
