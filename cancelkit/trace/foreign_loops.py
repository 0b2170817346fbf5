"""Loops that do not run asyncio's handles, such as uvloop's: every step goes through `call_soon`, which is wrapped."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from asyncio import base_events
from collections.abc import Callable
from typing import Any

from cancelkit.trace.complaints import ComplaintWatch
from cancelkit.trace.inject import Replacements, with_surroundings

_WRAPPED = ("call_soon", "call_exception_handler", "close")


class ForeignLoops:
    """Watches loops of classes that are not asyncio's own, from when the first task is made for one of a class.

    Attributes:
        known: the classes that were looked at.
    """

    def __init__(
        self, surroundings: Callable[[Any], None], on_close: Callable[[Any], None], complaints: ComplaintWatch
    ) -> None:
        self.known: set[type] = set()
        self._surroundings = surroundings
        self._on_close, self._on_complaint = on_close, complaints.on_exception_handler
        self._replacements = Replacements()

    def adopt(self, loop_class: type) -> None:
        """Wrap what has to be, if this is the first time that a class is seen and it is no descendant of asyncio's."""
        if loop_class in self.known:
            return
        self.known.add(loop_class)
        if issubclass(loop_class, base_events.BaseEventLoop) or not all(hasattr(loop_class, n) for n in _WRAPPED):
            return
        with contextlib.suppress(TypeError):  # a class of C's own: nothing can be set, and no step of its tasks be seen
            self._wrap(loop_class)

    def let_go(self) -> None:
        """Undo that."""
        self._replacements.undo()

    def _wrap(self, loop_class: Any) -> None:
        call_soon, call_exception_handler, close = (getattr(loop_class, name) for name in _WRAPPED)
        surrounded = with_surroundings(_Step.__call__, self._surroundings)
        recorded_step = type("_RecordedStep", (_Step,), {"__call__": surrounded})

        @functools.wraps(call_soon)
        def recorded_call_soon(loop: Any, callback: Any, *args: Any, **kwargs: Any) -> Any:
            if issubclass(type(getattr(callback, "__self__", None)), asyncio.Task):
                return call_soon(loop, recorded_step(callback, args), **kwargs)
            return call_soon(loop, callback, *args, **kwargs)

        @functools.wraps(call_exception_handler)
        def recorded_call_exception_handler(loop: Any, context: Any) -> Any:
            self._on_complaint(loop, context)
            return call_exception_handler(loop, context)

        @functools.wraps(close)
        def recorded_close(loop: Any) -> Any:
            self._on_close(loop)
            return close(loop)

        recorded = (recorded_call_soon, recorded_call_exception_handler, recorded_close)
        for name, wrapper in zip(_WRAPPED, recorded, strict=True):
            self._replacements.put(loop_class, name, wrapper)


class _Step:
    """A callback of a foreign loop that may be a step of a task; it looks to the recorder like a handle."""

    __slots__ = ("_args", "_callback")

    def __init__(self, callback: Any, args: Any) -> None:
        self._callback, self._args = callback, args

    def __call__(self) -> Any:
        return self._callback(*self._args)
