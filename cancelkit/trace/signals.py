"""Signals that the program receives, and the handlers it installs, as events.

Every handler that is installed gets a function of ours around it. Who asks for the handler gets the one that was
installed, and a traceback that comes out of it does not show ours: a bare `raise` adds no line for the frame that it
stands in, so it is enough to take out the one that was added on the way in.

A signal that lands in the middle of the recorder's own code is held until that is about to return, so that what its
handler raises is raised from the program's line, and the recorder is never left half done. Code of ours that is called
by the program has a variable `ck_at_work` for that, which is false where it calls the program's own code.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import asyncio
import functools
import signal
import sys
import threading
from asyncio import unix_events
from collections.abc import Callable, Iterator
from types import BuiltinFunctionType, FrameType, FunctionType, MethodType, SimpleNamespace
from typing import Any

from cancelkit.trace.inject import Replacements, with_entry
from cancelkit.trace.sources import is_library
from cancelkit.trace.tape import Tape, quoted
from cancelkit.trace.unseen import is_ours, without_us

_OF_THE_LOOP = unix_events._sighandler_noop  # type: ignore[attr-defined]
"""What a loop installs, besides noting what to call: its own handlers run as callbacks."""

_FUNCTIONS = (FunctionType, BuiltinFunctionType, type)
_AROUND = {functools.partial: "func", MethodType: "__func__"}


class SignalWatch:
    """Watches signals and handlers of this process.

    Attributes:
        handling: the signals whose handlers are running now, the innermost last.
        held: signals that came while the recorder was at work; it calls `release` when it has done, if there are any.
        hold: whether to hold every signal, for the program is held itself.
        on_received: told of each signal, and the program's frame that its handler runs in, just before the handler.
    """

    def __init__(self, tape: Tape) -> None:
        self.handling: list[int] = []
        self.held: list[int] = []
        self.hold = False
        self.on_received: Callable[[int, FrameType | None], None] | None = None
        self._tape = tape

    def install(self, replacements: Replacements) -> None:
        """Watch what is installed from now on, and the handlers that are there already."""
        # The functions of the signal module look these up there.
        names = vars(_signal) | {"signal": self._install_handler, "getsignal": self._installed_handler}
        replacements.put(signal, "_signal", SimpleNamespace(**names))
        loop_class: Any = unix_events._UnixSelectorEventLoop
        add = loop_class.add_signal_handler
        on_handler = self.guarded(self._on_loop_handler)
        self.put_lazily(replacements, loop_class, "add_signal_handler", lambda: with_entry(add, on_handler))
        if threading.current_thread() is threading.main_thread():
            for signum in signal.valid_signals():
                handler = _signal.getsignal(signum)
                if callable(handler):
                    _signal.signal(signum, self._around(handler))

    def put_lazily(self, replacements: Replacements, owner: type, name: str, make: Callable[[], FunctionType]) -> None:
        """Replace a method by one that is made only when it is first asked for."""
        replacements.put(owner, name, Lazily(owner, name, make, self))

    def uninstall(self) -> None:
        """Put the handlers that are there now in the place of ours around them."""
        if threading.current_thread() is threading.main_thread():
            for signum in signal.valid_signals():
                handler = _signal.getsignal(signum)
                if (inner := _inside(handler)) is not handler:
                    _signal.signal(signum, inner)

    def guarded(self, entry: Callable[..., object]) -> Callable[..., None]:
        """A function of ours for the program to call: neither its failure nor a signal is seen to come out of it."""

        def call(*args: object) -> None:
            ck_at_work = True  # noqa: F841
            try:
                try:
                    entry(*args)
                except RecursionError:
                    pass  # without a call, for there may be no room for another
                except Exception as error:
                    self.on_failure(error)
                if self.held:
                    self.release()
            except BaseException as error:
                without_us(error)
                raise

        return call

    def on_failure(self, error: Exception) -> None:
        """The recorder itself has failed, which must not become an error of the program."""
        if isinstance(error, RecursionError):
            return  # the program is about to have it itself
        try:
            what = repr(error)
        except Exception:  # of an object of the program's that it tells about
            what = type(error).__qualname__
        self._tape.stop(f"the recorder failed: {what}")

    def release(self) -> None:
        """Handle the signals that were held, as if they came now, at the line that called code of ours."""
        if threading.current_thread() is not threading.main_thread():
            return  # the main thread is still about what it is at, and comes here too
        frame = next(below for below in frames_below(sys._getframe(1)) if not is_ours(below))
        try:
            for _ in range(len(self.held)):
                if not self.held:  # a handler's own way through code of ours has handled the rest
                    break
                signum = self.held.pop(0)
                handler = _signal.getsignal(signum)
                # Not raised again, for that would write another byte to the program's wakeup descriptor.
                if callable(handler):
                    handler(signum, frame)
                else:
                    signal.raise_signal(signum)
        except BaseException as error:
            without_us(error)
            raise

    def _install_handler(self, signum: int, handler: Any) -> Any:
        ck_at_work = True  # noqa: F841
        try:
            before = _inside(_signal.signal(signum, self._around(handler) if callable(handler) else handler))
            if handler is not _OF_THE_LOOP:
                self._say_installed(signum, handler, before)
            if self.held:
                self.release()
        except BaseException as error:
            without_us(error)  # as if C had been called from the line above
            raise
        return before

    def _installed_handler(self, signum: int) -> Any:
        ck_at_work = True  # noqa: F841
        try:
            handler = _inside(_signal.getsignal(signum))
            if self.held:
                self.release()
        except BaseException as error:
            without_us(error)
            raise
        return handler

    def _on_loop_handler(self, loop: Any, signum: int, callback: Any) -> None:
        if isinstance(signum, int) and signum in signal.valid_signals():  # if not, the loop is about to say so
            before = loop._signal_handlers.get(signum)
            handler = before._callback if before is not None else _inside(_signal.getsignal(signum))
            self._say_installed(signum, callback, handler)

    def _say_installed(self, signum: int, handler: Any, before: Any) -> None:
        names = quoted(name_of(signum)), quoted(title_of(handler)), quoted(title_of(before))
        self._tape.put_text('"kind":"handler","signal":%s,"handler":%s,"before":%s' % names)  # noqa: UP031

    def _say_received(self, signum: int) -> None:
        try:
            self._tape.put_text(f'"kind":"signal received","signal":{quoted(name_of(signum))}')
        except Exception as error:
            self.on_failure(error)

    def _around(self, handler: Callable[[int, FrameType | None], Any]) -> Callable[[int, FrameType | None], Any]:
        def receive(signum: int, frame: FrameType | None) -> Any:
            ck_at_work = True
            # A handler of the loop's does nothing: no need to hold it back.
            if handler is not _OF_THE_LOOP and (self.hold or _is_at_work(frame)):
                self.held.append(signum)
                return None
            self._say_received(signum)
            if self.on_received is not None:
                self.on_received(signum, frame)
            self.handling.append(signum)
            try:
                try:
                    ck_at_work = False
                    return handler(signum, frame)
                except BaseException as error:
                    ck_at_work = True
                    without_us(error)
                    raise
                finally:
                    ck_at_work = True  # noqa: F841
                    self.handling.pop()
                    if self.held:
                        self.release()
            except BaseException as error:  # perhaps another
                without_us(error)
                raise

        receive.__wrapped__ = handler  # type: ignore[attr-defined]
        return receive


class Lazily:
    """Stands in a class for a method that is compiled anew when it is first asked for, and then takes this one's place.

    To compile takes half a millisecond, and most programs ask for few of the methods that are to be watched.
    """

    def __init__(self, owner: type, name: str, make: Callable[[], FunctionType], watch: SignalWatch) -> None:
        self._owner, self._name, self._make, self._watch = owner, name, make, watch

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        ck_at_work = True  # noqa: F841
        try:
            method = self._make()
            if vars(self._owner).get(self._name) is self:
                setattr(self._owner, self._name, method)
            if self._watch.held:
                self._watch.release()
        except BaseException as error:
            without_us(error)
            raise
        return method.__get__(instance, owner)


def _is_at_work(frame: FrameType | None) -> bool:
    """Whether it is code of ours that runs here, or code that this has called."""
    for below in frames_below(frame):
        if "ck_at_work" in below.f_code.co_varnames:
            return bool(below.f_locals.get("ck_at_work", is_ours(below)))  # before its first line it has no value
        name = below.f_code.co_filename
        if not (is_library(name) or name.startswith("<")):  # <string> is a method of a dataclass, for one
            return False
    return False


def name_of(signum: int) -> str:
    """SIGINT for 2, and the number where it has no name."""
    try:
        return signal.Signals(signum).name
    except ValueError:
        return str(int(signum))


def _inside(handler: Any) -> Any:
    is_receiver = type(handler) is FunctionType and handler.__qualname__ == "SignalWatch._around.<locals>.receive"
    return handler.__wrapped__ if is_receiver else handler


def frames_below(frame: FrameType | None) -> Iterator[FrameType]:
    """The frame, and those it was called from."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def is_callback(frame: FrameType) -> bool:
    """Whether a frame runs a callback of a loop, and has its handle as `self`."""
    return "ck_callback" in frame.f_code.co_varnames


def callback_frames(frame: FrameType | None) -> Iterator[FrameType]:
    """Those frames below that run callbacks of a loop."""
    return filter(is_callback, frames_below(frame))


def title_of(handler: Any) -> str:
    """What to call a handler or a callback."""
    if handler is None:
        return "not Python's"
    if isinstance(handler, int):
        return "default" if handler == signal.SIG_DFL else "ignored"
    while type(handler) in _AROUND:
        handler = getattr(handler, _AROUND[type(handler)])
    # Another object of the program's may notice that it was asked.
    return handler.__qualname__ if issubclass(type(handler), _FUNCTIONS) else type(handler).__qualname__


def signal_of_callback(loop: asyncio.AbstractEventLoop, handle: Any) -> int | None:
    """The signal that a handle was registered for with `loop.add_signal_handler`, if it was."""
    handlers = getattr(loop, "_signal_handlers", {})
    return next((signum for signum, registered in handlers.items() if registered is handle), None)
