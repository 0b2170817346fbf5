"""What is known of a program's points, and of the runs with a signal at some of them: values that can be sent about."""

from __future__ import annotations

import json
import sys
from typing import Any, NamedTuple

from cancelkit.sweep.verdicts import CLEAN, Verdict
from cancelkit.trace.events import Event
from cancelkit.trace.lines import event_of
from cancelkit.trace.sources import is_own

Point = tuple[int, ...]
"""Where the signals of one run are raised: so many points after the beginning, and each after the one before."""

LEVELS = ("step", "check", "instruction")


class Site(NamedTuple):
    """A place in code: its file, its function, the function's first line, an instruction's offset, the line."""

    file: str
    function: str
    first_line: int
    offset: int
    line: int

    @property
    def is_own(self) -> bool:
        """Whether it is the program's, not CPython's."""
        return is_own(self.file)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Spot(NamedTuple):
    """A point in terms of the program: a site, and the how manieth time that the run comes there."""

    site: Site
    time: int


class Survey(NamedTuple):
    """What there is in a run without a signal.

    Attributes:
        sites: the sites of all points.
        order: for each point, the place of its site in `sites`.
        times: for each point, when it was passed, in nanoseconds on the clock of the events.
        events: what the tasks did.
        waits_for_ever: whether the program would never have ended by itself.
        is_real: whether it had to wait for something outside of itself.
    """

    sites: tuple[Site, ...]
    order: tuple[int, ...]
    times: tuple[int, ...]
    events: tuple[Event, ...]
    waits_for_ever: bool
    is_real: bool


class Run(NamedTuple):
    """One run with signals.

    Attributes:
        point: where they were to be raised.
        verdict: what came of it.
        status: the exit status as in `Popen.returncode`, None if the program hung or crashed.
        passed: how many points the run has passed.
        raised: where signals were raised.
        landed: where their handlers ran.
        own: file:line of the program that ran then; empty where it was CPython's code, called by a loop.
        is_real: whether it had to wait for something outside of itself.
        events: what the tasks did, if that was asked for.
    """

    point: Point
    verdict: Verdict
    status: int | None = None
    passed: int = 0
    raised: tuple[Spot, ...] = ()
    landed: tuple[Site, ...] = ()
    own: tuple[str, ...] = ()
    is_real: bool = False
    events: tuple[Event, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether nothing is to be said against it."""
        return self.verdict.word == CLEAN

    @property
    def signals(self) -> int:
        """How many signals were raised."""
        return len(self.raised)

    @property
    def at(self) -> tuple[str, int]:
        """The line to blame: where the interrupt reached the task that it harmed, or where the last signal landed."""
        if place := self.verdict.at or (self.own[-1] if self.own else ""):
            file, _, line = place.rpartition(":")
            return file, int(line)
        site = self.landed[-1] if self.landed else self.raised[-1].site if self.raised else None
        return (site.file, site.line) if site is not None else ("", 0)

    def agrees_with(self, other: Run) -> bool:
        """Whether another run went the same way."""
        return (self.verdict.word, self.raised, self.landed) == (other.verdict.word, other.raised, other.landed)


def site_of(row: Any) -> Site:
    """A site that was sent; names are kept once."""
    file, function, *numbers = row
    return Site(sys.intern(file), sys.intern(function), *numbers)


def survey_of(row: Any) -> Survey:
    """A survey that was sent."""
    sites = tuple(map(site_of, row["sites"]))
    events = _events(row["events"])
    return Survey(sites, tuple(row["order"]), tuple(row["times"]), events, row["waits for ever"], row["real"])


def run_of(row: Any) -> Run:
    """A run that was sent."""
    raised = tuple(Spot(site_of(site), time) for site, time in row["raised"])
    landed = tuple(site_of(site) for site, _ in row["landed"])
    own = tuple(line for _, line in row["landed"])
    events = _events(row.get("events", ()))
    verdict = Verdict(*row["verdict"])
    return Run(tuple(row["point"]), verdict, row["status"], row["count"], raised, landed, own, row["real"], events)


def _events(lines: Any) -> tuple[Event, ...]:
    made: set[int] = set()
    return tuple(event_of(json.loads(line), made) for line in lines)
