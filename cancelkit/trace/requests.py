"""Who asks for a task to be cancelled: a task, a signal's handler, the closing loop, a callback; and at which line."""

from __future__ import annotations

import asyncio
import itertools
import threading
from asyncio import runners
from types import FrameType

from cancelkit.trace.signals import (
    SignalWatch,
    callback_frames,
    frames_below,
    is_callback,
    name_of,
    signal_of_callback,
    title_of,
)
from cancelkit.trace.sources import is_library
from cancelkit.trace.tape import quoted
from cancelkit.trace.tasks import number_of

_CLOSERS = frozenset({runners._cancel_all_tasks.__code__})  # type: ignore[attr-defined]
"""Functions that cancel what is left when a loop is being closed. Those that do it in a task are in `recorder`."""


class Requests:
    """Finds out who is asking, from the frames below the request."""

    def __init__(self, signals: SignalWatch) -> None:
        self._signals = signals
        self._handing_on: list[int] = []

    def handed_on_by(self, number: int) -> None:
        """What is requested until `handed_on` comes from a task that awaits another and hands its cancellation down."""
        self._handing_on.append(number)

    def handed_on(self) -> None:
        """The request has been handed down as far as it goes."""
        self._handing_on.pop()

    def who(self, frame: FrameType) -> str:
        """Members of a JSON object that say who asks, and at which line of the program."""
        # Below a callback there is only who runs the loop.
        asking = itertools.takewhile(lambda below: not is_callback(below), frames_below(frame))
        own = (f for f in asking if not is_library(f.f_code.co_filename))
        at = next((f"{f.f_code.co_filename}:{f.f_lineno}" for f in own), "")
        return f'"by":{self._by(frame)},"at":{quoted(at)}'

    def _by(self, frame: FrameType) -> str:
        if self._handing_on:
            return f'"task","requester":{self._handing_on[-1]},"handed on":true'
        if self._signals.handling:
            return f'"signal handler","signal":{quoted(name_of(self._signals.handling[-1]))}'
        if any(below.f_code in _CLOSERS for below in frames_below(frame)):
            return '"closing loop"'
        loop = asyncio._get_running_loop()
        task = None if loop is None else asyncio.current_task(loop)
        if task is not None:
            number = number_of(task)
            return f'"task","requester":{number}' if number else '"closing loop"'
        handle = next((below.f_locals["self"] for below in callback_frames(frame)), None)
        if loop is None or handle is None:
            return f'"outside the loop","thread":{quoted(threading.current_thread().name)}'
        if (signum := signal_of_callback(loop, handle)) is not None:
            return f'"signal handler","signal":{quoted(name_of(signum))}'
        return f'"callback","callback":{quoted(title_of(handle._callback))}'
