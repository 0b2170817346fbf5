"""What happens in a child before the program's first line: the supervisor, the signals, the recorder, the gate."""

from __future__ import annotations

import errno
import faulthandler
import fcntl
import json
import os
import selectors
import signal
import socket
import sys
import threading
from asyncio import base_events
from collections.abc import Callable
from typing import Any, NoReturn

from cancelkit.lab.moments import Moment
from cancelkit.lab.supervisor import supervise
from cancelkit.trace.inject import with_call_in_first_try
from cancelkit.trace.recorder import Recorder
from cancelkit.trace.states import Counts, Tracker
from cancelkit.trace.tape import Tape, TapeReader

STACK_DUMP = getattr(signal, "SIGRTMAX", signal.SIGUSR2)
"""The signal at which a child writes the stacks of its threads to stderr, however stuck it is."""

_FAR_UP = 200
"""Descriptors of ours start here, so that those of the program have the numbers they would have without us."""


_LOOP_THAT_WAITS = base_events.BaseEventLoop._run_once.__code__  # type: ignore[attr-defined]


def start(settings: dict[str, Any]) -> None:
    """Become the program that is to be interrupted; the process that was becomes its supervisor."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    control, record = (_move_far_up(settings[name]) for name in ("control", "record"))
    _fork_from_supervisor(settings, control, record)
    os.setsid()
    _reset_signals()
    faulthandler.register(STACK_DUMP, file=2, all_threads=True)
    recorder = Recorder(Tape(record))
    recorder.install()
    gate = _Gate([Moment.parse(text) for text in settings["moments"]], control, recorder, TapeReader(record))
    gate.install()


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


def _written(descriptor: int, line: bytes) -> bool:
    """Write a line; a program that closes every descriptor must not get an error of ours for it."""
    try:
        return os.write(descriptor, line) == len(line)
    except OSError as error:
        if error.errno == errno.EBADF:
            return False
        raise  # by the program's own handler of a signal that came just now


class _Gate:
    """Where the program is held when a moment has come, until its signal has been sent.

    The loop passes here on its way into the selector's wait. A real program would be idle there, and a real signal
    would find it there; held inside a callback it would behave as no program does. So a moment is looked for nowhere
    else.
    """

    def __init__(self, moments: list[Moment], control: int, recorder: Recorder, reader: TapeReader) -> None:
        self._moments = moments
        self._control = control
        self._tape = recorder.tape
        self._signals = recorder.signals
        self._reader = reader
        self._tracker = Tracker()
        self._reached = 0
        self._last_seen: Counts | None = None
        self._lock = threading.RLock()  # for programs with loops in several threads
        os.register_at_fork(after_in_child=self._open_for_good)  # only the program itself is interrupted

    def install(self) -> None:
        """Have every wait of a selector pass here, at the line at which it waits."""
        for name in ("EpollSelector", "KqueueSelector", "PollSelector", "DevpollSelector", "SelectSelector"):
            selector: Any = getattr(selectors, name, None)
            if selector is not None:
                held, release = self._signals.held, signal.raise_signal
                selector.select = with_call_in_first_try(selector.select, self._pass_through, held, release)

    def _pass_through(self, *_: object) -> None:
        """Hold the program here if it waits in its event loop and the moment that is waited for has come."""
        if self._reached == len(self._moments) or sys._getframe(2).f_code is not _LOOP_THAT_WAITS:
            return
        with self._lock:
            self._hold_at_moment()

    def _hold_at_moment(self) -> None:
        try:
            for event in self._reader.new_events():
                self._tracker.feed(event)
        except OSError:  # the program has closed the descriptor, and the one to us as well, most likely
            self._open_for_good()
            return
        if self._tape.why_over:
            self._give_up()
            return
        counts = self._tracker.counts()
        if counts != self._last_seen:
            self._last_seen = counts
            self._tape.put_text(f'"kind":"waiting","counts":{json.dumps(counts.as_dict())}')
        if self._reached < len(self._moments) and self._moments[self._reached].holds(counts):
            self._reached += 1
            # What a signal's handler raises is to be raised by the wait, not by our waiting before it.
            self._signals.hold = True
            try:
                self._hold(self._reached)
            finally:
                self._signals.hold = False

    def _hold(self, number: int) -> None:
        if not _written(self._control, json.dumps({"reached": number}).encode() + b"\n"):
            self._open_for_good()
            return
        # The signal is sent before the byte that lets the program go on. A byte of an earlier hold is skipped: where
        # there is no handler of ours, C's own may raise from here, and leave it.
        while (answer := os.read(self._control, 1)) not in (b"", bytes([number])):
            pass
        if not answer:
            self._open_for_good()

    def _give_up(self) -> None:
        """Nothing is known of the program any more, so no moment can be known to have come."""
        _written(self._control, json.dumps({"lost": self._tape.why_over}).encode() + b"\n")
        self._open_for_good()

    def _open_for_good(self) -> None:
        self._moments = self._moments[: self._reached]
