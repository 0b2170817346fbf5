"""Points at CPython's own checks: where it would run the handler of a signal that has come.

Between two of them Python looks at no signal: it does so when a function begins, when a loop jumps back and after a
call (`ceval.c`: CHECK_EVAL_BREAKER). What a call has called may have begun since, and looked itself: it takes a signal
that comes when a function returns, or a coroutine gives way, to find the look that is after the call.

`sys.monitoring` (3.12) tells of each instruction before it is carried out. The signal is raised there by C, from within
a line of Python that has no check of its own, and with the telling switched off: so it is the program's next check that
runs the handler, as it would without us.
"""

from __future__ import annotations

import ctypes
import functools
import signal
import sys
from asyncio import runners
from collections.abc import Callable, Sequence
from itertools import repeat
from threading import get_ident
from time import monotonic_ns
from types import CodeType, FrameType
from typing import Any

from cancelkit.sweep.inside.bytecode import entries, is_entry, points_in
from cancelkit.trace.signals import frames_below
from cancelkit.trace.sources import OURS, is_library

NEVER = -1

_ASYNCIO = runners.__file__.removesuffix("runners.py")

TOOL = 4  # of the six, one that has no meaning to others
_raise: Any = ctypes.PyDLL(None)["raise"]
_raise.argtypes, _raise.restype = [ctypes.c_int], ctypes.c_int
raising = map(_raise, repeat(int(signal.SIGINT)))
"""Each step raises SIGINT, without the check that `signal.raise_signal` makes of its own."""

Site = tuple[str, str, int, int, int]
"""Of an instruction: its file, its function, the function's first line, its offset in there, its line."""

Spot = tuple[Site, int]
"""A site, and the how manieth time from the beginning of a run that it is passed."""


def site_of(code: CodeType, offset: int) -> Site:
    """Where an instruction is."""
    return code.co_filename, code.co_qualname, code.co_firstlineno, offset, line_of(code, offset)


@functools.cache
def line_of(code: CodeType, offset: int) -> int:
    """The line of an instruction."""
    return next((line for start, end, line in code.co_lines() if start <= offset < end and line), code.co_firstlineno)


