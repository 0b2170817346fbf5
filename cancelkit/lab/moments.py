"""Moments: conditions on what a program is doing, at which a signal is to be sent. Never a sleep.

In Python they read `active(2) & queued(3)`, and with a second signal `begun(2).then(cleaning(1))`; on a command line
`active=2,queued=3`, or `active=2 and queued=3 then cleaning=1`.
"""

from __future__ import annotations

import json
import re
import signal
from typing import Any, NamedTuple, Self

from cancelkit.errors import BadMomentError
from cancelkit.trace.states import COUNT_NAMES, Counts

BEFORE_START, CLOSING, OUTPUT, AT_ONCE = "before-start", "closing", "output", "at-once"
PHASES = {BEFORE_START: "before_start", CLOSING: "closing"}
"""Conditions without a number, and the attributes of `Counts` that say whether they hold."""

MOST_MOMENTS = 250
"""In one experiment; the program is told over a link which of them has come, with one byte."""

_LONGEST_SHOWN = 200
"""Characters of a text that an error shows."""

# Compiled when a moment is first read from a text, which a child never does.
_NUMBER = r"(?a:\d{1,9})"
_PART = r'\s*([\w-]*)\s*(?:=\s*("(?:[^"\\]|\\.)*"|.*?)\s*)?(,|\s(?:and|then)(?=\s|$)|$)'
_BARE = r"[^\s,=\"]+"

Condition = tuple[str, int | str | None]


