"""What happens in a child before the program's first line: the supervisor, the signals, the recorder, the gate."""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import socket
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


def start(settings: dict[str, Any]) -> None:
    """Become the program that is to be interrupted; the process that was becomes its supervisor."""
    link = socket.socket(fileno=settings["link"])
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    program = os.fork()
    if program:
        os.close(settings["control"])
        os.close(settings["record"])
        _supervise_or_exit(program, link)
    link.close()
    os.setsid()
    _reset_signals()
    faulthandler.register(STACK_DUMP, file=2, all_threads=True)
    control = socket.socket(fileno=settings["control"])
    control.set_inheritable(False)
    os.set_inheritable(settings["record"], False)

    os.write(settings["record"], header_line())
    tracker = Tracker()

    def keep(event: Event) -> None:
        os.write(settings["record"], event.to_line())
        tracker.feed(event)

    recorder = Recorder(keep)
    recorder.install()
    moments = [Moment.parse(text) for text in settings["moments"]]
    _hook_selectors(_Gate(moments, tracker, control, recorder).pass_through)


def _supervise_or_exit(program: int, link: socket.socket) -> NoReturn:
    try:
        supervise(program, link)
    finally:
        os._exit(70)  # whatever happened, this process must never go on to run the program as well


def _reset_signals() -> None:
    """What a kernel's background task, `nohup` and a shell's `&` hand down is "ignored"; undo it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for signum in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(signum, signal.SIG_DFL)


class _Gate:
    """Where the program is held when a moment has come, until its signal has been sent.

    The loop passes here on its way into the selector's wait. A real program would be idle there, and a real signal
    would find it there; held inside a callback it would behave as no program does. So a moment is looked for nowhere
    else.
    """

    def __init__(self, moments: list[Moment], tracker: Tracker, control: socket.socket, recorder: Recorder) -> None:
        self._moments = moments
        self._tracker = tracker
        self._control = control
        self._recorder = recorder
        self._reached = 0
        self._last_seen: Counts | None = None

    def pass_through(self) -> None:
        """Hold the program here if the moment that is waited for has come."""
        if self._reached == len(self._moments):
            return
        counts = self._tracker.counts()
        if counts != self._last_seen:
            self._last_seen = counts
            self._recorder.emit("waiting", counts=counts.as_dict())
        if self._moments[self._reached].holds(counts):
            self._reached += 1
            self._hold(self._reached)

    def _hold(self, number: int) -> None:
        self._control.sendall(json.dumps({"reached": number}).encode() + b"\n")
        # The signal is sent before the byte that lets the program go on, so its handler runs inside this wait. If it
        # raises, it raises from here, as it would from the selector, and the byte is left for the next hold to skip.
        while (answer := self._control.recv(1)) not in (b"", bytes([number])):
            pass
        if not answer:
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
