"""Launching: a Python program in a process of its own, and everything that comes out of it.

The effects of the lab are here: processes, pipes, signals. `launched` is a context; leaving it, in whatever way,
leaves no process behind.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from cancelkit.errors import UnusableProgramError
from cancelkit.lab.child import STACK_DUMP
from cancelkit.lab.moments import Moment
from cancelkit.lab.output import Output
from cancelkit.trace.events import Event
from cancelkit.trace.starting import as_a_path, environment_for
from cancelkit.trace.tape import TapeReader

_FROM_A_TERMINAL = frozenset({signal.SIGINT, signal.SIGQUIT, signal.SIGHUP})
"""Signals that a terminal sends to the program and to every process it has started; others go to the program."""

SECONDS_TO_EXPLAIN = 1.0
"""How long a program that has overrun its deadline gets to write its stacks, and then to end on SIGTERM."""

_SECONDS_TO_OBEY = 10.0
"""How long the supervisor gets to kill what is left, which takes milliseconds, before it is killed itself."""

_LONGEST_WAIT = 3600.0
"""Seconds; a selector refuses to wait for years, and a deadline may say so."""

_READ_AT_ONCE = 1 << 16
_MOST_IN_A_PIPE = 1 << 20


class DeadlinePassed(Exception):  # noqa: N818 - an event to be dealt with here, which no user sees
    """The program has not ended in time."""


class SupervisorLost(Exception):  # noqa: N818
    """The process that watches over the program has ended before it."""


class Launched:
    """A running program: what it has said so far, and the means to signal it."""

    def __init__(
        self,
        supervisor: subprocess.Popen[bytes],
        link: socket.socket,
        control: socket.socket,
        record: IO[bytes],
        selector: selectors.BaseSelector,
    ) -> None:
        self.output = {"stdout": Output(), "stderr": Output()}
        self.pid: int | None = None
        self.returncode: int | None = None
        self._supervisor = supervisor
        self._link = link
        self._control = control
        self._record = record
        self._lines: dict[str, bytearray] = {"link": bytearray(), "control": bytearray()}
        self._selector = selector
        assert supervisor.stdout is not None
        assert supervisor.stderr is not None
        for name, source in (
            ("link", link),  # read first: it says which process the others are about
            ("control", control),
            ("stdout", supervisor.stdout),
            ("stderr", supervisor.stderr),
        ):
            os.set_blocking(source.fileno(), False)
            self._selector.register(source, selectors.EVENT_READ, name)

    def messages(self, deadline: float) -> Iterator[dict[str, Any]]:
        """What the program's gate says, until the program has ended and all its output is here.

        Raises:
            DeadlinePassed: the monotonic clock has passed `deadline` before that.
            SupervisorLost: the process that watches over the program has ended, or never began to.
        """
        while self.returncode is None:
            yield from self._read(min(max(0.0, deadline - time.monotonic()), _LONGEST_WAIT))
            if self.returncode is None and time.monotonic() >= deadline:
                raise DeadlinePassed
        self._read_the_rest()

    def send(self, signum: signal.Signals) -> int:
        """Send a signal as a terminal or as `kill` would; return the time in nanoseconds."""
        assert self.pid is not None
        now = time.monotonic_ns()
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if signum in _FROM_A_TERMINAL else os.kill)(self.pid, signum)
        return now

    def let_go(self, number: int) -> None:
        """Let the program go on from the hold of that number."""
        with contextlib.suppress(ConnectionError):
            self._control.sendall(bytes([number]))

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
        """What the program has recorded so far."""
        return TapeReader(self._record.fileno()).new_events()

    def close(self) -> None:
        """Have everything killed that is left, and wait until it is."""
        # Neither by closing nor by waiting for an end: a process that was forked from this one meanwhile may have both
        # ends of the link.
        with contextlib.suppress(OSError):
            self._link.shutdown(socket.SHUT_WR)
        self._link.settimeout(_SECONDS_TO_OBEY)
        try:
            while self.returncode is None and (data := self._link.recv(_READ_AT_ONCE)):
                self._lines["link"] += data
                list(self._take_lines("link"))
        except TimeoutError:
            self._supervisor.kill()  # it was stopped, or never was a supervisor
        except ConnectionError:
            pass
        if self._supervisor.wait() != 0 and self.pid is not None and self.returncode is None:
            with contextlib.suppress(ProcessLookupError):  # somebody killed the supervisor
                os.killpg(self.pid, signal.SIGKILL)

    def _read(self, timeout: float) -> Iterator[dict[str, Any]]:
        for name in self._read_ready(timeout):
            if name in self._lines:
                yield from self._take_lines(name)

    def _read_the_rest(self) -> None:
        """Read what is still in the pipes, and no more: who else holds them open, and writes, is not waited for."""
        for _ in range(_MOST_IN_A_PIPE // _READ_AT_ONCE):
            if not self._read_ready(0.0):
                return

    def _read_ready(self, timeout: float) -> list[str]:
        """Read what there is to read; the names of the sources that had something, the link first."""
        names = []
        for key, _ in sorted(self._selector.select(timeout), key=lambda ready: ready[0].data != "link"):
            name = key.data
            try:
                data = os.read(key.fd, _READ_AT_ONCE)
            except ConnectionResetError:
                data = b""
            if not data:
                self._selector.unregister(key.fileobj)
                if name == "link" and self.returncode is None:
                    self._read_the_rest()
                    raise SupervisorLost
                continue
            if name in self.output:
                self.output[name].add(data)
            else:
                self._lines[name] += data
            names.append(name)
        return names

    def _take_lines(self, name: str) -> Iterator[dict[str, Any]]:
        *lines, rest = self._lines[name].split(b"\n")
        self._lines[name] = bytearray(rest)
        for line in lines:
            message = json.loads(line)
            if name == "control":
                yield message
            elif "started" in message:
                self.pid = message["started"]
            else:
                self.returncode = message["ended"]


@contextlib.contextmanager
def launched(program: Path | str, arguments: Sequence[str], moments: Sequence[Moment]) -> Iterator[Launched]:
    """Start `program` under this Python, to be held when each of `moments` comes; end it on the way out.

    Raises:
        UnusableProgramError: the system refuses to start a process with these arguments.
    """
    with contextlib.ExitStack() as stack:
        link, childs_link = map(stack.enter_context, socket.socketpair())
        control, childs_control = map(stack.enter_context, socket.socketpair())
        record = stack.enter_context(tempfile.TemporaryFile())
        selector = stack.enter_context(selectors.DefaultSelector())
        inherited = (childs_link.fileno(), childs_control.fileno(), record.fileno())
        settings: dict[str, Any] = dict(zip(("link", "control", "record"), inherited, strict=True))
        settings |= {"moments": [str(moment) for moment in moments], "experimenter": os.getpid()}
        supervisor = stack.enter_context(_start(program, arguments, settings, inherited))  # closes the pipes
        process = Launched(supervisor, link, control, record, selector)
        stack.callback(process.close)
        childs_link.close()
        childs_control.close()
        assert supervisor.stdin is not None
        supervisor.stdin.close()
        yield process


def _start(
    program: Path | str, arguments: Sequence[str], settings: dict[str, Any], inherited: Sequence[int]
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 - the user's own program
            [sys.executable, as_a_path(program), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=inherited,
            start_new_session=True,
            env=environment_for("cancelkit.lab.child", settings),
        )
    except (OSError, ValueError) as error:
        raise UnusableProgramError(
            f"cannot start {str(program)!r} with arguments {list(arguments)}: {error}"
        ) from error