class Moment(NamedTuple):
    """All of its conditions hold, exactly and at once.

    Attributes:
        conditions: a name and what it is to be: a count of `cancelkit.trace.states.Counts` and a number; "output" and
            a text; "before-start", "closing" or "at-once" and None.
    """

    conditions: tuple[Condition, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one moment: `active=2,queued=3`, `active=2 and queued=3`, `closing`, `output="listening on"`.

        Raises:
            BadMomentError: there is something in it that is no condition, that stands there twice, or cannot be
                combined; or there are several moments.
        """
        moments = Moments.parse(text)
        if len(moments.moments) > 1:
            raise BadMomentError(f"{text!r} is {len(moments.moments)} moments; give one here")
        return cls(moments.moments[0].conditions)

    @property
    def is_at_once(self) -> bool:
        """Whether it comes as soon as the signal before has been received."""
        return self.conditions == ((AT_ONCE, None),)

    @property
    def output(self) -> str:
        """The text that must have been printed; empty if none."""
        return next((str(value) for name, value in self.conditions if name == OUTPUT), "")

    @property
    def is_only_output(self) -> bool:
        """Whether it comes when a text is printed, whatever the program is doing then."""
        return [name for name, _ in self.conditions] == [OUTPUT]

    def holds(self, counts: Counts) -> bool:
        """Whether all its conditions but that of what was printed hold."""
        return all(_holds(name, value, counts) for name, value in self.conditions)

    def then(self, following: Moment | Moments) -> Moments:
        """This moment for the first signal, and another, or several, for the next ones."""
        return Moments((self,)).then(following)

    def __and__(self, other: Moment) -> Moment:
        if not isinstance(other, Moment):
            return NotImplemented
        return checked(Moment((*self.conditions, *other.conditions)))

    def __repr__(self) -> str:
        return f"<Moment {self}>"

    def __str__(self) -> str:
        return ",".join(_written(name, value) for name, value in self.conditions)


class Moments(NamedTuple):
    """One moment after another, for one signal each."""

    moments: tuple[Moment, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read moments with `then` between them: `active=2,queued=3 then cleaning=1`.

        Raises:
            BadMomentError: as for a moment.
        """
        found: list[list[Condition]] = [[]]
        part, position, link = re.compile(_PART), 0, ","
        while link:
            match = part.match(text, position)
            name, value, link = match.groups() if match else (text[position:], None, "")
            written = text[position : match.start(3) if match else None].strip()
            found[-1].append(_condition(name, value, written, text))
            position = match.end() if match else len(text)
            if link.strip() == "then":
                found.append([])
        return cls(tuple(checked(Moment(tuple(conditions))) for conditions in found))

    def then(self, following: Moment | Moments) -> Moments:
        """These, and another, or several, after them."""
        return Moments((*self.moments, *as_moments(following).moments))

    def __repr__(self) -> str:
        return f"<Moments {self}>"

    def __str__(self) -> str:
        return " then ".join(map(str, self.moments))


def as_moments(when: Moment | Moments | str) -> Moments:
    """What may be given where moments are wanted, as moments.

    Raises:
        BadMomentError: it is a text that is none, or something else.
    """
    match when:
        case str():
            return Moments.parse(when)
        case Moments():
            return when
        case Moment():
            return Moments((when,))
    raise BadMomentError(f"{when!r} is no moment, as active(2) and 'active=2' are")


def checked(moment: Moment) -> Moment:
    """The moment, if its conditions go together.

    Raises:
        BadMomentError: they do not.
    """
    names = [name for name, _ in moment.conditions]
    for name in names:
        if names.count(name) > 1:
            raise BadMomentError(f"{name!r} stands twice in the moment '{moment}'; it can be one thing only")
    if AT_ONCE in names and len(names) > 1:
        raise BadMomentError(f"{AT_ONCE} in the moment '{moment}' goes with no other condition")
    return moment


def _condition(name: str, value: str | None, part: str, text: str) -> Condition:
    text = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
    if name == OUTPUT and value is not None:
        return name, _text(value, text)
    if name in (*PHASES, AT_ONCE):
        if value is not None:
            raise BadMomentError(f"{part!r} in the moment {text!r} is to stand without a number: {name}")
        return name, None
    meant = name.lower().replace("_", "-")
    if meant != name and meant in (*COUNT_NAMES, *PHASES, AT_ONCE, OUTPUT):
        raise BadMomentError(f"{name!r} in the moment {text!r} is written {meant}")
    if not name or value is None or not re.fullmatch(_NUMBER, value):
        part = part if len(part) <= _LONGEST_SHOWN else f"{part[:_LONGEST_SHOWN]}…"
        raise BadMomentError(f"{part!r} in the moment {text!r} is not NAME=NUMBER, as in active=2,queued=3")
    if name not in COUNT_NAMES:
        others = f"{', '.join(PHASES)}, {AT_ONCE} and {OUTPUT}=TEXT are the other conditions"
        raise BadMomentError(
            f"{name!r} in the moment {text!r} cannot be counted; {', '.join(COUNT_NAMES)} can; {others}"
        )
    return name, int(value)


def _text(value: str, text: str) -> str:
    if value.startswith('"'):
        try:
            value = str(json.loads(value))
        except ValueError:
            raise BadMomentError(f"{value} in the moment {text!r} is no text in double quotes, as in JSON") from None
    if not value:
        raise BadMomentError(f"{OUTPUT} in the moment {text!r} says no text, as in {OUTPUT}=ready")
    if not _is_printable(value):
        raise BadMomentError(f"{value!r} in the moment {text!r} cannot be printed by a program, in UTF-8")
    return value


def _is_printable(text: str) -> bool:
    try:
        return bool(text.encode())
    except UnicodeEncodeError:
        return False


def _written(name: str, value: Any) -> str:
    if value is None:
        return name
    if isinstance(value, str) and not re.fullmatch(_BARE, value):
        return f"{name}={json.dumps(value, ensure_ascii=False)}"
    return f"{name}={value}"


def _holds(name: str, value: int | str | None, counts: Counts) -> bool:
    if name == OUTPUT:
        return True
    return bool(getattr(counts, PHASES[name])) if name in PHASES else bool(getattr(counts, name) == value)


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


def _count(name: str, number: int) -> Moment:
    if type(number) is not int or not 0 <= number < 10**9:
        raise BadMomentError(f"{name}({number!r}): it must be a number, 0 or more")
    return Moment(((name, number),))


def created(number: int) -> Moment:
    """So many tasks, the main one left out, have not had their first step."""
    return _count("created", number)


def active(number: int) -> Moment:
    """So many tasks, the main one left out, run, or await something that is not a limiter's slot."""
    return _count("active", number)


def queued(number: int) -> Moment:
    """So many tasks, the main one left out, wait for a limiter's slot."""
    return _count("queued", number)


def cleaning(number: int) -> Moment:
    """So many tasks, the main one left out, are in cleanup."""
    return _count("cleaning", number)


def ended(number: int) -> Moment:
    """So many tasks, the main one left out, finished, failed or were cancelled."""
    return _count("ended", number)


def begun(number: int) -> Moment:
    """So many jobs reported that they have begun."""
    return _count("begun", number)


def holding(number: int) -> Moment:
    """So many jobs reported that they hold something to be tidied up."""
    return _count("holding", number)


def cleanups(number: int) -> Moment:
    """So many jobs reported that their cleanup has begun."""
    return _count("cleanups", number)


def halfway(number: int) -> Moment:
    """So many jobs reported that their cleanup is halfway."""
    return _count("halfway", number)


def cleaned(number: int) -> Moment:
    """So many jobs reported that their cleanup is finished."""
    return _count("cleaned", number)


def output(text: str) -> Moment:
    """The program has printed a text, on stdout.

    On its own, the signal is sent when the text is seen, whatever the program is doing; with other conditions, at the
    next wait at which they hold.
    """
    if not (isinstance(text, str) and _is_printable(text)):
        raise BadMomentError(f"output({text!r}): it must be a text, as in output('ready')")
    return Moment(((OUTPUT, text),))


before_start = Moment(((BEFORE_START, None),))
"""Its loop is about to run for the first time: no task has taken a step."""

closing = Moment(((CLOSING, None),))
"""A loop is being closed: what is left in it is cancelled and finished."""

at_once = Moment(((AT_ONCE, None),))
"""For a second or third signal: as soon as the one before has been received, with nothing run in between.

After a moment of `output` alone, when the program is not held, at once without waiting for that.
"""
