"""What to say when a moment has not come: what was waited for, which states were seen, and the end of stderr."""

from __future__ import annotations

from collections.abc import Sequence

from cancelkit.lab.moments import PHASES, Moment
from cancelkit.lab.outcome import Outcome
from cancelkit.trace.events import Event
from cancelkit.trace.states import Counts, Tracker

LINES_SHOWN, WIDTH_SHOWN = 12, 400
"""How much an error shows of a program's stderr, and of its stacks: so many lines, so many characters of each."""

STATES_SHOWN = 20
"""How many of the last states that were seen an error shows."""


def why_not_reached(outcome: Outcome, moment: Moment) -> str:
    """Why the signal of a moment could not be sent."""
    happened = "did not end" if outcome.hung else f"ended ({outcome.ended})"
    limit = f" within {outcome.experiment.deadline:g} s" if outcome.hung else ""
    lines = [
        f"{outcome.experiment.program} {happened}{limit}, and the moment {moment} had not come.",
        f"States seen while its loop was waiting: {_states_seen(outcome.events, moment)}.",
    ]
    if _held_between_waits(outcome.events, moment):
        lines.append("The moment came between two callbacks of the loop, where no idle program can be found.")
    lines.append(end_of("stderr", outcome.stderr))
    if outcome.stacks:
        lines.append(end_of("stacks", outcome.stacks))
    return "\n".join(lines)


def end_of(name: str, text: str) -> str:
    """The last lines of something, as part of an error."""
    lines = text.strip().splitlines()[-LINES_SHOWN:]
    if not lines:
        return f"Its {name} is empty."
    return "\n".join([f"The end of its {name}:", *(f"    {line[:WIDTH_SHOWN]}" for line in lines)])


def _states_seen(events: Sequence[Event], moment: Moment) -> str:
    """The different counts in the order in which they were first seen; those that jobs reported if it is about them."""
    waits = (Counts(**event.detail["counts"]) for event in events if event.kind == "waiting")
    about = [PHASES.get(name, name) for name, _ in moment.conditions]
    seen = list(dict.fromkeys(counts.describe(about) for counts in waits))
    if len(seen) > STATES_SHOWN:
        seen[:-STATES_SHOWN] = [f"({len(seen) - STATES_SHOWN} others)"]
    return "; ".join(seen) or "none: it never waited in an asyncio event loop"


def _held_between_waits(events: Sequence[Event], moment: Moment) -> bool:
    if moment.output:
        return False
    tracker = Tracker()
    for event in events:
        tracker.feed(event)
        if moment.holds(tracker.counts()):
            return True
    return False
