"""The program, played once in this process from its first line to its end, as if it were alone in it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import resource
import signal
import sys
import threading
import traceback
import types
import weakref
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any, NamedTuple

from cancelkit.trace.tape import FAR_UP

_BUILTINS = __builtins__


_MOST_FILES = resource.getrlimit(resource.RLIMIT_NOFILE)


class Played(NamedTuple):
    """How a run ended.

    Attributes:
        status: the exit status as in `Popen.returncode`.
        left: what the program still had then, and had not before.
        error: what it ended with if that was an error: the name of its class.
        said: the last line that Python prints then; empty if it prints nothing.
    """

    status: int
    left: tuple[str, ...]
    error: str
    said: str


class Player:
    """Plays a program, again and again.

    Attributes:
        on_end: called when its last line has been carried out: nothing that comes then is the program's.
    """

    def __init__(self, path: str, arguments: list[str]) -> None:
        """Read it.

        Raises:
            OSError, SyntaxError, ValueError: it cannot be read, or is not Python.
        """
        with open(path, "rb") as file:  # noqa: PTH123
            self.code: CodeType = compile(file.read(), path, "exec", dont_inherit=True)
        self._path, self._arguments = path, arguments
        self.on_end: Callable[[], None] = lambda: None

    def play(self) -> Played:
        """Run it once."""
        module = types.ModuleType("__main__")
        module.__dict__.update(__file__=self._path, __builtins__=_BUILTINS)
        sys.modules["__main__"] = module
        sys.argv = [self._path, *self._arguments]
        self._before = {*_descriptors()}, {*threading.enumerate()}
        error = self._run(module.__dict__)
        left = tuple(_left(*self._before))
        name = type(error).__name__ if error is not None else ""
        played = Played(_status_of(error), left, name, _said_of(error))
        del error  # which holds on to what was under way
        return played

    def is_as_before(self) -> bool:
        """Whether there are the descriptors and threads now that there were before the last run."""
        return ({*_descriptors()}, {*threading.enumerate()}) == self._before

    def _run(self, namespace: dict[str, Any]) -> BaseException | None:
        try:
            try:
                exec(self.code, namespace)  # noqa: S102 - the user's own program
            finally:
                try:
                    _look_for_signals()  # one may have come after the program's last look
                finally:
                    self.on_end()
            return None
        except BaseException as error:
            return error


def _look_for_signals() -> None:
    """Python does so when a function begins."""


def _status_of(error: BaseException | None) -> int:
    if error is None:
        return 0
    if isinstance(error, KeyboardInterrupt):
        return -signal.SIGINT
    if isinstance(error, SystemExit):
        if error.code is None:
            return 0
        return error.code & 0xFF if isinstance(error.code, int) else 1
    return 1


def _said_of(error: BaseException | None) -> str:
    if error is None or (isinstance(error, SystemExit) and not isinstance(error.code, str)):
        return ""
    said = error.code if isinstance(error, SystemExit) else traceback.format_exception_only(error)[-1]
    return str(said).strip()


def _descriptors() -> Iterator[tuple[int, int, int]]:
    for name in os.listdir("/dev/fd"):  # noqa: PTH208
        try:
            status = os.fstat(int(name))
        except OSError:  # that of the listing itself
            continue
        if int(name) < FAR_UP:
            yield int(name), status.st_dev, status.st_ino


def _left(descriptors: set[tuple[int, int, int]], threads: set[threading.Thread]) -> Iterator[str]:
    """What there is now, and was not before, in words."""
    for descriptor, _, _ in sorted({*_descriptors()} - descriptors):
        yield f"descriptor {descriptor}"
    for thread in threading.enumerate():
        if thread not in threads:
            yield f"thread {thread.name}"


def tidy_up() -> bool:
    """Have what a run left behind die, as it would at the end of the process; and put back what was there before.

    What is returned is whether no task lives on.
    """
    signal.set_wakeup_fd(-1)
    with contextlib.suppress(ValueError, OSError):  # it has given up the right to have more
        resource.setrlimit(resource.RLIMIT_NOFILE, _MOST_FILES)
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    asyncio._set_running_loop(None)
    sys.modules["__main__"] = types.ModuleType("__main__")
    gc.collect()
    alive = 0
    for found in vars(asyncio.tasks).values():
        if isinstance(found, weakref.WeakSet):
            # One that was interrupted while it was gone through would remember that for ever.
            tasks: Any = found
            tasks.data = {reference for reference in tasks.data if reference() is not None}
            tasks._pending_removals.clear()
            tasks._iterating.clear()
            alive += len(tasks.data)
    return not alive
