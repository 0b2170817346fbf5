"""Moments: conditions on what a program is doing, at which a signal is to be sent. Never a sleep."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass
from typing import Self

from cancelkit.errors import BadMomentError
from cancelkit.trace.states import COUNT_NAMES, Counts


@dataclass(frozen=True, slots=True)
class Moment:
    """All of `conditions`, (name of a count, how many) each, hold exactly and at once.

    The names are the attributes of `cancelkit.trace.states.Counts`.
    """

    conditions: tuple[tuple[str, int], ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `active=2,queued=3`.

        Raises:
            BadMomentError: a condition is not NAME=NUMBER, or its name is not one that can be counted, or comes twice.
        """
        conditions = tuple(_condition(part.strip(), text) for part in text.split(","))
        names = [name for name, _ in conditions]
        for name in names:
            if names.count(name) > 1:
                raise BadMomentError(f"{name!r} stands twice in the moment {text!r}; it can hold one number only")
        return cls(conditions)

    def holds(self, counts: Counts) -> bool:
        """Whether the moment has come."""
        return all(getattr(counts, name) == wanted for name, wanted in self.conditions)

    def __str__(self) -> str:
        return ",".join(f"{name}={wanted}" for name, wanted in self.conditions)


def _condition(part: str, text: str) -> tuple[str, int]:
    name, equals, number = part.partition("=")
    name = name.strip()
    if not equals or not re.fullmatch(r"\d{1,9}", number.strip(), re.ASCII):
        raise BadMomentError(f"{part!r} in the moment {text!r} is not NAME=NUMBER, as in active=2,queued=3")
    if name not in COUNT_NAMES:
        raise BadMomentError(f"{name!r} in the moment {text!r} cannot be counted; {', '.join(COUNT_NAMES)} can")
    return name, int(number)


def parse_signal(name: str) -> signal.Signals:
    """Read a signal's name: `INT`, `SIGINT` or `int`.

    Raises:
        BadMomentError: there is no such signal.
    """
    full = name.upper() if name.upper().startswith("SIG") else f"SIG{name.upper()}"
    try:
        return signal.Signals[full]
    except KeyError:
        raise BadMomentError(f"{name!r} is no signal of this system; INT, TERM and HUP are the usual ones") from None
