"""What Python and asyncio complain of as left over: never awaited, never retrieved, destroyed while pending."""

from __future__ import annotations

import warnings
from asyncio import base_events
from collections.abc import Callable
from typing import Any

from cancelkit.trace.inject import Replacements, with_entry
from cancelkit.trace.tape import Tape, quoted
from cancelkit.trace.tasks import number_of, title_of_coroutine

_OF_MESSAGE = {"was never retrieved": "never retrieved", "was destroyed but it is pending": "destroyed but pending"}


class ComplaintWatch:
    """Watches what is complained of in this process."""

    def __init__(self, tape: Tape, guarded: Callable[[Callable[..., object]], Callable[..., None]]) -> None:
        self._tape = tape
        self._guarded = guarded
        self.on_exception_handler = guarded(self._on_exception_handler)

    def install(self, replacements: Replacements) -> None:
        """Watch from now on."""
        complain: Any = warnings._warn_unawaited_coroutine  # type: ignore[attr-defined]
        complain = with_entry(complain, self._guarded(self._on_never_awaited))
        replacements.put(warnings, "_warn_unawaited_coroutine", complain)
        handler = with_entry(base_events.BaseEventLoop.call_exception_handler, self.on_exception_handler)
        replacements.put(base_events.BaseEventLoop, "call_exception_handler", handler)

    def _on_exception_handler(self, _loop: Any, context: Any) -> None:
        if type(context) is not dict:
            return
        message = context.get("message")
        # Another object of the program's may notice that it was asked.
        message = message if type(message) is str else ""
        what = next((name for text, name in _OF_MESSAGE.items() if text in message), message)
        number = number_of(context.get("task")) or number_of(context.get("future"))
        self._say(what, f'"task":{number},' if number else "")

    def _on_never_awaited(self, coro: Any) -> None:
        self._say("never awaited", f'"coro":{quoted(title_of_coroutine(coro))},')

    def _say(self, what: str, more: str) -> None:
        self._tape.put_text(f'"kind":"complaint",{more}"what":{quoted(what)}')
