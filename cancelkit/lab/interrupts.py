"""Ctrl-C in the process that makes the experiment: let in only where it does no harm.

A KeyboardInterrupt is raised between any two bytecodes: after a process was started and before anybody remembers it,
or in the middle of tidying up. So during an experiment SIGINT goes to a handler that asks the one before only where a
`with interrupts.let_in():` says so. Such a signal closes that door in the same step, so that the way out, and a second
Ctrl-C on it, are safe; whatever comes while it is closed is sent again when all is done.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Self


class HeldInterrupts:
    """A context in which SIGINT waits until the end, or for `let_in`.

    In any thread but the main one, where no signal's handler ever runs, and where SIGINT has no handler in Python, it
    changes nothing.
    """

    def __init__(self) -> None:
        self._open = False
        self._pending = False
        self._before: Callable[[int, FrameType | None], Any] | None = None

    def __enter__(self) -> Self:
        handler = signal.getsignal(signal.SIGINT)
        if callable(handler) and threading.current_thread() is threading.main_thread():
            self._before = handler
            signal.signal(signal.SIGINT, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        self._open = False
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            if self._pending:
                signal.raise_signal(signal.SIGINT)

    @contextlib.contextmanager
    def let_in(self) -> Iterator[None]:
        """Let SIGINT in at once, and what was held before."""
        self._open = True
        try:
            if self._pending:
                self._pending = False
                signal.raise_signal(signal.SIGINT)
            yield
        finally:
            self._open = False

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        if not self._open or self._before is None:
            self._pending = True
            return
        self._open = False
        self._before(signum, frame)
        self._open = True  # it raised nothing: a kernel's handler in an async cell, say
