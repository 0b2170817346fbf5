"""What came of a sweep."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from cancelkit.sweep.program import Program
from cancelkit.sweep.replay import Replayed, run_at
from cancelkit.sweep.runs import Run, Survey
from cancelkit.sweep.tokens import token_of
from cancelkit.sweep.verdicts import CLEAN, WORDS
from cancelkit.trace.sources import is_own

SAID_BESIDE = (
    "one schedule and one input; a signal inside C code waits for CPython's next look (not in select, sleep, read);",
    "points differ between versions of Python; shares of points are no probabilities.",
)
"""What goes with every result."""

_SHOWN = 12
"""So many lines of unsafe code are told, and so many of CPython's own."""

_SIGNALS = {1: "one signal", 2: "two signals", 3: "three signals"}
_KINDS = {1: "points", 2: "pairs of points", 3: "triples of points"}


class Unsafe(NamedTuple):
    """A line at which an interrupt is unsafe.

    Attributes:
        file, line: where an interrupt reached a task, or where a signal landed, and did harm.
        verdict: which.
        why: the reason that was most often.
        runs: how many.
        first: the earliest of them with the fewest signals.
    """

    file: str
    line: int
    verdict: str
    why: str
    runs: int
    first: Run

    @property
    def is_own(self) -> bool:
        """Whether the line is the program's, not CPython's."""
        return is_own(self.file)

    @property
    def place(self) -> str:
        """file:line as a person would say it: as seen from here."""
        name = os.path.relpath(self.file) if self.is_own else _in_library(self.file)
        return f"{name}:{self.line}"


