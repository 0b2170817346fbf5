"""Output: what a program writes, kept in bounds: it must not cost the experiment its memory."""

from __future__ import annotations

from collections.abc import Collection

KEPT_OF_OUTPUT = 1 << 19
"""So many bytes from the beginning of a program's output are kept, and so many from its end."""


class Output:
    """What came out of one pipe: all of it, or the beginning and the end with a note of how much was cut between.

    Attributes:
        seen: those of the texts to be looked for that have come.
    """

    def __init__(self, texts: Collection[str] = ()) -> None:
        """Look for some texts in what comes."""
        self._head, self._tail, self._cut = bytearray(), bytearray(), 0
        self._texts = {text: text.encode() for text in texts}
        self._last = b""
        self.seen: set[str] = set()

    def add(self, data: bytes) -> None:
        """Take what was read."""
        if self._texts:
            self._look_at(data)
        room = KEPT_OF_OUTPUT - len(self._head)
        self._head += data[:room]
        self._tail += data[room:]
        if len(self._tail) > 2 * KEPT_OF_OUTPUT:
            self._cut_tail()

    def _look_at(self, data: bytes) -> None:
        looked_at = self._last + data
        self.seen |= {text for text, code in self._texts.items() if code in looked_at}
        self._last = looked_at[-max(map(len, self._texts.values())) :]

    def text(self) -> str:
        """What there is, as text; bytes that are no UTF-8 are replaced."""
        if len(self._tail) > KEPT_OF_OUTPUT:
            self._cut_tail()
        note = f"\n[cancelkit: {self._cut} bytes of output left out here]\n" if self._cut else ""
        if not note:
            return (self._head + self._tail).decode(errors="replace")
        return self._head.decode(errors="replace") + note + self._tail.decode(errors="replace")

    def _cut_tail(self) -> None:
        surplus = len(self._tail) - KEPT_OF_OUTPUT
        del self._tail[:surplus]
        self._cut += surplus
