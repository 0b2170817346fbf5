"""A program that was launched: everything that comes out of it, and the means to signal and to end it."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from cancelkit.errors import CancelkitError
from cancelkit.lab.captured import Output
from cancelkit.lab.child import STACK_DUMP
from cancelkit.lab.gate import GO_ON
from cancelkit.lab.moments import Moment
from cancelkit.lab.server import JobServer
from cancelkit.trace.events import Event
from cancelkit.trace.tape_reader import TapeReader

_FROM_A_TERMINAL = frozenset({signal.SIGINT, signal.SIGQUIT, signal.SIGHUP})
"""Signals that a terminal sends to the program and to every process it has started; others go to the program."""

SECONDS_TO_EXPLAIN = 1.0
"""How long a program that has overrun its deadline gets to write its stacks, and then to end on SIGTERM."""

_SECONDS_TO_OBEY = 10.0
"""How long the supervisor gets to kill what is left, which takes milliseconds, before it is killed itself."""

_LONGEST_WAIT = 0.2
"""Seconds between two looks around: a signal of Python's that comes just before a wait begins does not end it."""

_READ_AT_ONCE = 1 << 16
_MOST_IN_A_PIPE = 1 << 20
_MOST_OF_STACKS = 1 << 20

LIMIT_OF_RECORD = 16 << 20
"""Bytes: room for half a million steps. A program that floods its record must not cost the experiment its memory."""

_MOST_IN_A_MESSAGE = 1 << 16


class DeadlinePassed(Exception):  # noqa: N818 - an event to be dealt with here, which no user sees
    """The program has not ended in time."""


class SupervisorLost(Exception):  # noqa: N818
    """The process that watches over the program has ended before it."""


class Stopped(Exception):  # noqa: N818
    """Somebody wants no more of it."""


class Ended(NamedTuple):
    """How the program ended: its status as in `Popen.returncode`, and the names of processes that it left."""

    returncode: int
    left: tuple[str, ...]


