"""The virtual clock: what a loop waits for by time comes at once, and in the order in which it would have come.

A loop asks its selector for something to do, and tells it how long to wait. If nothing outside of the process could
come in the meantime, the clock is set forward by that much and the wait is over. If the loop would wait for ever, it
hangs, and that is known without waiting. Something outside is a file descriptor that is no end of a pair of sockets
made in this process, another thread, or a child process: then the wait is a real one, and the run is said to be real.
"""

from __future__ import annotations

import functools
import math
import os
import select
import selectors
import socket
import threading
import time
import types
import weakref
from asyncio import base_events
from collections.abc import Callable
from typing import Any

from cancelkit.sweep.inside.counting import counter
from cancelkit.trace.signals import SignalWatch
from cancelkit.trace.unseen import without_us

_TICK = 1000
"""Nanoseconds that pass from one event to the next, so that they have an order."""


class Clock:
    """The time that loops are told, in seconds, and the recorder, in nanoseconds.

    Attributes:
        is_real: whether a loop has waited for something outside, which takes real time.
        ticks: the times of events, in nanoseconds.
        before_wait: called before each wait of a selector.
        on_hang: called when a loop would wait for ever; it does not return.
    """

    def __init__(self, on_hang: Callable[[], None]) -> None:
        self._now = [0.0]
        self.ticks = counter(0, _TICK)
        self.is_real = False
        self.before_wait: Callable[[], None] | None = None
        self.on_hang = on_hang
        self._main_thread = threading.get_ident()
        # Not a WeakSet, which is told in Python when one of them dies, in the middle of the program.
        self._pairs: list[weakref.ref[socket.socket]] = []

    def install(self, signals: SignalWatch) -> None:
        """Have every loop that is made from now on use this clock, and a selector that knows it."""
        clock, make_pair = self, socket.socketpair
        self.signals = signals

        def socketpair(*args: Any, **kwargs: Any) -> tuple[socket.socket, socket.socket]:
            ck_at_work = True  # noqa: F841
            try:
                pair = make_pair(*args, **kwargs)
                clock._pairs += map(weakref.ref, pair)
                if signals.held:
                    signals.release()
            except BaseException as error:
                without_us(error)
                raise
            return pair

        class Selector(_Selector):
            of = clock

        socket.socketpair = socketpair
        selectors.DefaultSelector = Selector  # type: ignore[misc,assignment]
        # A function of C's, as the one in its place: no signal's handler runs in there.
        read = functools.partial(list.__getitem__, self._now, 0)
        base_events.time = types.SimpleNamespace(**vars(time) | {"monotonic": read})  # type: ignore[attr-defined]

    def reset(self) -> None:
        """Begin anew, for another run."""
        self._now[0], self.is_real = 0.0, False
        self._pairs.clear()
        self.ticks.begin(0)

    def wait(self, selector: _Selector, timeout: float | None) -> list[Any]:
        """What is ready when a loop has waited so many seconds; None is for ever."""
        if timeout is not None and timeout <= 0:
            return selector.look(0)
        # Also if it has come by now: whether it has is chance.
        self.is_real = self.is_real or self._is_connected(selector)
        if ready := selector.look(0):
            return ready
        if self._is_connected(selector) or children():
            self.is_real = True
            started = time.monotonic()
            ready = selector.look(timeout)
            self._advance(time.monotonic() - started)
        elif timeout is None:
            self.on_hang()
        else:
            self._advance(timeout)
        return ready

    def _advance(self, seconds: float) -> None:
        self._now[0] += seconds
        self.ticks.begin(max(next(self.ticks), int(self._now[0] * 1e9)))

    def _is_connected(self, selector: _Selector) -> bool:
        """Whether something can come from outside: from another thread, or over a descriptor."""
        if threading.get_ident() != self._main_thread or threading.active_count() > 1:
            return True
        known = {end.fileno() for reference in self._pairs if (end := reference()) is not None}
        return any(fd not in known for fd in selector.get_map())


class _Selector(selectors.PollSelector):
    """A selector whose waits are the clock's. poll(2) needs no descriptor of its own."""

    of: Clock

    def select(self, timeout: float | None = None) -> list[Any]:
        """What is ready, after a wait by the clock."""
        ck_at_work = True  # noqa: F841 - which `SignalWatch` looks for
        signals = self.of.signals
        try:
            if self.of.before_wait is not None:
                self.of.before_wait()
            if signals.held:
                signals.release()
            ready = self.of.wait(self, timeout)
            if signals.held:
                signals.release()
        except BaseException as error:
            without_us(error)
            raise
        return ready

    def look(self, timeout: float | None) -> list[Any]:
        """What is ready now, or within so many real seconds."""
        milliseconds = None if timeout is None else math.ceil(timeout * 1000)
        ready = []
        for fd, event in self._selector.poll(milliseconds):  # type: ignore[attr-defined]
            events = (event & ~select.POLLIN and selectors.EVENT_WRITE) | (
                event & ~select.POLLOUT and selectors.EVENT_READ
            )
            key = self.get_map().get(fd)
            if key is not None:
                ready.append((key, events & key.events))
        return ready


def children() -> str:
    """The processes that this one has started and not waited for, as the system lists them; nothing where it cannot."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:  # noqa: PTH123
            return file.read()
    except OSError:
        return ""
