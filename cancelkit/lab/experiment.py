"""Experiments: a program, the moments and signals, a deadline, and how it is expected to end."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from cancelkit.errors import CancelkitError
from cancelkit.lab.child import STACK_DUMP
from cancelkit.lab.moments import MOST_MOMENTS, Moment, Moments, as_moments

HARMLESS = frozenset(
    getattr(signal, name)
    for name in ("SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGWINCH")
    if hasattr(signal, name)
)
"""Signals that do not end a program that has nothing to say to them."""


@dataclass(frozen=True)
class Experiment:
    """A program to be interrupted.

    Attributes:
        program: the path of a Python program.
        signals: (moment, signal) pairs, in the order in which they are waited for and sent.
        arguments: the program's command line.
        deadline: seconds from the start after which the program is ended, and called hung.
        expect: the exit status that is the right one, or several, as in `Popen.returncode`; None for one that is honest
            about the first signal that ends programs: killed by it, or 128 and its number; and 0 if there is none.
        pace: how long the server of the standard workload takes, as a multiple of what its jobs ask for.

    Raises:
        CancelkitError: one of these is of no use.
    """

    program: Path | str
    signals: Sequence[tuple[Moment, signal.Signals]]
    arguments: Sequence[str] = ()
    deadline: float = 30.0
    expect: int | Collection[int] | None = None
    pace: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.program, str | os.PathLike):
            raise CancelkitError(f"program is {self.program!r}; it must be the path of a Python program")
        if not (_is_number(self.deadline) and 0 < self.deadline < math.inf):
            raise CancelkitError(f"deadline is {self.deadline!r}; it must be a number of seconds above 0")
        if not (_is_number(self.pace) and 0 <= self.pace < math.inf):
            raise CancelkitError(f"pace is {self.pace!r}; it must be a number, 0 or above")
        if isinstance(self.arguments, str) or not all(isinstance(word, str) for word in self.arguments):
            raise CancelkitError(f"arguments is {self.arguments!r}; it must be a sequence of strings")
        if isinstance(self.expect, str) or not all(type(status) is int for status in _several(self.expect)):
            raise CancelkitError(f"expect is {self.expect!r}; it must be an exit status, such as 0 or -2, or several")
        _check_signals(self.signals)
        # As values that compare and hash, whatever was given.
        object.__setattr__(self, "signals", tuple((moment, signum) for moment, signum in self.signals))
        object.__setattr__(self, "arguments", tuple(self.arguments))
        if self.expect is not None:
            object.__setattr__(self, "expect", tuple(_several(self.expect)))

    @property
    def moments(self) -> tuple[Moment, ...]:
        """The moments, without the signals."""
        return tuple(moment for moment, _ in self.signals)

    @property
    def expected(self) -> frozenset[int]:
        """The exit statuses that are right."""
        if self.expect is not None:
            return frozenset(_several(self.expect))
        first = next((signum for _, signum in self.signals if signum not in HARMLESS), None)
        return frozenset({0} if first is None else {-first, 128 + first})


def _check_signals(signals: Sequence[tuple[Moment, signal.Signals]]) -> None:
    if len(signals) > MOST_MOMENTS:
        raise CancelkitError(f"there are {len(signals)} signals; {MOST_MOMENTS} can be sent in one experiment")
    for pair in signals:
        match pair:
            case (Moment(), signal.Signals() as signum) if signum != STACK_DUMP:
                continue
            case (Moment(), signal.Signals() as signum):
                raise CancelkitError(f"{signum.name} cannot be sent: the lab itself makes use of it")
        raise CancelkitError(f"{pair!r} is not a moment and a signal, as in (active(2), signal.SIGINT)")
    if signals and signals[0][0].is_at_once:
        raise CancelkitError(f"the first moment is {signals[0][0]}; that is for a signal after another")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _several(expect: int | Collection[int] | None) -> Collection[int]:
    if expect is None:
        return ()
    return expect if isinstance(expect, Collection) else (expect,)


def signals_at(
    when: Moment | Moments | str, signals: signal.Signals | Sequence[signal.Signals] = ()
) -> tuple[tuple[Moment, signal.Signals], ...]:
    """A signal for each moment: `signals` in their order, and the last of them for the rest; SIGINT if there is none.

    Raises:
        CancelkitError: there are more signals than moments, or `when` cannot be read.
    """
    moments = as_moments(when).moments
    if isinstance(signals, signal.Signals):
        signals = [signals]
    if not all(isinstance(signum, signal.Signals) for signum in signals):
        raise CancelkitError(f"signals is {signals!r}; it must be a signal, as signal.SIGINT is, or several")
    if len(signals) > len(moments):
        raise CancelkitError(f"there are {len(signals)} signals for {len(moments)} moments ({as_moments(when)})")
    chosen = list(signals) or [signal.SIGINT]
    chosen += chosen[-1:] * (len(moments) - len(chosen))
    return tuple(zip(moments, chosen, strict=True))
