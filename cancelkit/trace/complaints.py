"""What Python and asyncio complain of when something was left over: never awaited, never retrieved, destroyed pending."""

from __future__ import annotations

import warnings
from asyncio import base_events
from typing import Any

from cancelkit.trace.inject import Replacements, with_entry
from cancelkit.trace.tape import Tape, quoted

_OF_MESSAGE = {"was never retrieved": "never retrieved", "was destroyed but it is pending": "destroyed but pending"}


class ComplaintWatch:
    """Watches what is complained of in this process."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape

    def install(self, replacements: Replacements) -> None:
        """Watch from now on."""
        never_awaited = with_entry(warnings._warn_unawaited_coroutine, self._on_never_awaited)  # type: ignore[attr-defined]
        replacements.put(warnings, "_warn_unawaited_coroutine", never_awaited)
        handler = with_entry(base_events.BaseEventLoop.call_exception_handler, self.on_exception_handler)
        replacements.put(base_events.BaseEventLoop, "call_exception_handler", handler)

    def on_exception_handler(self, _loop: Any, context: Any) -> None:
        """A loop is told of something that nobody else wants to hear."""
        message = str(context.get("message", "")) if isinstance(context, dict) else ""
        what = next((name for text, name in _OF_MESSAGE.items() if text in message), message)
        task = context.get("task") or context.get("future") if isinstance(context, dict) else None
        number = abs(getattr(task, "_cancelkit_number", 0))
        self._say(what, f'"task":{number},' if number else "")

    def _on_never_awaited(self, coro: Any) -> None:
        self._say("never awaited", f'"coro":{quoted(str(getattr(coro, "__qualname__", "")))},')

    def _say(self, what: str, more: str) -> None:
        self._tape.put_text(f'"kind":"complaint",{more}"what":{quoted(what)}')
