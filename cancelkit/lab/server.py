"""The server that the standard workload talks to: it sets the pace, and is a witness of how each job took its leave.

A job asks for one thing after the other, a line each, `WHAT NAME SECONDS`, and waits for the answer, `WHAT`: hello,
work, tidy or goodbye. In an experiment the server is part of the process that makes it, so a job waits for
something real, and how it took its leave is known to a process that nobody interrupts.

There it answers only when the program has come to rest, waiting with nothing else to do, and has been heard out; and
the program is held at rest until all that are due have their answers. So which jobs are how far does not depend on how
fast the machine is. And a job's long work is not over as long as there are signals to come. A job that blocks the whole
program asks to `block`: that is answered without rest, but after the signals.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from dataclasses import dataclass
from typing import NamedTuple

LONG = 1.0
"""Seconds from which on work is long."""

_READ_AT_ONCE = 1 << 12
_LONGEST_LINE = 1 << 10
_MOST_GUESTS, _MOST_VISITS = 100, 1000
"""At a time, and in all: a program out of hand must not take all descriptors and memory of the process that made it."""


class Visit(NamedTuple):
    """One connection, from the server's side.

    Attributes:
        job: the name that was given; empty if none was.
        farewell: how it ended: "goodbye", "hung up", or "still there" when the program had ended.
    """

    job: str
    farewell: str


@dataclass(eq=False)
class _Guest:
    connection: socket.socket
    job: str = ""
    said: bytes = b""
    waits_for: str = ""
    due: float = 0.0
    has_long_work: bool = False
    farewell: str = "still there"


class JobServer:
    """Listens on loopback, with the selector of whoever has it; what that holds for it is what to call when ready.

    Attributes:
        port: where it listens.
        signals_to_come: whether long work is not to be over yet.
    """

    def __init__(self, selector: selectors.BaseSelector, pace: float, *, in_lockstep: bool) -> None:
        """Multiply the seconds that jobs ask for with `pace`; answer only a program at rest if `in_lockstep`."""
        self.signals_to_come = False
        self._pace = pace
        self._selector = selector
        self._guests: list[_Guest] = []
        self._heard = 0
        self._to_be_heard = 0
        self._in_lockstep = in_lockstep
        self._is_at_rest = not in_lockstep
        self._is_waited_for = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        selector.register(self._listener, selectors.EVENT_READ, self._let_in)

    def on_rest(self, asked: int) -> None:
        """The program waits, and has asked so many things in all."""
        self._is_at_rest, self._to_be_heard, self._is_waited_for = True, asked, True

    def on_signal(self) -> None:
        """The program has been sent a signal, so it is at rest no longer."""
        self._is_at_rest = not self._in_lockstep

    def seconds_left(self) -> float | None:
        """How long until there is something to answer; None if there is nothing."""
        due = [guest.due for guest in self._to_be_answered()]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def answer(self) -> bool:
        """Answer what is due; whether a program that is held because it is at rest is to go on now."""
        now = time.monotonic()
        due = [guest for guest in self._to_be_answered() if guest.due <= now]
        if due and self._in_lockstep:
            self._is_at_rest = False
        for guest in due:
            self._answer(guest)
        goes_on = self._is_waited_for and (self._is_heard_out or not self._is_at_rest)
        self._is_waited_for &= not goes_on
        return goes_on

    def _answer(self, guest: _Guest) -> None:
        if guest.waits_for == "goodbye":
            guest.farewell = "goodbye"
        with contextlib.suppress(OSError):  # it has gone, which will be heard
            guest.connection.send(f"{guest.waits_for}\n".encode())
        guest.waits_for = ""

    @property
    def _is_heard_out(self) -> bool:
        return self._heard >= self._to_be_heard

    def _to_be_answered(self) -> list[_Guest]:
        may_answer = self._is_at_rest and self._is_heard_out
        asking = (guest for guest in self._guests if guest.waits_for)
        ready = (guest for guest in asking if may_answer or guest.waits_for == "block")
        return [guest for guest in ready if not (guest.has_long_work and self.signals_to_come)]

    def close(self) -> tuple[Visit, ...]:
        """Hear the last of everybody, and close; how each visit ended, in the order in which they began."""
        if self._listener.fileno() >= 0:
            self._let_in()
            for guest in self._guests:
                self._hear(guest)
                self._part_from(guest)
            self._close(self._listener)
        return tuple(Visit(guest.job, guest.farewell) for guest in self._guests)

    def _let_in(self) -> None:
        with contextlib.suppress(OSError):  # there is nobody more; or no descriptor more
            while True:
                connection, _ = self._listener.accept()
                are_there = sum(guest.connection.fileno() >= 0 for guest in self._guests)
                if are_there == _MOST_GUESTS or len(self._guests) == _MOST_VISITS:
                    connection.close()
                    continue
                connection.setblocking(False)
                guest = _Guest(connection)
                self._guests.append(guest)
                self._selector.register(connection, selectors.EVENT_READ, lambda guest=guest: self._hear(guest))

    def _hear(self, guest: _Guest) -> None:
        try:
            data = guest.connection.recv(_READ_AT_ONCE)
        except BlockingIOError:
            return
        except OSError:  # it is closed, by its end or by ours
            data = b""
        if not data or len(guest.said) > _LONGEST_LINE:
            if guest.farewell == "still there":
                guest.farewell = "hung up"
            self._part_from(guest)
            return
        *lines, guest.said = (guest.said + data).split(b"\n")
        for line in lines:
            self._take(guest, line.decode(errors="replace"))

    def _take(self, guest: _Guest, line: str) -> None:
        self._heard += 1
        words = line.split(" ")
        with contextlib.suppress(ValueError):  # it is none of the workload's
            guest.waits_for, guest.job, seconds = words[0], " ".join(words[1:-1]), float(words[-1])
            guest.has_long_work = guest.waits_for in ("work", "block") and seconds >= LONG
            guest.due = time.monotonic() + seconds * self._pace

    def _part_from(self, guest: _Guest) -> None:
        guest.waits_for = ""
        if guest.connection.fileno() >= 0:
            self._close(guest.connection)

    def _close(self, source: socket.socket) -> None:
        with contextlib.suppress(KeyError):  # a Ctrl-C came in the middle of this before
            self._selector.unregister(source)
        source.close()
