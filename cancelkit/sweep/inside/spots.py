"""Points found again: signals at given instructions, each at its how manieth time, and nothing else instrumented."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from types import CodeType, FunctionType
from typing import Any

from cancelkit.sweep.inside.bytecode import is_entry
from cancelkit.sweep.inside.checks import TOOL, Monitor, Spot, is_called_by_us, is_shared, raising, site_of


class SpotMonitor(Monitor):
    """Raises signals at spots: each a site, and the how manieth time from the beginning that the run comes there."""

    def __init__(self, spots: Sequence[Spot], program: CodeType | None) -> None:
        self._spots = list(spots)
        self._program = program
        super().__init__()

    def install(self) -> None:
        """Have Python tell of instructions of the functions that have the spots, once the run has begun."""
        self._begin()
        monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
        events = monitoring.events
        wanted = {site[:3] for site, _ in self._spots}
        for code in _codes(self._program):
            if (code.co_filename, code.co_qualname, code.co_firstlineno) in wanted:
                also = events.PY_START | events.PY_RETURN if is_entry(code) else 0
                monitoring.set_local_events(TOOL, code, events.INSTRUCTION | also)
        monitoring.set_events(TOOL, events.PY_UNWIND)

    def _counting(self, due: int, *, to_list: bool) -> Callable[[CodeType, int], Any]:
        passed, spots = self.passed, self._spots

        def on_instruction(code: CodeType, offset: int) -> Any:
            key = id(code), offset
            if (key in self._known or self._is_spot(code, offset)) and not (is_shared(code) and is_called_by_us()):
                passed.append(key)
                if spots and site_of(code, offset)[:4] == spots[0][0][:4] and passed.count(key) == spots[0][1]:
                    del spots[0]
                    self._prepare(code, offset)
                    for _ in raising:
                        return None
            return None

        return on_instruction

    def _is_spot(self, code: CodeType, offset: int) -> bool:
        if site_of(code, offset)[:4] not in {site[:4] for site, _ in self._spots}:
            return False
        self._known.add((id(code), offset))
        self._kept.append(code)
        return True


def _codes(program: CodeType | None) -> Iterator[CodeType]:
    """The code of every function that there is, and of those that the program will make."""
    gc.unfreeze()  # what is frozen is in no list
    waiting = [found.__code__ for found in gc.get_objects() if isinstance(found, FunctionType)]
    waiting += [program] if program is not None else []
    seen: set[int] = set()
    while waiting:
        code = waiting.pop()
        if id(code) not in seen:
            seen.add(id(code))
            yield code
            waiting += [const for const in code.co_consts if isinstance(const, CodeType)]
