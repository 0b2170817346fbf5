"""Points at CPython's own checks: where it would run the handler of a signal that has come.

Between two of them Python looks at no signal: it does so when a function begins, when a loop jumps back and after a
call (`ceval.c`: CHECK_EVAL_BREAKER). `sys.monitoring` (3.12) tells of each instruction before it is carried out. The
signal is raised there by C, from within a line of Python that has no check of its own, and with the telling switched
off: so it is the program's next check that runs the handler, as it would without us.
"""

from __future__ import annotations

import ctypes
import dis
import functools
import signal
import sys
import threading
from asyncio import base_events, runners
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from time import monotonic_ns
from types import CodeType
from typing import Any

import cancelkit.shutdown
from cancelkit.trace.sources import OURS

NEVER = -1

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
        count: how many points the run has passed.
        raised: where signals were raised, with the how manieth time that was there.
        listed: every point, if that was asked for: the instruction and the time.
    """

    def __init__(self, every_instruction: bool = False) -> None:
        self._every_instruction = every_instruction
        self._known: set[tuple[int, int]] = set()
        self._kept: list[CodeType] = []  # so that no other code gets the same id
        self._depth = 0
        self._main_thread = threading.get_ident()
        self.reset()

    def reset(self, targets: Sequence[int] = (), *, to_list: bool = False) -> None:
        """Begin anew. Each of the `targets` is so many points after the one before, the first after the beginning."""
        self.count = self._depth = 0
        self.raised: list[Spot] = []
        self.listed: list[tuple[CodeType, int, int]] = []
        self._gaps = iter(targets)
        self._next = next(self._gaps, NEVER)
        self._times: Counter[tuple[int, int]] = Counter()
        self._callback = self._list if to_list else self._count
        self._is_waiting_for_handler = False

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
        register, self._instruction = monitoring.register_callback, events.INSTRUCTION
        self._register = functools.partial(register, TOOL, self._instruction)
        self._disable = monitoring.DISABLE
        self._entries = {id(code) for code in entries()}
        register(TOOL, events.PY_START, self._on_start)
        register(TOOL, events.PY_RETURN, self._on_end)
        register(TOOL, events.PY_UNWIND, self._on_unwind)
        for code in entries():
            monitoring.set_local_events(TOOL, code, events.PY_START | events.PY_RETURN)
    def go_on(self) -> None:
        """A signal that was raised has been received: what comes now is counted again."""
        if self._is_waiting_for_handler:
            self._is_waiting_for_handler = False
            if self._depth:
                self._register(self._callback)

    def stop(self) -> None:
        """The run is over."""
        self._register(None)

    def _on_start(self, code: CodeType, _: int) -> None:
        if threading.get_ident() != self._main_thread:
            return
        self._depth += 1
        if self._depth == 1 and not self._is_waiting_for_handler:
            self._register(self._callback)

    def _on_end(self, code: CodeType, _offset: int, _value: object) -> None:
        if threading.get_ident() == self._main_thread and self._depth:
            self._depth -= 1
            if not self._depth:
                self._register(None)

    def _on_unwind(self, code: CodeType, offset: int, error: object) -> None:
        if id(code) in self._entries:
            self._on_end(code, offset, error)

    # One of these is called before each instruction.

    def _count(self, code: CodeType, offset: int) -> Any:
        if (id(code), offset) not in self._known and not self._is_point(code, offset):
            return self._disable
        if threading.get_ident() == self._main_thread:
            self.count += 1
            self._times[id(code), offset] += 1
            if self.count == self._next:
                self._prepare(code, offset)
                for _ in raising:
                    return None
        return None

    def _list(self, code: CodeType, offset: int) -> Any:
        if (id(code), offset) not in self._known and not self._is_point(code, offset):
            return self._disable
        if threading.get_ident() == self._main_thread:
            self.count += 1
            self.listed.append((code, offset, monotonic_ns()))
        return None

    def _prepare(self, code: CodeType, offset: int) -> None:
        """A signal is about to be raised here: no call, jump or beginning of ours may come before the program's."""
        self.raised.append((site_of(code, offset), self._times[id(code), offset]))
        gap = next(self._gaps, NEVER)
        self._next = NEVER if gap == NEVER else self.count + gap
        self._is_waiting_for_handler = True
        self._register(None)

    def _is_point(self, code: CodeType, offset: int) -> bool:
        """Whether this is an instruction to count; asked once for each."""
        if code.co_filename.startswith(OURS) or offset not in points_in(code, self._every_instruction):
            return False
        self._known.add((id(code), offset))
        self._kept.append(code)
        return True


def entries() -> Iterator[CodeType]:
    """The functions with whose first instruction the points of a run begin, and with whose last they end."""
    runner, loop = runners.Runner, base_events.BaseEventLoop
    functions: list[Any] = [cancelkit.shutdown.run, runners.run, runner.run, runner.__enter__, runner.close]
    functions += [loop.run_until_complete, loop.run_forever, loop.close]
    for function in functions:
        yield function.__code__


@functools.cache
def points_in(code: CodeType, every_instruction: bool) -> frozenset[int]:
    """The offsets of a function's instructions that are points; what the recorder has put into it is none."""
    is_recorders, found = False, []
    watches = "ck_at_work" in code.co_varnames
    before = None
    for instruction in dis.get_instructions(code):
        if watches and instruction.opname == "STORE_FAST" and instruction.argval == "ck_at_work":
            is_recorders = bool(before is not None and before.argval)
        if not is_recorders and (every_instruction or is_check(instruction.opname)):
            found.append(instruction.offset)
        before = instruction
    return frozenset(found)


def is_check(name: str) -> bool:
    """Whether Python looks for signals in an instruction of this name."""
    is_call = name.startswith("CALL") and not name.startswith("CALL_INTRINSIC")
    return is_call or name in ("RESUME", "JUMP_BACKWARD")
