"""Signals that the program receives, and the handlers it installs, as events.

Every handler that is installed gets a function of ours around it. Who asks for the handler gets the one that was
installed, and a traceback that comes out of it does not show ours: a bare `raise` adds no line for the frame that it
stands in, so it is enough to take out the one that was added on the way in.

A signal that lands in the middle of the recorder's own code is held until that has returned, so that what its handler
raises is raised from the program's line, and the recorder is never left half done.
"""

from __future__ import annotations

import _signal
import asyncio
import signal
import threading
from asyncio import unix_events
from collections.abc import Callable, Iterator
from types import FrameType, SimpleNamespace
from typing import Any

from cancelkit.trace.inject import Replacements, with_entry
from cancelkit.trace.tape import Tape, quoted

_OF_THE_LOOP = unix_events._sighandler_noop
"""What a loop installs, besides noting what to call: its own handlers run as callbacks."""


class SignalWatch:
    """Watches signals and handlers of this process.

    Attributes:
        handling: the signals whose handlers are running now, the innermost last.
        held: signals that came while the recorder was at work, to be raised again when it has done.
        hold: whether to hold every signal, for the program is held itself.
    """

    def __init__(self, tape: Tape) -> None:
        self.handling: list[int] = []
        self.held: list[int] = []
        self.hold = False
        self._tape = tape

    def install(self, replacements: Replacements) -> None:
        """Watch what is installed from now on, and the handlers that are there already."""
        # The functions of the signal module look these up there.
        names = vars(_signal) | {"signal": self._install_handler, "getsignal": self._installed_handler}
        replacements.put(signal, "_signal", SimpleNamespace(**names))
        replacements.put(
            unix_events._UnixSelectorEventLoop,
            "add_signal_handler",
            with_entry(unix_events._UnixSelectorEventLoop.add_signal_handler, self._on_loop_handler),
        )
        if threading.current_thread() is threading.main_thread():
            for signum in signal.valid_signals():
                handler = _signal.getsignal(signum)
                if callable(handler):
                    _signal.signal(signum, self._around(handler))

    def uninstall(self) -> None:
        """Put the handlers that are there now in the place of ours around them."""
        if threading.current_thread() is threading.main_thread():
            for signum in signal.valid_signals():
                handler = _signal.getsignal(signum)
                if (inner := _inside(handler)) is not handler:
                    _signal.signal(signum, inner)

    def _install_handler(self, signum: int, handler: Any) -> Any:
        try:
            before = _inside(_signal.signal(signum, self._around(handler) if callable(handler) else handler))
        except BaseException as error:
            error.__traceback__ = None  # as if C had been called from the line above
            raise
        if handler is not _OF_THE_LOOP:
            self._say_installed(signum, title_of(handler), title_of(before))
        return before

    def _installed_handler(self, signum: int) -> Any:
        try:
            return _inside(_signal.getsignal(signum))
        except BaseException as error:
            error.__traceback__ = None
            raise

    def _on_loop_handler(self, loop: Any, signum: int, callback: Any) -> None:
        if isinstance(signum, int):  # if not, the loop is about to say so
            before = loop._signal_handlers.get(signum)
            named = title_of(before._callback if before is not None else _inside(_signal.getsignal(signum)))
            self._say_installed(signum, title_of(callback), named)

    def _say_installed(self, signum: int, handler: str, before: str) -> None:
        name, handler, before = quoted(name_of(signum)), quoted(handler), quoted(before)
        self._tape.put_text(f'"kind":"handler","signal":{name},"handler":{handler},"before":{before}')

    def _around(self, handler: Callable[[int, FrameType | None], Any]) -> Callable[[int, FrameType | None], Any]:
        def receive(signum: int, frame: FrameType | None) -> Any:
            # A handler of the loop's does nothing; to raise its signal again would be to send it twice.
            if handler is not _OF_THE_LOOP and (self.hold or _is_at_work(frame)):
                self.held.append(signum)
                return None
            self._tape.put_text(f'"kind":"signal received","signal":{quoted(name_of(signum))}')
            self.handling.append(signum)
            try:
                return handler(signum, frame)
            except BaseException as error:
                if error.__traceback__ is not None:
                    error.__traceback__ = error.__traceback__.tb_next
                raise
            finally:
                self.handling.pop()

        receive.__wrapped__ = handler  # type: ignore[attr-defined]
        return receive


def _is_at_work(frame: FrameType | None) -> bool:
    """Whether the recorder is about a step of a task here."""
    callback = next(callback_frames(frame), None)
    return callback is not None and bool(callback.f_locals.get("ck_at_work"))


def name_of(signum: int) -> str:
    """SIGINT for 2, and the number where it has no name."""
    try:
        return signal.Signals(signum).name
    except ValueError:
        return str(int(signum))


def _inside(handler: Any) -> Any:
    is_ours = getattr(handler, "__qualname__", None) == "SignalWatch._around.<locals>.receive"
    return handler.__wrapped__ if is_ours else handler


def frames_below(frame: FrameType | None) -> Iterator[FrameType]:
    """The frame, and those it was called from."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def is_callback(frame: FrameType) -> bool:
    """Whether a frame runs a callback of a loop, and has its handle as `self`."""
    return "ck_at_work" in frame.f_code.co_varnames


def callback_frames(frame: FrameType | None) -> Iterator[FrameType]:
    """Those frames below that run callbacks of a loop."""
    return filter(is_callback, frames_below(frame))


def title_of(handler: Any) -> str:
    """What to call a handler or a callback."""
    if handler == signal.SIG_DFL:
        return "default"
    if handler == signal.SIG_IGN:
        return "ignored"
    if handler is None:
        return "not Python's"
    function = getattr(handler, "func", handler)  # of a functools.partial
    return getattr(function, "__qualname__", type(function).__name__)


def signal_of_callback(loop: asyncio.AbstractEventLoop, handle: Any) -> int | None:
    """The signal that a handle was registered for with `loop.add_signal_handler`, if it was."""
    handlers = getattr(loop, "_signal_handlers", {})
    return next((signum for signum, registered in handlers.items() if registered is handle), None)
