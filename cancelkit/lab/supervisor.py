"""The supervisor: a process between the experiment and the program, which leaves nothing behind.

The interpreter that the experiment started forks once, before the program's first line: the child goes on as the
program, in a session of its own; the parent stays here. It waits for the program to end, or for the experiment to:
whatever ends that, its end of the link closes, and end-of-file is an order to kill. (A parent-death signal would fire
when the thread that started the process ends, and a watching thread inside the program would be seen by it.) The
program's process is not waited for before its group is killed, so the group's number cannot mean anybody else.

On Linux the supervisor also adopts what the program left without a parent, daemons in sessions of their own, and
ends them too; elsewhere only what is still in the program's group ends with it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from json.encoder import encode_basestring_ascii
from typing import NoReturn

_SET_CHILD_SUBREAPER = 36
"""The number of this request to Linux's prctl."""

_ORPHAN_CHECK = 0.5
"""Seconds between two looks at whether the experiment lives: a process forked from it can hold the link open."""


def supervise(program: int, link: int, experimenter: int, folder: str, on_ready: Callable[[], None]) -> NoReturn:
    """Wait for the process `program` to end, tell the experiment over the link how, and exit.

    `link` is one end of a pair of sockets, by its descriptor. `experimenter` is the process that makes the experiment;
    if it has not removed its `folder` when it is done, that is done here. `on_ready` is called when nothing can escape
    any more.
    """
    wake = _wake_when_a_child_ends()
    _let_go_of_streams()
    adopt_orphans()
    _tell(link, f'{{"started": {program}}}')
    on_ready()
    watched = [wake, link]
    left: list[str] = []
    while (status := _status_of(program, left)) is None:
        ready, _, _ = select.select(watched, [], [], _ORPHAN_CHECK)
        if wake in ready:
            os.read(wake, 4096)
        if link in ready or os.getppid() != experimenter:  # nothing is ever sent over the link, so this is its end
            watched = [wake]
            kill_group(program)
    kill_descendants()
    names = ", ".join(map(encode_basestring_ascii, left))
    _tell(link, f'{{"ended": {os.waitstatus_to_exitcode(status)}, "left": [{names}]}}')
    while os.getppid() == experimenter and not select.select([link], [], [], _ORPHAN_CHECK)[0]:
        pass  # the experiment is looking at what there is
    if os.path.isdir(folder):  # noqa: PTH112 - it was not tidied up, and perhaps nobody is left to do it
        import shutil

        shutil.rmtree(folder, ignore_errors=True)
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


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends, where the system can do that."""
    if sys.platform == "linux":
        with contextlib.suppress(Exception):  # a Python that was built without ctypes
            import ctypes

            ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _status_of(program: int, left: list[str]) -> int | None:
    """The wait status of the program if it has ended; then what it left is noted, and killed if it is in its group."""
    if not hasattr(os, "waitid"):  # macOS before Python 3.13
        pid, status = os.waitpid(program, os.WNOHANG)
        if pid == 0:
            return None
        kill_group(program)
        return status
    while not (has_ended := _has_ended(program)):
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        # What was adopted because the program has ended meanwhile is what it has left.
        if ended is None or (has_ended := _has_ended(program)):
            break
        os.waitpid(ended.si_pid, 0)  # an adopted one; nobody else will look after it
    if not has_ended:
        return None
    left += sorted(_name_of(pid) for pid in _children() if pid != program)
    kill_group(program)
    return os.waitpid(program, 0)[1]


def _has_ended(program: int) -> bool:
    return os.waitid(os.P_PID, program, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def kill_group(leader: int) -> None:
    """Kill a process and those in its group; it has not been waited for."""
    # The process as well: it may not have made its group yet.
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS refuses where only a zombie is left
            kill(leader, signal.SIGKILL)


def kill_descendants() -> None:
    """Kill adopted processes, then those that are adopted because these have ended, until there are none."""
    with contextlib.suppress(ChildProcessError):  # there are no more children
        for _ in range(1000):  # and not for ever: one may be beyond killing, in the middle of a system call
            for pid in _children():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.001)


def _children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", "rb") as file:  # noqa: PTH123 - no pathlib in a child
            return [int(pid) for pid in file.read().split()]
    except OSError:  # no Linux, or one without this file
        return []


def _name_of(process: int) -> str:
    """What a process is called, also if it has ended and nobody has waited for it."""
    try:
        with open(f"/proc/{process}/comm") as file:  # noqa: PTH123
            return file.read().strip()
    except OSError:
        return f"process {process}"


def _tell(link: int, message: str) -> None:
    with contextlib.suppress(ConnectionError):
        os.write(link, f"{message}\n".encode())
