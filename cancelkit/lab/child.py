"""What happens in a child before the program's first line: the supervisor, the signals, the recorder, the gate."""

from __future__ import annotations

import errno
import faulthandler
import fcntl
import json
import os
import signal
import socket
import threading
from asyncio import selector_events
from collections.abc import Callable
from typing import Any, NoReturn

from cancelkit.lab.moments import Moment
from cancelkit.lab.supervisor import supervise
from cancelkit.trace.events import Event, header_line
from cancelkit.trace.recorder import Recorder
from cancelkit.trace.states import Counts, Tracker

STACK_DUMP = getattr(signal, "SIGRTMAX", signal.SIGUSR2)
"""The signal at which a child writes the stacks of its threads to stderr, however stuck it is."""

_FAR_UP = 200
"""Descriptors of ours start here, so that those of the program have the numbers they would have without us."""


def start(settings: dict[str, Any]) -> None:
    """Become the program that is to be interrupted; the process that was becomes its supervisor."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    control, record = (_move_far_up(settings[name]) for name in ("control", "record"))
    _fork_from_supervisor(settings, control, record)
    os.setsid()
    _reset_signals()
    faulthandler.register(STACK_DUMP, file=2, all_threads=True)
    recording = _Recording(record)
    recorder = Recorder(recording.keep)
    recorder.install()
    gate = _Gate([Moment.parse(text) for text in settings["moments"]], recording, control, recorder)
    _hook_selectors(gate.pass_through)


def _fork_from_supervisor(settings: dict[str, Any], *ours: int) -> None:
    """Return in a new process that is watched over; this one stays behind to do that."""
    link = socket.socket(fileno=settings["link"])
    told, tell = os.pipe()
    program = os.fork()
    if program:
        for descriptor in (told, *ours):
            os.close(descriptor)
        _supervise_or_exit(program, link, settings["experimenter"], lambda: os.write(tell, b"."))
    os.close(tell)
    if not os.read(told, 1):
        os._exit(70)  # nobody watches: never go on to run the program
    os.close(told)
    link.close()


def _supervise_or_exit(program: int, link: socket.socket, experimenter: int, on_ready: Callable[[], Any]) -> NoReturn:
    try:
        supervise(program, link, experimenter, on_ready)
    finally:
        os._exit(70)  # whatever happened, this process must never go on to run the program as well


def _move_far_up(descriptor: int) -> int:
    """Move a descriptor out of the program's way; programs started by the program do not get it."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _FAR_UP)
    os.close(descriptor)
    return moved


def _reset_signals() -> None:
    """What a kernel's background task, `nohup` and a shell's `&` hand down is "ignored"; undo it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for signum in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(signum, signal.SIG_DFL)


class _Recording:
    """Writes every event to the record, at once, and keeps count.

    Events come from every thread, and from signal handlers that run in the middle of keeping another one: so the lock
    is one that its owner can take again.
    """

    def __init__(self, record: int) -> None:
        self._record: int | None = record
        self._tracker = Tracker()
        self._lock = threading.RLock()
        self._write(header_line())

    def keep(self, event: Event) -> None:
        line = event.to_line()
        with self._lock:
            self._write(line)
            self._tracker.feed(event)

    def counts(self) -> Counts:
        with self._lock:
            return self._tracker.counts()

    def _write(self, line: bytes) -> None:
        if self._record is not None and not _written(self._record, line):
            self._record = None


def _written(descriptor: int, line: bytes) -> bool:
    """Write a line; a full disk, or a program that closes every descriptor, must not become an error of the program."""
    try:
        return os.write(descriptor, line) == len(line)
    except OSError as error:
        if error.errno in (errno.EBADF, errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return False
        raise  # by the program's own handler of a signal that came just now


class _Gate:
    """Where the program is held when a moment has come, until its signal has been sent.

    The loop passes here on its way into the selector's wait. A real program would be idle there, and a real signal
    would find it there; held inside a callback it would behave as no program does. So a moment is looked for nowhere
    else.
    """

    def __init__(self, moments: list[Moment], recording: _Recording, control: int, recorder: Recorder) -> None:
        self._moments = moments
        self._recording = recording
        self._control = control
        self._recorder = recorder
        self._reached = 0
        self._last_seen: Counts | None = None
        self._lock = threading.RLock()  # for programs with loops in several threads
        os.register_at_fork(after_in_child=self._open_for_good)  # only the program itself is interrupted

    def pass_through(self) -> None:
        """Hold the program here if the moment that is waited for has come."""
        if self._reached == len(self._moments):
            return
        with self._lock:
            self._hold_at_moment()

    def _hold_at_moment(self) -> None:
        counts = self._recording.counts()
        if counts != self._last_seen:
            self._last_seen = counts
            self._recorder.emit("waiting", counts=counts.as_dict())
        if self._reached < len(self._moments) and self._moments[self._reached].holds(counts):
            self._reached += 1
            self._hold(self._reached)

    def _hold(self, number: int) -> None:
        if not _written(self._control, json.dumps({"reached": number}).encode() + b"\n"):
            self._open_for_good()
            return
        # The signal is sent before the byte that lets the program go on, so its handler runs inside this wait. If it
        # raises, it raises from here, as it would from the selector, and the byte is left for the next hold to skip.
        while (answer := os.read(self._control, 1)) not in (b"", bytes([number])):
            pass
        if not answer:
            self._open_for_good()

    def _open_for_good(self) -> None:
        self._moments = self._moments[: self._reached]


def _hook_selectors(before_wait: Callable[[], None]) -> None:
    """Call `before_wait` whenever an event loop is about to wait in its selector."""
    make = selector_events.BaseSelectorEventLoop.__init__

    def make_and_hook(self: Any, selector: Any = None) -> None:
        make(self, selector)
        wait = self._selector.select

        def select(timeout: float | None = None) -> Any:
            before_wait()
            return wait(timeout)

        self._selector.select = select

    selector_events.BaseSelectorEventLoop.__init__ = make_and_hook  # type: ignore[method-assign]