class Monitor:
    """Counts the points of a run, and raises signals at some.

    Attributes:
        passed: the points that the run has passed: the id of a function's code, and an offset.
        times: when, if the points are to be listed.
        raised: where signals were raised, with the how manieth time that was there.
    """

    def __init__(self, every_instruction: bool = False) -> None:
        self._every_instruction = every_instruction
        self._known: set[tuple[int, int]] = set()
        self._entering: set[tuple[int, int]] = set()
        self._shared: set[tuple[int, int]] = set()  # of libraries that we use as well
        self._kept: list[CodeType] = []  # so that no other code gets the same id
        self._depth = 0
        self._main_thread = get_ident()
        monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
        self._disable = monitoring.DISABLE
        self.reset()

    @property
    def count(self) -> int:
        """How many points the run has passed."""
        return len(self.passed)

    def reset(self, targets: Sequence[int] = (), *, to_list: bool = False) -> None:
        """Begin anew. Each of the `targets` is so many points after the one before, the first after the beginning."""
        self._depth = 0
        self.passed: list[tuple[int, int]] = []
        self.times: list[int] = []
        self.raised: list[Spot] = []
        self._gaps = iter(targets)
        self._callback = self._counting(next(self._gaps, NEVER), to_list=to_list)
        self._is_waiting_for_handler = False

    def listed(self) -> list[tuple[CodeType, int, int]]:
        """Every point of a run that was told to list them: function, offset and time."""
        codes = {id(code): code for code in self._kept}
        return [(codes[key], offset, time) for (key, offset), time in zip(self.passed, self.times, strict=True)]

    def install(self) -> None:
        """Have Python tell of instructions, from now on."""
        self._begin()
        monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
        monitoring.set_events(TOOL, monitoring.events.INSTRUCTION | monitoring.events.PY_UNWIND)

    def _begin(self) -> None:
        """Have Python tell when the runner is entered and when it is left."""
        monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
        events = monitoring.events
        monitoring.use_tool_id(TOOL, "cancelkit")
        register = monitoring.register_callback
        self._register = functools.partial(register, TOOL, events.INSTRUCTION)
        callbacks = {
            events.PY_START: self._on_start,
            events.PY_RETURN: self._on_end,
            events.PY_UNWIND: self._on_unwind,
        }
        self._listeners = [(functools.partial(register, TOOL, event), call) for event, call in callbacks.items()]
        self._listen()
        self.find_entries()

    def find_entries(self) -> None:
        """Watch the functions that the points of a run begin with, also in modules that were imported since."""
        monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
        events = monitoring.events
        for code in entries():
            monitoring.set_local_events(TOOL, code, events.PY_START | events.PY_RETURN)

    def learn(self, play: Callable[[], object]) -> None:
        """Find out with which instructions the program enters functions although they are no calls.

        A function begins with a look for signals, and a signal has to come before the instruction that enters it.
        """
        monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
        events = monitoring.events
        before: list[tuple[CodeType, int] | None] = [None]

        def on_instruction(code: CodeType, offset: int) -> None:
            before[0] = None if code.co_filename.startswith(OURS) else (code, offset)

        def on_start(code: CodeType, offset: int) -> None:
            entered_by, before[0] = before[0], None
            if entered_by is not None and self._depth and not code.co_filename.startswith(OURS):
                self._entering.add((id(entered_by[0]), entered_by[1]))
                self._kept.append(entered_by[0])
            if is_entry(code):
                self._on_start(code, offset)

        self.reset()
        self._callback = on_instruction
        monitoring.restart_events()  # of instructions that were found to be no points
        monitoring.register_callback(TOOL, events.PY_START, on_start)
        monitoring.register_callback(TOOL, events.PY_RESUME, on_start)
        monitoring.set_events(TOOL, events.INSTRUCTION | events.PY_UNWIND | events.PY_START | events.PY_RESUME)
        play()
        self.stop()
        monitoring.register_callback(TOOL, events.PY_RESUME, None)
        monitoring.set_events(TOOL, events.INSTRUCTION | events.PY_UNWIND)

    def go_on(self, frame: FrameType | None) -> None:
        """A signal that was raised has been received, while this frame runs: what comes now is counted again."""
        if self._is_waiting_for_handler:
            self._is_waiting_for_handler = False
            self._depth = sum(is_entry(below.f_code) for below in frames_below(frame))
            self._listen()
            if self._depth:
                self._register(self._callback)

    def _listen(self) -> None:
        for register, callback in self._listeners:
            register(callback)

    def stop(self) -> None:
        """The run is over."""
        self._register(None)
        self._listen()

    def _on_start(self, code: CodeType, _: int) -> None:
        if get_ident() != self._main_thread:
            return
        self._depth += 1
        if self._depth == 1:
            self._register(self._callback)

    def _on_end(self, code: CodeType, _offset: int, _value: object) -> None:
        if get_ident() == self._main_thread and self._depth:
            self._depth -= 1
            if not self._depth:
                self._register(None)

    def _on_unwind(self, code: CodeType, offset: int, error: object) -> None:
        if is_entry(code):
            self._on_end(code, offset, error)

    def _counting(self, due: int, *, to_list: bool) -> Callable[[CodeType, int], Any]:
        """What is called before each instruction. Every check of the program passes here, so each line counts."""
        known, is_point, disable = self._known, self._is_point, self._disable
        shared = self._shared
        passed, times, main_thread = self.passed, self.times, self._main_thread
        seen = passed.append

        def on_instruction(code: CodeType, offset: int) -> Any:
            nonlocal due
            key = id(code), offset
            if key not in known and not is_point(code, offset):
                return disable
            if get_ident() == main_thread and not (key in shared and is_called_by_us()):
                seen(key)
                if to_list:
                    times.append(monotonic_ns())
                if len(passed) == due:
                    due = self._prepare(code, offset)
                    for _ in raising:
                        return None
            return None

        return on_instruction

    def _prepare(self, code: CodeType, offset: int) -> int:
        """A signal is about to be raised here: no call, jump or beginning of ours may come before the program's.

        What is returned is when the next one is due.
        """
        self.raised.append((site_of(code, offset), self.passed.count((id(code), offset))))
        gap = next(self._gaps, NEVER)
        self._is_waiting_for_handler = True
        self._register(None)
        for register, _ in self._listeners:
            register(None)  # or the handler could run in there
        return NEVER if gap == NEVER else self.count + gap

    def _is_point(self, code: CodeType, offset: int) -> bool:
        """Whether this is an instruction to count; asked once for each."""
        is_point = offset in points_in(code, self._every_instruction) or (id(code), offset) in self._entering
        if code.co_filename.startswith(OURS) or not is_point:
            return False
        self._known.add((id(code), offset))
        self._kept.append(code)
        if is_shared(code):
            self._shared.add((id(code), offset))
        return True


def is_shared(code: CodeType) -> bool:
    """Whether code is of a library that we use as well."""
    return is_library(code.co_filename) and not code.co_filename.startswith(_ASYNCIO)


def is_called_by_us() -> bool:
    """Whether it is code of ours that has called the library's code that runs: the program does not come there."""
    frame = sys._getframe(2).f_back
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(OURS):
            return True
        if name.startswith(_ASYNCIO) or not is_library(name):
            return False
        frame = frame.f_back
    return False
