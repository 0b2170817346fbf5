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

from cancelkit.lab.child import STACK_DUMP
from cancelkit.lab.moments import Moment

_STARTUP = Path(__file__).with_name("startup")
_PACKAGE = Path(__file__).parents[2]
_FROM_A_TERMINAL = frozenset({signal.SIGINT, signal.SIGQUIT, signal.SIGHUP})
"""Signals that a terminal sends to the program and to every process it has started; others go to the program."""

SECONDS_TO_EXPLAIN = 1.0
"""How long a program that has overrun its deadline gets to write its stacks, and then to end on SIGTERM."""


class Launched:
    """A running program: what it has said so far, and the means to signal it."""

    def __init__(
        self, supervisor: subprocess.Popen[bytes], link: socket.socket, control: socket.socket, record: IO[bytes]
    ) -> None:
        self.output: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
        self.pid: int | None = None
        self.returncode: int | None = None
        self._supervisor = supervisor
        self._control = control
        self._record = record
        self._lines: dict[str, bytearray] = {"link": bytearray(), "control": bytearray()}
        self._selector = selectors.DefaultSelector()
        assert supervisor.stdout is not None
        assert supervisor.stderr is not None
        for name, source in (
            ("stdout", supervisor.stdout),
            ("stderr", supervisor.stderr),
            ("link", link),
            ("control", control),
        ):
            os.set_blocking(source.fileno(), False)
            self._selector.register(source, selectors.EVENT_READ, name)

    def messages(self, deadline: float) -> Iterator[dict[str, Any]]:
        """What the program's gate says, until the program has ended and all its output is here.

        Raises:
            TimeoutError: the monotonic clock has passed `deadline` before that.
        """
        while self.returncode is None:
            yield from self._read(max(0.0, deadline - time.monotonic()))
            if self.returncode is None and time.monotonic() >= deadline:
                raise TimeoutError
        while self._read_ready(0.0):  # what is still in the pipes; who holds them open is not waited for
            pass

    def send(self, signum: signal.Signals) -> int:
        """Send a signal as a terminal or as `kill` would; return the time in nanoseconds."""
        assert self.pid is not None
        now = time.monotonic_ns()
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if signum in _FROM_A_TERMINAL else os.kill)(self.pid, signum)
        return now

    def let_go(self, number: int) -> None:
        """Let the program go on from the hold of that number."""
        with contextlib.suppress(BrokenPipeError):
            self._control.sendall(bytes([number]))

    def end(self) -> None:
        """End a program that has overrun its deadline: have it write its stacks, then SIGTERM, then SIGKILL."""
        for signum in (STACK_DUMP, signal.SIGTERM, signal.SIGKILL):
            if self.pid is None:
                return
            self.send(signal.Signals(signum))
            with contextlib.suppress(TimeoutError):
                for _ in self.messages(time.monotonic() + SECONDS_TO_EXPLAIN):
                    pass
                return

    def record(self) -> bytes:
        """What the program has recorded so far."""
        return os.pread(self._record.fileno(), os.fstat(self._record.fileno()).st_size, 0)

    def close(self) -> None:
        """Close what was opened to read from."""
        self._selector.close()

    def _read(self, timeout: float) -> Iterator[dict[str, Any]]:
        for name in self._read_ready(timeout):
            if name in self._lines:
                yield from self._take_lines(name)

    def _read_ready(self, timeout: float) -> list[str]:
        """Read what there is to read; the names of the sources that had something."""
        names = []
        for key, _ in self._selector.select(timeout):
            name = key.data
            try:
                data = os.read(key.fd, 1 << 16)
            except ConnectionResetError:
                data = b""
            if not data:
                self._selector.unregister(key.fileobj)
                if name == "link" and self.returncode is None:
                    raise ChildProcessError("the program's supervisor was killed")
                continue
            (self.output if name in self.output else self._lines)[name].extend(data)
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
def launched(program: Path, arguments: Sequence[str], moments: Sequence[Moment]) -> Iterator[Launched]:
    """Start `program` under this Python, to be held when each of `moments` comes; end it on the way out."""
    with contextlib.ExitStack() as stack:
        link, childs_link = map(stack.enter_context, socket.socketpair())
        control, childs_control = map(stack.enter_context, socket.socketpair())
        record = stack.enter_context(tempfile.TemporaryFile())
        inherited = (childs_link.fileno(), childs_control.fileno(), record.fileno())
        settings = dict(zip(("link", "control", "record"), inherited, strict=True))
        supervisor = subprocess.Popen(  # noqa: S603 - the user's own program
            [sys.executable, str(program), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=inherited,
            start_new_session=True,
            env=_environment(settings | {"moments": [str(moment) for moment in moments]}),
        )
        stack.enter_context(supervisor)  # closes the pipes, and waits, last of all
        stack.enter_context(link)  # so that this is closed before: the supervisor's order to kill
        childs_link.close()
        childs_control.close()
        assert supervisor.stdin is not None
        supervisor.stdin.close()
        yield stack.enter_context(contextlib.closing(Launched(supervisor, link, control, record)))


def _environment(settings: dict[str, Any]) -> dict[str, str]:
    before = os.environ.get("PYTHONPATH")
    settings |= {"pythonpath": before, "package": str(_PACKAGE)}
    return os.environ | {
        "CANCELKIT_CHILD": json.dumps(settings),
        "PYTHONPATH": os.pathsep.join([str(_STARTUP), *([before] if before else [])]),
    }
