"""Launching: a Python program in a process of its own, with all that it needs to be held, recorded and ended.

`launch` is a context; leaving it, in whatever way, leaves no process behind.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from cancelkit.errors import UnusableProgramError
from cancelkit.lab import launched
from cancelkit.lab.moments import Moment
from cancelkit.lab.rights import rights_needed
from cancelkit.lab.server import JobServer
from cancelkit.trace.starting import as_a_path, environment_for

_PLAIN = {"PYTHON_COLORS": "0"}
"""What a program's traceback says is kept as text: without the colours that a kernel's children have from 3.13 on."""

_LONGEST_SHOWN = 1000
"""Characters of a program's arguments that an error shows."""


@contextlib.contextmanager
def launch(
    program: Path | str, arguments: Sequence[str], moments: Sequence[Moment], pace: float, stop: int | None
) -> Iterator[launched.Launched]:
    """Start `program` under this Python, to be held when each of `moments` comes; end it on the way out.

    When the descriptor `stop` becomes readable, the messages of it end with Stopped.

    Raises:
        ForbiddenError: no process may be started here, or none may be sent a signal.
        UnusableProgramError: the system refuses to start a process with these arguments.
    """
    with contextlib.ExitStack() as stack:
        link, childs_link = map(stack.enter_context, socket.socketpair())
        control, childs_control = map(stack.enter_context, socket.socketpair())
        files = {name: stack.enter_context(tempfile.TemporaryFile()) for name in ("record", "stacks")}
        selector = stack.enter_context(selectors.DefaultSelector())
        if stop is not None:
            selector.register(stop, selectors.EVENT_READ, _stop)
        server = JobServer(selector, pace, in_lockstep=True)
        stack.callback(server.close)
        inherited = {"link": childs_link.fileno(), "control": childs_control.fileno()}
        inherited |= {name: file.fileno() for name, file in files.items()}
        folder = tempfile.mkdtemp(prefix="cancelkit-")
        stack.callback(launched.remove, folder)
        for name in ("jobs", "tmp"):
            Path(folder, name).mkdir()
        settings: dict[str, Any] = {"moments": [moment.conditions for moment in moments], "experimenter": os.getpid()}
        settings |= {"folder": folder, "port": server.port, "limit": launched.LIMIT_OF_RECORD, **inherited}
        # Its own context closes the pipes.
        supervisor = stack.enter_context(_start(program, arguments, settings, tuple(inherited.values())))
        stack.callback(launched.hang_up, link)  # whatever happens: or it would be waited for without an end
        process = launched.Launched(supervisor, link, control, files, folder, server, selector, moments)
        stack.callback(process.close)
        childs_link.close()
        childs_control.close()
        assert supervisor.stdin is not None
        supervisor.stdin.close()
        yield process


def _stop() -> NoReturn:
    raise launched.Stopped


def _start(
    program: Path | str, arguments: Sequence[str], settings: dict[str, Any], inherited: Sequence[int]
) -> subprocess.Popen[bytes]:
    try:
        with rights_needed():
            return subprocess.Popen(  # noqa: S603 - the user's own program
                [sys.executable, as_a_path(program), *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=inherited,
                start_new_session=True,
                env={**environment_for("cancelkit.lab.child", settings), **_PLAIN},
            )
    except (OSError, ValueError) as error:
        words = str(list(arguments))
        words = words if len(words) <= _LONGEST_SHOWN else f"{words[:_LONGEST_SHOWN]}…"
        raise UnusableProgramError(f"cannot start {str(program)!r} with arguments {words}: {error}") from error
