"""The check: anybody's `run_tasks` is put through the acts, and judged promise by promise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from cancelkit.contract.acts import ACTS, PLAIN
from cancelkit.contract.promises import PROMISES, Promise, evidence, not_at_work
from cancelkit.errors import UnusableTargetError
from cancelkit.lab.experiment import Experiment
from cancelkit.lab.outcome import Outcome
from cancelkit.lab.performing import perform_all
from cancelkit.lab.scenarios import STAGE, Target

AT_ONCE = 4
"""Acts at a time: most wait for each other's processes, and those that hang do nothing."""

_SECONDS_TO_LOAD = 30.0


class Verdict(NamedTuple):
    """What became of one promise.

    Attributes:
        id: the promise's.
        verdict: "kept" or "broken".
        why: the acts in which it was kept, or the evidence that it was broken.
        act: the name of the act with the first evidence; empty if there is none.
    """

    id: str
    verdict: Literal["kept", "broken"]
    why: str
    act: str = ""


@dataclass(frozen=True)
class Report:
    """What was found out about a target.

    Attributes:
        target: what was checked, and under which runner.
        verdicts: one for each promise, in order.
        outcomes: of the acts, by name.
    """

    target: Target
    verdicts: tuple[Verdict, ...]
    outcomes: dict[str, Outcome]

    @property
    def all_kept(self) -> bool:
        """Whether no promise is broken."""
        return not any(verdict.verdict == "broken" for verdict in self.verdicts)


def check(target: Target, promises: Sequence[Promise] = PROMISES) -> Report:
    """Check a target against every promise, or some.

    Raises:
        UnusableTargetError: the target or its runner is not there, is no function, or cannot be imported.
        CancelkitError: an experiment could not be made.
    """
    (report,) = check_all([target], promises)
    return report


def check_all(targets: Sequence[Target], promises: Sequence[Promise] = PROMISES) -> tuple[Report, ...]:
    """Check several targets, whose experiments are made side by side.

    Raises:
        UnusableTargetError, CancelkitError: as for `check`.
    """
    _check_usable(targets)
    plays: list[dict[str, Outcome]] = [{PLAIN: plain} for plain in _played([(t, PLAIN) for t in targets])]
    idle = ["; ".join(not_at_work(played[PLAIN])) for played in plays]
    wanted = {act for promise in promises for act in promise.judges} - {PLAIN}
    at_work = [number for number, why in enumerate(idle) if not why]
    pairs = [(number, act) for number in at_work for act in ACTS if act in wanted]
    outcomes = _played([(targets[number], act) for number, act in pairs])
    for (number, act), outcome in zip(pairs, outcomes, strict=True):
        plays[number][act] = outcome
    return tuple(
        Report(target, tuple(_verdict(promise, played, why) for promise in promises), played)
        for target, played, why in zip(targets, plays, idle, strict=True)
    )


def _played(pairs: Sequence[tuple[Target, str]]) -> tuple[Outcome, ...]:
    return perform_all([ACTS[act].experiment(target) for target, act in pairs], at_once=AT_ONCE, may_miss=True)


def _check_usable(targets: Sequence[Target]) -> None:
    words = [["--load", *target[:2], "1", "short"] for target in targets]
    loads = perform_all([Experiment(STAGE, [], each, deadline=_SECONDS_TO_LOAD) for each in words], at_once=AT_ONCE)
    for target, loaded in zip(targets, loads, strict=True):
        if loaded.hung:
            limit = f"{_SECONDS_TO_LOAD:g} s"
            raise UnusableTargetError(f"{target.run_tasks} cannot be used: to import it takes longer than {limit}")
        if "loaded" not in loaded.stdout.splitlines():
            why = (loaded.stderr.strip().splitlines() or [f"to import it {loaded.ended}"])[-1]
            raise UnusableTargetError(f"{target.run_tasks} under {target.runner} cannot be used: {why}")


def _verdict(promise: Promise, played: dict[str, Outcome], why_idle: str) -> Verdict:
    if why_idle:
        return Verdict(promise.id, "broken", f"by nobody who does not do the work: {why_idle}", PLAIN)
    found = [(act, why) for act in promise.judges for why in evidence(promise, act, played[act])]
    if found:
        return Verdict(promise.id, "broken", _told(found), found[0][0])
    return Verdict(promise.id, "kept", ", ".join(promise.judges))


def _told(found: Sequence[tuple[str, str]]) -> str:
    by_act: dict[str, list[str]] = {}
    for act, why in found:
        by_act.setdefault(act, []).append(why)
    return "; ".join(f"{act}: {', '.join(whys)}" for act, whys in by_act.items())


def runner_of(words: str) -> str:
    """The runner that a target is checked under, unless told otherwise: asyncio's; for the kit's own, the kit's."""
    return "cancelkit:run" if words in ("cancelkit:run_tasks", "cancelkit.shutdown:run_tasks") else "asyncio:run"


def target_named(words: str, runner: str) -> Target:
    """A target and a runner by their names on a command line; files by their full paths."""
    return Target(_absolute(words), _absolute(runner))


def _absolute(words: str) -> str:
    home, colon, name = words.rpartition(":")
    return f"{Path(home).resolve()}{colon}{name}" if home.endswith(".py") else words