@dataclass(frozen=True, repr=False)
class Sweep:
    """What came of a sweep.

    Attributes:
        program: what was swept.
        level: "step", "check" or "instruction".
        python: the version that ran it.
        signals: how many in each run.
        survey: the points there are, and what the program does without a signal.
        agrees: whether two runs without a signal passed the same points.
        points: how many points there are; of pairs and triples, how many of those.
        is_total_exact: whether that was counted, or estimated from those tried.
        runs: what came of each point that was tried, in order.
        seed: of the sample; None if every point was tried.
        seconds: how long all of it took.
        runs_made: how many points were tried in all, those included that only told how many pairs there are.
        seconds_running: how long that took.
        is_complete: false if Ctrl-C was pressed.
    """

    program: Program
    level: str
    python: str
    signals: int
    survey: Survey
    agrees: bool
    points: int
    is_total_exact: bool
    runs: tuple[Run, ...]
    seed: int | None
    seconds: float
    runs_made: int
    seconds_running: float
    is_complete: bool

    @cached_property
    def verdicts(self) -> dict[str, int]:
        """How many runs have which verdict; only those that there are."""
        counts = Counter(run.verdict.word for run in self.runs)
        return {word: counts[word] for word in WORDS if counts[word]}

    @property
    def is_clean(self) -> bool:
        """Whether every run that was made was clean."""
        return set(self.verdicts) <= {CLEAN}

    @property
    def is_real(self) -> bool:
        """Whether real time was used, for the program waited for something outside of itself."""
        return self.survey.is_real or any(run.is_real for run in self.runs)

    @property
    def points_per_second(self) -> float:
        """The rate at which points were tried."""
        return self.runs_made / self.seconds_running if self.seconds_running else 0.0

    @cached_property
    def unsafe(self) -> tuple[Unsafe, ...]:
        """The lines at which an interrupt is unsafe, the most unsafe first; CPython's own are among them."""
        groups: dict[tuple[tuple[str, int], str], list[Run]] = {}
        for run in self.runs:
            if not run.is_clean:
                groups.setdefault((run.at, run.verdict.word), []).append(run)
        found = [
            Unsafe(*at, word, _most_often(runs), len(runs), min(runs, key=_size)) for (at, word), runs in groups.items()
        ]
        return tuple(sorted(found, key=lambda each: (-each.runs, each.first.point)))

    @cached_property
    def smallest(self) -> Run | None:
        """The counterexample with the fewest signals, the earliest of those; None if every run was clean."""
        return min((run for run in self.runs if not run.is_clean), key=_size, default=None)

    def token(self, run: Run) -> str:
        """A word for one of the runs, for `cancelkit replay`; empty if nobody knows where it was interrupted."""
        return token_of(self.program, self.level, run) if run.raised else ""

    def counterexample(self) -> Replayed | None:
        """The smallest counterexample, run again in a new process; None if there is none."""
        run = self.smallest
        if run is None or not run.raised:
            return None
        return Replayed(self.program, run.verdict.word, run_at(self.program, self.level, run.raised))

    def as_json(self) -> dict[str, Any]:
        """The result for a program to read."""
        unsafe = [
            {"file": each.file, "line": each.line, "verdict": each.verdict, "token": self.token(each.first)}
            for each in self.unsafe
        ]
        return {
            "program": self.program.title,
            "python": self.python,
            "level": self.level,
            "signals": self.signals,
            "points": self.points,
            "tried": len(self.runs),
            "verdicts": self.verdicts,
            "points_per_second": round(self.points_per_second, 1),
            "unsafe": unsafe,
        }

    @property
    def coverage(self) -> str:
        """How many points there are, and how many of them were tried, in words."""
        kind, tried = _KINDS[self.signals], len(self.runs)
        if not (self.is_complete or self.points):
            return f"interrupted: 0 of the {kind} tried, which had not been counted"
        if not self.is_complete:
            return f"interrupted: {tried:,} of {self.points:,} {kind} tried"
        if self.seed is None:
            return f"every one of {self.points:,} {kind}"
        about = "" if self.is_total_exact else "about "
        share = tried / self.points if self.points else 1
        return f"a sample of {tried:,} of {about}{self.points:,} {kind} ({share:.2%}, seed {self.seed})"

    def in_words(self) -> str:
        """What goes with a picture: without the counts, which differ between versions of Python."""
        which = "every point" if self.seed is None and self.is_complete else "a sample of points"
        lines = [f"{self.program.title}: {_SIGNALS[self.signals]} at {which}"]
        for word in self.verdicts:
            places = sorted({(e.file, e.line, e.place) for e in self.unsafe if e.is_own and e.verdict == word})
            where = ", ".join(place for *_, place in places) or "in CPython's own code"
            lines.append(f"  {word}" if word == CLEAN else f"  {word}: {where}")
        return "\n".join(lines)

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> list[str]:
        lines = [f"{self.program.title} on Python {self.python}, level {self.level}: {self.coverage}"]
        total = len(self.runs) or 1
        lines += [f"  {word:<20} {count:>7,}  {count / total:6.1%}" for word, count in self.verdicts.items()]
        lines += self._notes()
        own = [each for each in self.unsafe if each.is_own]
        others = [each for each in self.unsafe if not each.is_own]
        for title, found in (("unsafe lines, most unsafe first:", own), ("in CPython's own code:", others)):
            if found:
                lines.append(title)
                lines += [f"  {e.runs:>6,}  {e.place}  {e.verdict}: {e.why}" for e in found[:_SHOWN]]
                lines += [f"          and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
        return lines

    def _notes(self) -> list[str]:
        notes = []
        if self.survey.waits_for_ever:
            notes.append("without a signal the program waits for ever: its points are those up to there")
        if self.is_real:
            runs = "agree" if self.agrees else "differ"
            notes.append(f"it waits for something outside of itself, in real time; two runs without a signal {runs}")
        elif not self.agrees:
            notes.append("two runs without a signal differ: the program does not do the same each time")
        return notes

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {word}" for word, count in self.verdicts.items())
        return f"<Sweep of {self.program.title}: {counts}>"


def _size(run: Run) -> tuple[int, tuple[int, ...]]:
    return len(run.point), run.point


def _most_often(runs: list[Run]) -> str:
    return Counter(run.verdict.why for run in runs).most_common(1)[0][0]


def _in_library(file: str) -> str:
    """The name of a file of CPython's, from the folder of its package on."""
    folder, name = os.path.split(file)
    package = os.path.basename(folder)  # noqa: PTH119
    return name if package.startswith("python3") or not package else f"{package}/{name}"
