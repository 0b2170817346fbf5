"""What the bytecode says: where CPython looks for signals, and with which functions the points of a run begin."""

from __future__ import annotations

import dis
import functools
import sys
from asyncio import base_events, runners
from collections.abc import Iterator
from types import CodeType, ModuleType
from typing import Any


def entries() -> Iterator[CodeType]:
    """The functions with whose first instruction the points of a run begin, and with whose last they end."""
    runner, loop = runners.Runner, base_events.BaseEventLoop
    functions: list[Any] = [runners.run, runner.run, runner.__enter__, runner.close]
    functions += [loop.run_until_complete, loop.run_forever, loop.close]
    functions += [getattr(module, "run", None) for module in [*sys.modules.values()] if type(module) is ModuleType]
    for function in functions:
        code = getattr(function, "__code__", None)
        if code is not None and is_entry(code):
            yield code


def is_entry(code: CodeType) -> bool:
    """Whether a function is one of those: asyncio's, `cancelkit.run`, or that of a copy of its file."""
    is_kits = code.co_name == "run" and "_Interruption" in code.co_names
    return is_kits or (code.co_filename, code.co_qualname) in _ENTRIES


_ENTRIES = {(runners.__file__, name) for name in ("run", "Runner.run", "Runner.__enter__", "Runner.close")}
_ENTRIES |= {(base_events.__file__, f"BaseEventLoop.{name}") for name in ("run_until_complete", "run_forever", "close")}


@functools.cache
def points_in(code: CodeType, every_instruction: bool) -> frozenset[int]:
    """The offsets of a function's instructions that are points."""
    bytecode, wanted = code.co_code, _INSTRUCTIONS if every_instruction else _CHECKS
    found = {offset for offset in range(0, len(bytecode), 2) if bytecode[offset] in wanted}
    return frozenset(found.difference(_of_the_recorder(code)))


def _of_the_recorder(code: CodeType) -> Iterator[int]:
    """The instructions that the recorder has put into a function of asyncio's: its variable says it is at work."""
    if "ck_at_work" not in code.co_varnames:
        return
    is_at_work, before = False, None
    for instruction in dis.get_instructions(code):
        if instruction.opname == "STORE_FAST" and instruction.argval == "ck_at_work" and before is not None:
            is_at_work = bool(before.argval)
            yield before.offset
        if is_at_work:
            yield instruction.offset
        before = instruction


def is_check(name: str) -> bool:
    """Whether Python looks for signals in an instruction of this name, or in the call that it comes back from."""
    is_call = name.startswith("CALL") and not name.startswith("CALL_INTRINSIC")
    return is_call or name in ("RESUME", "JUMP_BACKWARD", "RETURN_VALUE", "RETURN_CONST", "YIELD_VALUE")


_CHECKS = frozenset(number for name, number in dis.opmap.items() if is_check(name))
_INSTRUCTIONS = frozenset(number for name, number in dis.opmap.items() if name != "CACHE")