class Launched:
    """A running program: what it has said so far, and the means to signal it."""

    def __init__(
        self,
        supervisor: subprocess.Popen[bytes],
        link: socket.socket,
        control: socket.socket,
        files: Mapping[str, IO[bytes]],
        folder: str,
        server: JobServer,
        selector: selectors.BaseSelector,
        moments: Sequence[Moment],
    ) -> None:
        texts = {moment.output for moment in moments} - {""}
        self.output = {"stdout": Output(texts), "stderr": Output()}
        self.pid: int | None = None
        self.ended: Ended | None = None
        self.server = server
        self._supervisor = supervisor
        self._link = link
        self._control = control
        self._files = files
        self._folder = folder
        self._messages: list[dict[str, Any]] = []
        self._selector = selector
        assert supervisor.stdout is not None
        assert supervisor.stderr is not None
        self._take_from_link = _by_lines(self._on_link)
        self._read_from(link, self._take_from_link, self._on_end_of_link)
        self._read_from(control, _by_lines(self._messages.append))
        self._read_from(supervisor.stdout, self.output["stdout"].add)
        self._read_from(supervisor.stderr, self.output["stderr"].add)

    def messages(self, deadline: float) -> Iterator[dict[str, Any]]:
        """What the program's gate says, until the program has ended and all its output is here.

        Between two messages there is an empty one whenever something was read.

        Raises:
            DeadlinePassed: the monotonic clock has passed `deadline` before that.
            SupervisorLost: the process that watches over the program has ended, or never began to.
            Stopped: somebody wants no more of it.
        """
        while self.ended is None:
            waits = [deadline - time.monotonic(), self.server.seconds_left(), _LONGEST_WAIT]
            self._read_ready(max(0.0, min(wait for wait in waits if wait is not None)))
            while self._messages:
                yield self._messages.pop(0)
            yield {}
            if self.server.answer():
                self.tell(GO_ON)
            if self.ended is None and time.monotonic() >= deadline:
                raise DeadlinePassed
        self.read_the_rest()

    def send(self, signum: signal.Signals) -> int:
        """Send a signal as a terminal or as `kill` would; return the time in nanoseconds."""
        assert self.pid is not None
        self.server.on_signal()
        now = time.monotonic_ns()
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if signum in _FROM_A_TERMINAL else os.kill)(self.pid, signum)
        return now

    def tell(self, number: int) -> None:
        """Tell the gate the number of the last moment that has passed, or one of its other words."""
        with contextlib.suppress(OSError):  # it has ended, or does not listen
            self._control.sendall(bytes([number]))

    def wait_for(self, word: str, deadline: float) -> bool:
        """Wait until the gate says something with that word in it; whether it did before the program ended.

        Raises:
            DeadlinePassed, SupervisorLost, Stopped: as for `messages`.
        """
        return any(word in message for message in self.messages(deadline))

    def end(self) -> None:
        """End a program that has overrun its deadline: have it write its stacks, then SIGTERM, then SIGKILL."""
        for signum in (STACK_DUMP, signal.SIGTERM, signal.SIGKILL):
            if self.pid is None:
                return
            self.send(signal.Signals(signum))
            with contextlib.suppress(DeadlinePassed):
                for _ in self.messages(time.monotonic() + SECONDS_TO_EXPLAIN):
                    pass
                return

    def events(self) -> tuple[Event, ...]:
        """What the program has recorded.

        Raises:
            CancelkitError: it has spoilt its record.
        """
        try:
            return TapeReader(self._files["record"].fileno(), LIMIT_OF_RECORD).new_events()
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise CancelkitError(
                f"the record of the program cannot be read ({type(error).__name__}: {error}): does it write to "
                "descriptors that it has not opened?"
            ) from error

    def stacks(self) -> str:
        """Where the program stood when it was asked."""
        return os.pread(self._files["stacks"].fileno(), _MOST_OF_STACKS, 0).decode(errors="replace")

    def files_left(self) -> list[str]:
        """Names of files that the program has left: in its temporary folder, and of jobs that did not complete them."""
        temporary, jobs = Path(self._folder, "tmp"), Path(self._folder, "jobs")
        try:
            found = [path.relative_to(temporary) for path in temporary.rglob("*")]
        except RecursionError:
            found = [path.relative_to(temporary) for path in temporary.glob("*")]
        return sorted(map(str, [*found, *(path.relative_to(jobs) for path in jobs.glob("*.part"))]))

    def tidy_up(self) -> None:
        """Remove the folder of a program that has ended; if this process ends before that, the supervisor does it."""
        remove(self._folder)

    def close(self) -> None:
        """Have everything killed that is left, and wait until it is."""
        hang_up(self._link)
        self._link.settimeout(_SECONDS_TO_OBEY)
        try:
            while self.ended is None and (data := self._link.recv(_READ_AT_ONCE)):
                self._take_from_link(data)
        except TimeoutError:
            self._supervisor.kill()  # it was stopped, or never was a supervisor
        except ConnectionError:
            pass
        if self._supervisor.wait() != 0 and self.pid is not None and self.ended is None:
            with contextlib.suppress(ProcessLookupError):  # somebody killed the supervisor
                os.killpg(self.pid, signal.SIGKILL)

    def read_the_rest(self) -> None:
        """Read what is still in the pipes, and no more: who else holds them open, and writes, is not waited for."""
        for _ in range(_MOST_IN_A_PIPE // _READ_AT_ONCE):
            if not self._read_ready(0.0):
                return

    def _read_ready(self, timeout: float) -> bool:
        """Deal with all that is ready; whether there was anything. The link first: it says which process it is."""
        ready = self._selector.select(timeout)
        for key, _ in sorted(ready, key=lambda one: one[0].fileobj is not self._link):
            key.data()
        return bool(ready)

    def _read_from(
        self, source: socket.socket | IO[bytes], take: Callable[[bytes], None], on_end: Callable[[], None] | None = None
    ) -> None:
        """Hand what comes from there on, until its end."""

        def read() -> None:
            try:
                data = os.read(source.fileno(), _READ_AT_ONCE)
            except ConnectionResetError:
                data = b""
            if data:
                take(data)
                return
            self._selector.unregister(source)
            if on_end is not None:
                on_end()

        os.set_blocking(source.fileno(), False)
        self._selector.register(source, selectors.EVENT_READ, read)

    def _on_link(self, message: dict[str, Any]) -> None:
        if "started" in message:
            self.pid = message["started"]
        else:
            self.ended = Ended(message["ended"], tuple(message["left"]))

    def _on_end_of_link(self) -> None:
        if self.ended is None:
            self.read_the_rest()
            raise SupervisorLost


def _by_lines(take: Callable[[dict[str, Any]], None]) -> Callable[[bytes], None]:
    """What takes bytes, and hands on the message in each line."""
    rest = bytearray()

    def take_bytes(data: bytes) -> None:
        *lines, unfinished = (rest + data).split(b"\n")
        rest[:] = unfinished[:_MOST_IN_A_MESSAGE]
        for line in lines:
            with contextlib.suppress(ValueError, RecursionError):  # the program has found our end, and written to it
                message = json.loads(line)
                if isinstance(message, dict):
                    take(message)

    return take_bytes


def remove(folder: str) -> None:
    """Remove a folder and all that is in it, if it is there."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:  # it is very deep
        subprocess.run(["rm", "-rf", folder], check=False)  # noqa: S603, S607


def hang_up(link: socket.socket) -> None:
    """Order the supervisor to kill what is left."""
    # Neither by closing nor by waiting for an end: a process that was forked from this one meanwhile may have both
    # ends of the link.
    with contextlib.suppress(OSError):
        link.shutdown(socket.SHUT_WR)
