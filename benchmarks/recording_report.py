"""The figures of benchmarks/recording.py as text: medians, ratios and bytes. Nothing here measures anything."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PLAIN, RECORDED = "plain", "cancelkit"
MEMORY = ("RssAnon", "RssFile", "RssShmem")
"""What Linux tells apart: a process's own memory, mapped files, and mapped files of a file system in memory."""


@dataclass(frozen=True)
class Measurement:
    """What one run took.

    Attributes:
        seconds: of wall time.
        grown: by how many bytes the process grew meanwhile, by kind of memory; empty where the system does not tell.
        events: how many the recorder has put down.
    """

    seconds: float
    grown: Mapping[str, int]
    events: int = 0


@dataclass(frozen=True)
class Sizes:
    """How many events a record has, and its bytes: on the tape, while it is recorded, and as a file that is kept."""

    events: int
    tape: int
    file: int


Round = Mapping[str, Measurement]
"""One measurement of each tool that took part, plain among them."""


def table(rounds: Sequence[Round]) -> list[str]:
    """What each tool cost, beside plain in the same round."""
    lines = [f"  {'':<20} pairs   seconds   times plain (lowest - highest)   own memory   states of tasks"]
    tools = dict.fromkeys(tool for each in rounds for tool in each)
    for tool in tools:
        pairs = [(each[tool], each[PLAIN]) for each in rounds if tool in each]
        seconds = statistics.median(watched.seconds for watched, _ in pairs)
        ratios = sorted(watched.seconds / plain.seconds for watched, plain in pairs)
        line = f"  {tool:<20} {len(pairs):>5} {seconds:>9.3f}"
        if tool != PLAIN:
            spread = f"({ratios[0]:.2f} - {ratios[-1]:.2f})"
            more = _more(pairs, "RssAnon")
            grown = "" if more is None else f"{more / 1e6:+.1f} MB"
            states = "yes" if tool == RECORDED else "no"
            line += f"   {statistics.median(ratios):>11.2f} {spread:<18} {grown:>12}   {states}"
        lines.append(line)
    return lines


def growth(runs: Sequence[Sequence[Round]], sizes: Sizes) -> list[str]:
    """How much more a recorded process grew than a plain one, in runs of different lengths, and how long a record is.

    What is the same in all of them is no cost of an event.
    """
    head = "".join(f"{kind:>13}" for kind in MEMORY)
    lines = [f"  {'events':>10} pairs{head}   RssAnon an event"]
    for rounds in runs:
        pairs = [(each[RECORDED], each[PLAIN]) for each in rounds]
        more = [_more(pairs, kind) for kind in MEMORY]
        if None in more:
            return ["  not measured: this system does not tell the kinds of memory apart"]
        own, *others = (number or 0 for number in more)
        events = statistics.median(recorded.events for recorded, _ in pairs)
        grown = "".join(f"{number / 1e6:>+10.2f} MB" for number in (own, *others))
        lines.append(f"  {events:>10,.0f} {len(pairs):>5}{grown} {own / events:>+10.2f} bytes")
    tape, file = sizes.tape / sizes.events, sizes.file / sizes.events
    lines.append(f"  the record: {tape:.1f} bytes an event while it is recorded, {file:.1f} in a file that is kept")
    return lines


def _more(pairs: Sequence[tuple[Measurement, Measurement]], kind: str) -> float | None:
    """By how many bytes more the watched process grew than the plain one; None if that was not measured."""
    if not all(kind in each.grown for pair in pairs for each in pair):
        return None
    return statistics.median(watched.grown[kind] - plain.grown[kind] for watched, plain in pairs)
