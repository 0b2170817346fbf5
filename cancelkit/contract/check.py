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
from cancelkit.lab.performing import perform, perform_all
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
    _check_usable(target)
    (plain,) = perform_all([ACTS[PLAIN].experiment(target)], may_miss=True)
    if idle := next(not_at_work(plain), ""):
        why = f"by nobody who does not do the work: {idle}"
        return Report(target, tuple(Verdict(p.id, "broken", why, PLAIN) for p in promises), {PLAIN: plain})
    wanted = {act for promise in promises for act in promise.judges} - {PLAIN}
    names = [name for name in ACTS if name in wanted]
    outcomes = perform_all([ACTS[name].experiment(target) for name in names], at_once=AT_ONCE, may_miss=True)
    played = {PLAIN: plain, **dict(zip(names, outcomes, strict=True))}
    return Report(target, tuple(_verdict(promise, played) for promise in promises), played)


def _check_usable(target: Target) -> None:
    loaded = perform(Experiment(STAGE, [], ["--load", *target[:2], "1", "short"], deadline=_SECONDS_TO_LOAD))
    if loaded.hung:
        limit = f"{_SECONDS_TO_LOAD:g} s"
        raise UnusableTargetError(f"{target.run_tasks} cannot be used: to import it takes longer than {limit}")
    if "loaded" not in loaded.stdout.splitlines():
        why = (loaded.stderr.strip().splitlines() or [f"to import it {loaded.ended}"])[-1]
        raise UnusableTargetError(f"{target.run_tasks} under {target.runner} cannot be used: {why}")


def _verdict(promise: Promise, played: dict[str, Outcome]) -> Verdict:
    found = [(act, why) for act in promise.judges for why in evidence(promise, act, played[act])]
    if found:
        return Verdict(promise.id, "broken", _told(found), found[0][0])
    return Verdict(promise.id, "kept", ", ".join(promise.judges))


def _told(found: Sequence[tuple[str, str]]) -> str:
    by_act: dict[str, list[str]] = {}
    for act, why in found:
        by_act.setdefault(act, []).append(why)
    return "; ".join(f"{act}: {', '.join(whys)}" for act, whys in by_act.items())


def target_named(words: str, runner: str) -> Target:
    """A target and a runner by their names on a command line; files by their full paths."""
    return Target(_absolute(words), _absolute(runner))


def _absolute(words: str) -> str:
    home, colon, name = words.rpartition(":")
    return f"{Path(home).resolve()}{colon}{name}" if home.endswith(".py") else words
