"""A record: the events of one run as a value, and the JSON Lines file that it is kept in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from cancelkit.trace.events import Event
from cancelkit.trace.timeline import Timeline, timeline_of


@dataclass(frozen=True)
class Record:
    """The events of one run.

    Attributes:
        events: in order of time.
        program: what was run, as on the command line.
        python: the version of Python that ran it.
        notes: what is missing, in words.
    """

    events: tuple[Event, ...]
    program: str = ""
    python: str = ""
    notes: tuple[str, ...] = ()

    @cached_property
    def timeline(self) -> Timeline:
        """The events as a timeline."""
        return timeline_of(self.events)
