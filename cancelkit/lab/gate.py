"""The gate: where a program is held when a moment has come, until its signal has been sent.

The loop passes here on its way into the selector's wait. A real program would be idle there, and a real signal would
find it there; held inside a callback it would behave as no program does. So a moment is looked for nowhere else.

The two ends talk over a link. The gate says, a line of JSON each: `reached` the moment of that number, `lost` for some
reason, `rest` (the program waits with nothing else to do, or its loop has gone round and round; how much it has asked
of the workload's server, and how many moments have passed that it knows of; it is held until the server has answered
all that is due, so that no answer is ahead of another). The other end answers with a byte: the number of the last
moment that has passed, or one of those below.
"""

from __future__ import annotations

import errno
import functools
import json
import os
import selectors
import signal
import sys
import threading
from asyncio import base_events
from collections.abc import Callable
from types import FunctionType
from typing import Any

from cancelkit.lab import workplace
from cancelkit.lab.moments import MOST_MOMENTS, Moment
from cancelkit.trace.inject import with_call_in_first_try
from cancelkit.trace.recorder import Recorder
from cancelkit.trace.signals import Lazily
from cancelkit.trace.states import Counts, Tracker
from cancelkit.trace.tape_reader import TapeReader

NOT_YET = 0
"""The moment has not come, for the text that it waits for has not been printed."""

GO_ON = 254
"""The server has answered what is due."""

SAY_SO = 255
"""Say so when this has been read: a signal that was sent before has been received then."""

_MOST_TURNS = 1000
"""After so many turns with nothing asked and no rest the loop is taken to go on like that until the server answers.
Whoever polls with `asyncio.sleep(0)` does that, and so do anyio's scopes, from a cancellation until all have left."""

_LOOP_THAT_WAITS = base_events.BaseEventLoop._run_once.__code__  # type: ignore[attr-defined]

_SELECTORS = ("EpollSelector", "KqueueSelector", "PollSelector", "DevpollSelector", "SelectSelector")


class Gate:
    """Holds the program at each of its moments."""

    def __init__(self, moments: list[Moment], control: int, recorder: Recorder, reader: TapeReader) -> None:
        self._moments = moments
        self._control = control
        self._tape = recorder.tape
        self._signals = recorder.signals
        self._reader = reader
        self._tracker = Tracker()
        self._passed = 0
        self._last_seen: Counts | None = None
        self._asked = self._turns = 0
        self._is_open = False
        self._lock = threading.RLock()  # for programs with loops in several threads
        os.register_at_fork(after_in_child=self._open_for_good)  # only the program itself is interrupted

    def install(self) -> None:
        """Have every wait of a selector pass here, at the line at which it waits."""
        for name in _SELECTORS:
            selector: Any = getattr(selectors, name, None)
            if selector is not None:
                make = functools.partial(self._held, selector.select)
                selector.select = Lazily(selector, "select", make, self._signals)

    def _held(self, select: Any) -> FunctionType:
        return with_call_in_first_try(select, self._pass_through(select), self._signals.held, signal.raise_signal)

    def _pass_through(self, select: Callable[[Any, float], Any]) -> Callable[[Any, float], None]:
        def pass_through(selector: Any, timeout: float) -> None:
            """Hold the program here if it waits in its event loop and the moment that is waited for has come."""
            if self._is_open or sys._getframe(2).f_code is not _LOOP_THAT_WAITS:
                return

            def has_to_wait() -> bool:
                return timeout != 0 and not self._signals.held and not select(selector, 0)

            with self._lock:
                if self._passed < len(self._moments):
                    self._hold_at_moment(has_to_wait)
                asked = len(workplace.asked)
                self._turns = self._turns + 1 if asked == self._asked else 0
                self._asked = asked
                if asked and (self._turns > _MOST_TURNS or has_to_wait()):
                    self._turns = 0
                    self._rest()

        return pass_through

    def _hold_at_moment(self, has_to_wait: Callable[[], bool]) -> None:
        try:
            for event in self._reader.new_events():
                self._tracker.feed(event)
        except OSError:  # the program has closed the descriptor, and the one to us as well, most likely
            self._open_for_good()
            return
        if self._tape.why_over:  # so no moment can be known to have come
            self._say({"lost": self._tape.why_over})
            self._open_for_good()
            return
        counts = self._tracker.counts()
        if counts != self._last_seen:
            self._last_seen = counts
            self._tape.put_text(f'"kind":"waiting","counts":{json.dumps(counts.as_dict())}')
        while self._passed < len(self._moments):
            moment = self._moments[self._passed]
            if moment.is_only_output:
                # The other end finds out by itself, and may be late; if that passed by, no moment after it would hold.
                if not (self._is_told_without_asking() or (has_to_wait() and self._hold())):
                    return
            elif not moment.holds(counts) or not self._hold():
                return

    def _is_told_without_asking(self) -> bool:
        """Whether the other end has said that a moment has passed that it finds out by itself."""
        os.set_blocking(self._control, False)
        try:
            return self._take(self._next_word())
        except BlockingIOError:
            return False
        finally:
            os.set_blocking(self._control, True)

    def _rest(self) -> None:
        """Wait here until the server has answered what is due."""
        self._signals.hold = True
        try:
            if self._say({"rest": len(workplace.asked), "passed": self._passed}):
                while (word := self._next_word()) != GO_ON and not self._is_open:
                    self._take(word)
        finally:
            self._signals.hold = False

    def _hold(self) -> bool:
        """Wait here until told to go on; whether the moment has passed then, and signals have been sent."""
        # What a signal's handler raises is to be raised by the wait, not by our waiting before it.
        self._signals.hold = True
        try:
            before = self._passed
            if self._say({"reached": before + 1}):
                # The signal is sent before the byte that lets the program go on. Where there is no handler of ours,
                # C's own may raise from here, and leave it; then what was to be read here is read at the next hold.
                while (word := self._next_word()) != NOT_YET and not self._is_open:
                    if self._take(word):
                        break
            return self._passed > before
        finally:
            self._signals.hold = False

    def _next_word(self) -> int:
        """What the other end says next, as a number. The end of it opens the gate for good."""
        while True:
            answer = os.read(self._control, 1)
            if not answer:
                self._open_for_good()
                return NOT_YET
            if answer[0] != SAY_SO:
                return answer[0]
            self._say({"received": True})

    def _take(self, word: int) -> bool:
        """Take the number of a moment that has passed; whether it is one, and news."""
        is_news = self._passed < word <= MOST_MOMENTS
        if is_news:
            self._passed = word
        return is_news

    def _say(self, message: dict[str, Any]) -> bool:
        """Say it to the other end; a program that closes every descriptor must not get an error of ours for it."""
        line = json.dumps(message).encode() + b"\n"
        try:
            if os.write(self._control, line) == len(line):
                return True
        except OSError as error:
            if error.errno not in (errno.EBADF, errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN):
                raise  # by the program's own handler of a signal that came just now
        self._open_for_good()
        return False

    def _open_for_good(self) -> None:
        self._is_open = True
