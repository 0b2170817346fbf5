"""The supervisor: a process between the experiment and the program, which leaves nothing behind.

The interpreter that the experiment started forks once, before the program's first line: the child goes on as the
program, in a session of its own; the parent stays here. It waits for the program to end, or for the experiment to:
whatever ends that, its end of the link closes, and end-of-file is an order to kill. (A parent-death signal would fire
when the thread that started the process ends, and a watching thread inside the program would be seen by it.) The
program's process is not waited for before its group is killed, so the group's number cannot mean anybody else.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
from typing import NoReturn


def supervise(program: int, link: socket.socket) -> NoReturn:
    """Wait for the process `program` to end, tell the experiment its status over `link`, and exit."""
    wake = _wake_when_a_child_ends()
    _let_go_of_streams()
    with contextlib.suppress(BrokenPipeError):
        _tell(link, started=program)
    watched: list[int | socket.socket] = [wake, link]
    while (status := _status_of(program)) is None:
        ready, _, _ = select.select(watched, [], [])
        if wake in ready:
            os.read(wake, 4096)
        if link in ready:
            watched.remove(link)  # nothing is ever sent this way, so this is its end
            _kill_group(program)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        _tell(link, ended=os.waitstatus_to_exitcode(status))
    os._exit(0)


def _wake_when_a_child_ends() -> int:
    """A descriptor that becomes readable when a child has ended; no other signal but SIGKILL has any effect."""
    for signum in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
        with contextlib.suppress(OSError):  # a few are the system's own
            signal.signal(signum, signal.SIG_IGN)
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return wake


def _let_go_of_streams() -> None:
    """Or the experiment would not see the end of the program's output."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)


def _status_of(program: int) -> int | None:
    """The wait status of the program if it has ended, and then what is left of its group is killed."""
    if hasattr(os, "waitid"):
        if os.waitid(os.P_PID, program, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return None
        _kill_group(program)
        return os.waitpid(program, 0)[1]
    pid, status = os.waitpid(program, os.WNOHANG)  # macOS before Python 3.13
    if pid == 0:
        return None
    _kill_group(program)
    return status


def _kill_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS refuses where only a zombie is left
        os.killpg(leader, signal.SIGKILL)


def _tell(link: socket.socket, **message: int) -> None:
    link.sendall(json.dumps(message).encode() + b"\n")
