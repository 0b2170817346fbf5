"""A command that is run in the place of this process: what was to reach this process reaches the command, once.

A shell has made a process group for us and for whom we share a pipeline with, and has put it into the foreground of the
terminal. There the command stays, and gets what it would get without us: Ctrl-C and Ctrl-Z, what is typed, a signal to
the whole group. It is this process that leaves the group, for one where nobody else is. So a signal that comes here was
sent to this process alone, and is handed on. While the command is stopped this process is too, back in the group, for
there the shell makes both go on.

The other way round, a group of its own and the terminal for the command, is what shells do, but they do it to a whole
pipeline. `less` behind us would be stopped when it reads a key, and a script that runs us would not see Ctrl-C. A
process that leads a session has no choice, as it cannot leave its group. But then nobody else is in it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence, Set

_NOT_HANDED_ON = frozenset({signal.SIGKILL, signal.SIGSTOP, signal.SIGCONT, signal.SIGCHLD})
_DIE_WITH_PARENT = 1
"""The number of this request to Linux's prctl."""


def run_in_place(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command as if it had been started instead of this process; its status as in `Popen.returncode`.

    It has this process's streams and open files, its terminal, its ignored signals. Only for a main thread, and a
    process that has nothing else to do meanwhile. On Linux the command does not outlive this process.

    Raises:
        OSError: the system refuses to start the command.
        ValueError: there is a null character in it.
    """
    standing = _Standing()
    die_with_parent = dier(os.getpid())
    ignores_children = signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN
    handed_on = {s for s in signal.valid_signals() - _NOT_HANDED_ON if signal.getsignal(s) is not signal.SIG_IGN}

    def prepare() -> None:
        die_with_parent()
        standing.prepare_command()
        for signum in handed_on:
            if callable(signal.getsignal(signum)):  # not to be lost in a handler of ours on the way
                signal.signal(signum, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN if ignores_children else signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    with _held_back(handed_on) as mask:
        process = subprocess.Popen(  # noqa: S603 - the user's own program
            command, env=environment, close_fds=False, preexec_fn=prepare
        )
        # A signal to the group that came before this has reached the command in its first moments, in which it has no
        # handler: handing it on once more, to a command that is no more or that ignores it, does nothing.
        standing.leave()
        try:
            process.returncode = _see_to_its_end(process.pid, handed_on, standing)
        finally:
            standing.come_back()
    return process.returncode


def _see_to_its_end(pid: int, handed_on: Set[int], standing: _Standing) -> int:
    while True:
        signum = signal.sigwait({*handed_on, signal.SIGCHLD})
        if signum != signal.SIGCHLD:
            with contextlib.suppress(PermissionError):  # it has become another user's
                os.kill(pid, signum)  # it may have ended, but has not been waited for, so this is nobody else
            continue
        changed, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED)
        while changed and os.WIFSTOPPED(status):
            standing.stop(os.WSTOPSIG(status))
            changed, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
            if not changed:  # this process alone was told to go on, or the system does not let it stop
                os.killpg(os.getpgid(pid), signal.SIGCONT)
        if changed and not os.WIFCONTINUED(status):
            return os.waitstatus_to_exitcode(status)


class _Standing:
    """The process group and the terminal of this process, and how the command gets them."""

    def __init__(self) -> None:
        self._group = os.getpgrp()
        self._leads_session = os.getsid(0) == os.getpid()
        self._terminal = _terminal_in_whose_foreground_we_are() if self._leads_session else None

    def prepare_command(self) -> None:
        """In the command's process, before it is the command."""
        if self._leads_session:
            os.setpgid(0, 0)
            if self._terminal is not None:
                os.tcsetpgrp(self._terminal, os.getpid())

    def leave(self) -> None:
        """Leave the group to the command."""
        if self._leads_session:
            return
        if self._group != os.getpid():
            os.setpgid(0, 0)
            return
        # The group has the number that a new one of this process's own would get. So it takes another process to make
        # one; this process stays in it when the other has ended.
        told, tell = os.pipe()
        helper = os.fork()
        if helper == 0:
            try:
                os.close(tell)
                os.read(told, 1)
            finally:
                os._exit(0)
        os.setpgid(helper, helper)
        os.setpgid(0, helper)
        os.close(tell)
        os.close(told)
        os.waitpid(helper, 0)

    def come_back(self) -> None:
        """Be again where this process was, for what it has to write itself."""
        with contextlib.suppress(OSError):  # nobody is left of the group; the terminal is gone
            if not self._leads_session:
                os.setpgid(0, self._group)
            elif self._terminal is not None:
                os.tcsetpgrp(self._terminal, self._group)
                os.close(self._terminal)

    def stop(self, signum: int) -> None:
        """Stop as the command has stopped, until the shell makes both go on.

        The system lets a process stop only if there may be a shell, in the same session; else this returns at once.
        """
        if self._leads_session:
            _stand_still(signum)
            return
        # Signals that are sent to the group meanwhile, as by `kill %1` in a shell, reach this process and the command.
        # There is no telling them from those to this process alone but by a third one, which gets only the former.
        ours, its = socket.socketpair()
        witness = os.fork()
        if witness == 0:
            try:
                ours.close()
                its.recv(1)
                its.send(bytes(signal.sigpending()))
            finally:
                os._exit(0)
        its.close()
        with contextlib.suppress(OSError):  # nobody is left in the group
            os.setpgid(witness, self._group)
        self.come_back()
        _stand_still(signum)
        self.leave()
        os.kill(witness, signal.SIGCONT)  # it may have been stopped with the group
        with ours:
            ours.shutdown(socket.SHUT_WR)
            sent_to_group = set(ours.recv(signal.NSIG)) - {signal.SIGCHLD}
        os.waitpid(witness, 0)
        _forget(sent_to_group)


def _stand_still(signum: int) -> None:
    if signum == signal.SIGSTOP:
        os.kill(os.getpid(), signum)
        return
    before = signal.signal(signum, signal.SIG_DFL)
    os.kill(os.getpid(), signum)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signum})
    signal.pthread_sigmask(signal.SIG_BLOCK, {signum})
    signal.signal(signum, before)


