"""Runs of an answer under real signals, and the promises that are looked for in what comes of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT, Signals
from types import MappingProxyType

from cancelkit.course.exercises import Judge, Verdict
from cancelkit.lab import Experiment, Outcome, perform_all, signals_at

DEADLINE = 20.0
"""Seconds after which an answer is ended that has not ended itself."""

_BEFORE_ANY_SIGNAL = "First have it get as far as that without any signal."
_AFTER_A_SIGNAL = "What becomes of it after the signal before? It has to go on, or to clean up, until this one comes."


@dataclass(frozen=True)
class Promise:
    """What an answer has to keep.

    Attributes:
        what: the promise, in words.
        evidence: what speaks against it in an outcome, in words; empty if nothing does.
        hint: what might help who does not keep it.
    """

    what: str
    evidence: Callable[[Outcome], str]
    hint: str


@dataclass(frozen=True)
class Run:
    """One run of an answer.

    Attributes:
        under: the circumstances, in words: one Ctrl-C while two jobs work.
        when: the moments of the signals, as for `cancelkit interrupt`: "holding=2 then halfway=2"; empty for none.
        promises: what is looked for.
        signals: the signals, as for `signals_at`.
        arguments: the answer's command line.
    """

    under: str
    when: str
    promises: Sequence[Promise]
    signals: Signals | Sequence[Signals] = SIGINT
    arguments: Sequence[str] = ()

    def experiment(self, program: Path) -> Experiment:
        """The experiment that it is."""
        pairs = signals_at(self.when, self.signals) if self.when else ()
        pace = 1.0 if pairs else 0.0  # where nobody interrupts, nothing is to be waited for
        return Experiment(program, pairs, self.arguments, DEADLINE, pace=pace)

    def verdicts(self, outcome: Outcome, hints: Mapping[int, str]) -> Iterator[Verdict]:
        """What became of the promises; or why the run shows nothing about any of them."""
        evidence, hint = _cut_short(outcome, hints)
        if evidence:
            yield Verdict(self.under, "it gets as far as that, and ends", evidence, hint)
            return
        for promise in self.promises:
            yield Verdict(self.under, promise.what, promise.evidence(outcome), promise.hint)


def under_signals(*runs: Run, hints: Mapping[int, str] = MappingProxyType({})) -> Judge:
    """A judge that runs an answer, each time under other circumstances.

    Args:
        runs: the runs.
        hints: what might help if a signal was not sent, by its number; and, as number 0, if the answer does not end.
    """

    def judge(program: Path) -> Iterator[Verdict]:
        outcomes = perform_all([run.experiment(program) for run in runs], may_miss=True)
        for run, outcome in zip(runs, outcomes, strict=True):
            yield from run.verdicts(outcome, hints)

    return judge


def _cut_short(outcome: Outcome, hints: Mapping[int, str]) -> tuple[str, str]:
    """Why a run shows nothing about any promise, and a hint; empty if it does."""
    if outcome.hung:
        place = re.search(r'answer\.py", line (\d+)', outcome.stacks)
        stood = f"; it stood at line {place[1]}" if place else ""
        why = f"it had not ended after {outcome.experiment.deadline:g} s, and was killed{stood}"
        return why, hints.get(0, "Look for a loop that nothing ends, or a wait for something that nobody does.")
    if outcome.missed is not None:
        number = len(outcome.timeline.signals) + 1
        said = "".join(f", {line}" for line in outcome.stderr.strip().splitlines()[-1:])
        why = f"signal {number} was not sent, as {outcome.missed} did not come: it {how_it_ended(outcome)}{said}"
        return why, hints.get(number, _BEFORE_ANY_SIGNAL if number == 1 else _AFTER_A_SIGNAL)
    sent = {signum for _, signum in outcome.experiment.signals}
    if outcome.returncode < 0 and -outcome.returncode not in sent:
        return f"it was {outcome.ended}, which nobody had sent", "Something in it ended its own process."
    return "", ""


def how_it_ended(outcome: Outcome) -> str:
    """In words that stand after "it"."""
    return outcome.ended if outcome.returncode >= 0 else f"was {outcome.ended}"
