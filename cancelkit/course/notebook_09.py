"""The exercises of notebook 09, on Ctrl-C at every point."""

from __future__ import annotations

import linecache
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cancelkit import shutdown
from cancelkit.course.exercises import Exercise, Judge, Verdict
from cancelkit.errors import CancelkitError
from cancelkit.sweep import Sweep, Unsafe, program_at, sweep
from cancelkit.sweep.verdicts import CRASHED, HUNG, INTERRUPTED, LATE, LOST, SWALLOWED, UNRESOLVED, WRONG_EXIT
from cancelkit.trace.builder import timeline_of
from cancelkit.trace.events import Event

_SAMPLE = 200
"""Pairs that are tried."""

_UNDER = {1: "one Ctrl-C at every point", 2: f"two Ctrl-C at {_SAMPLE} pairs of points"}

_SAFE, _NONE_LATE = "no cleanup is lost or interrupted", "no job begins after the signal"
_ENDS = "it never hangs, and never breaks off"
_HONEST = "the interrupt is not swallowed, and the exit status is the signal's"
_PROMISES = {
    _SAFE: (LOST, INTERRUPTED, UNRESOLVED),
    _ENDS: (HUNG, CRASHED),
    _NONE_LATE: (LATE,),
    _HONEST: (SWALLOWED, WRONG_EXIT),
}


_BELOW_FINISH = (
    "`finish` lets the cancellation go on when its cleanup is done: is what stands below it reached? All that belongs "
    "to the cleanup has to be inside."
)


@dataclass(frozen=True)
class _Wanted:
    """What an answer has to do, and what might help if it does not.

    Attributes:
        held: what it declares to hold, in order, if nobody interrupts it, and for how many seconds at least.
        hint: if it does not.
        hints: for promises, in their order.
        hints_twice: others, where there are two signals.
    """

    held: Mapping[str, float]
    hint: str
    hints: dict[str, str]
    hints_twice: dict[str, str] = field(default_factory=dict)


def _swept(signals: tuple[int, ...], wanted: _Wanted) -> Judge:
    """A judge that sweeps an answer, with so many signals in each run."""

    def judge(program: Path) -> Iterator[Verdict]:
        for number in signals:
            try:
                sample = None if number == 1 else _SAMPLE
                swept = sweep(program_at(program), level="step", signals=number, sample=sample)
            except CancelkitError as error:
                why, hint = str(error).replace(str(program), "it"), "First have it end by itself, without any signal."
                yield Verdict(_UNDER[number], "it can be swept", why, hint)
                return
            yield from _verdicts(swept, number, wanted)

    return judge


def _verdicts(swept: Sweep, signals: int, wanted: _Wanted) -> Iterator[Verdict]:
    under = _UNDER[signals]
    if signals == 1:
        does = f"without a signal it holds {', '.join(wanted.held)}, at work and on the way out, and all tasks finish"
        yield Verdict(under, does, _undone(swept.survey.events, wanted.held), wanted.hint)
    hints = wanted.hints | wanted.hints_twice if signals > 1 else wanted.hints
    for promise, words in _PROMISES.items():
        found = [each for each in swept.unsafe if each.verdict in words]
        yield Verdict(under, promise, _evidence(swept, found), _hint(swept, found, hints[promise]))


def _undone(events: Sequence[Event], wanted: Mapping[str, float]) -> str:
    """What is not done by an answer that nobody interrupts, in words; the sweep's clock tells how long things take."""
    times: dict[str, dict[str, int]] = {"holding": {}, "cleanup finished": {}}
    for event in events:
        if event.kind == "report" and event.detail["what"] in times:
            times[str(event.detail["what"])].setdefault(str(event.detail["job"]), event.time)
    taken, given_back = times.values()
    if tuple(taken) != tuple(wanted):
        return f"it holds {', '.join(taken) or 'nothing'}"
    for name, seconds in wanted.items():
        if given_back.get(name, math.inf) - taken[name] < seconds * 1e9 - 1e6:  # a step takes a moment
            return f"it gives back {name} too early"
    failed = [lane.name for lane in timeline_of(events).lanes if lane.end != "finished"]
    return f"{', '.join(failed)} did not finish" if failed else ""


def _evidence(swept: Sweep, found: Sequence[Unsafe]) -> str:
    """Where a Ctrl-C does harm; in how many runs, and at which pairs, differs between Pythons."""
    if swept.signals > 1:
        return "at some pairs of points" if found else ""
    lines = sorted({each.line for each in found if each.file == swept.program.path})
    others = sorted({_other_place(each) for each in found if each.file != swept.program.path})
    places = [*(f"line {line}" for line in lines), *others]
    return f"at {', '.join(places)}" if places else ""


def _other_place(unsafe: Unsafe) -> str:
    """A line that is not the answer's, as a reader may know it."""
    if not unsafe.file:
        return "places that nobody can name, for the process has gone"
    if not unsafe.is_own:
        return "a line of CPython itself"
    text = linecache.getline(unsafe.file, unsafe.line).partition("#")[0].strip()
    return f"a line of {'/'.join(Path(unsafe.file).parts[-2:])}: {text}"


def _hint(swept: Sweep, found: Sequence[Unsafe], hint: str) -> str:
    """What might help. Harm that comes while `finish` waits is done by what its caller has written below it."""
    hints = [hint] if swept.signals > 1 or any(each.file != shutdown.__file__ for each in found) else []
    if swept.signals == 1 and any(each.file == shutdown.__file__ for each in found):
        hints.append(_BELOW_FINISH)
    return " ".join(hints or [hint])


EXERCISES = (
    Exercise(
        "09.1",
        _swept(
            (1,),
            _Wanted(
                {"a seat": 1.2},
                "Keep the `with holding`, the second of work, and the way out in three steps.",
                {
                    _SAFE: "Which line is before the `try`? What keeps a cancellation out of those in the `finally`, "
                    "and waits for them?",
                    _ENDS: "Every wait has to end: by what it waits for, or by a cancellation. Who calls `os._exit` "
                    "cleans up nothing.",
                    _NONE_LATE: "Let cancelkit.run_tasks start the job.",
                    _HONEST: "Let the cancellation go on, and cancelkit.run make the exit status of it.",
                },
            ),
        ),
    ),
    Exercise(
        "09.2",
        _swept(
            (1, 2),
            _Wanted(
                {"a seat": 1.1},
                "Keep the `with holding`, the second of work, and the way out in two steps.",
                {
                    _SAFE: "What keeps a cancellation out of the cleanup, and waits for it?",
                    _ENDS: "A KeyboardInterrupt can stop the loop just after it has taken a callback from its queue. "
                    "Who can keep the signal to itself?",
                    _NONE_LATE: "Who hands out the places has to be who is cancelled.",
                    _HONEST: "Let the cancellation go on when the cleanup is done.",
                },
                {_SAFE: "`finish` answers a cancellation. Who answers the second Ctrl-C, and with what?"},
            ),
        ),
    ),
    Exercise(
        "09.3",
        _swept(
            (1,),
            _Wanted(
                {"a file": 1.2, "a seat": 1.1},
                "Keep both `with holding`, the file first, the waits, and a way out for each.",
                {
                    _SAFE: "Who gives the file back while there is no seat yet? Is each way back inside a `finish`?",
                    _ENDS: "Every wait has to end: by what it waits for, or by a cancellation. Who calls `os._exit` "
                    "cleans up nothing.",
                    _NONE_LATE: "Let cancelkit.run_tasks start the job.",
                    _HONEST: "Let the cancellation go on, and cancelkit.run make the exit status of it.",
                },
            ),
        ),
    ),
)