@contextlib.contextmanager
def _held_back(signals: Set[int]) -> Iterator[Set[int]]:
    """Hold signals back, and those of the ends of children; the mask of before. What is left of them is forgotten."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {*signals, signal.SIGCHLD})
    # Outside of Linux a signal that does nothing by default is not held back, but gone.
    without_handler = [s for s in signals if signal.getsignal(s) is signal.SIG_DFL and s in _DOING_NOTHING]
    before = {signum: signal.signal(signum, _do_nothing) for signum in (*without_handler, signal.SIGCHLD)}
    try:
        yield mask
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
        _forget({*signals, signal.SIGCHLD})
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


_DOING_NOTHING = {getattr(signal, name, None) for name in ("SIGWINCH", "SIGURG", "SIGIO", "SIGINFO")}


def _do_nothing(*_: object) -> None: ...


def _forget(signals: Set[int]) -> None:
    while pending := signal.sigpending() & signals:
        signal.sigwait(pending)


def _terminal_in_whose_foreground_we_are() -> int | None:
    with contextlib.suppress(OSError):  # there is no terminal
        terminal = os.open("/dev/tty", os.O_RDWR)
        if os.tcgetpgrp(terminal) == os.getpgrp():
            return terminal
        os.close(terminal)
    return None


def dier(parent: int) -> Callable[[], None]:
    """What a child calls to be killed when its parent is, where the system can do that."""
    if sys.platform == "linux":
        with contextlib.suppress(Exception):  # a Python that was built without ctypes
            import ctypes

            prctl = ctypes.CDLL(None).prctl

            def die_with_parent() -> None:
                prctl(_DIE_WITH_PARENT, int(signal.SIGKILL), 0, 0, 0)
                if os.getppid() != parent:  # it was killed before that
                    os._exit(1)

            return die_with_parent
    return lambda: None
