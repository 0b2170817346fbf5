"""The exercises of notebook 09, on Ctrl-C at every point."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cancelkit.course.exercises import Exercise, Judge, Verdict
from cancelkit.errors import CancelkitError
from cancelkit.sweep import Sweep, program_at, sweep
from cancelkit.sweep.verdicts import HUNG, INTERRUPTED, LATE, LOST, SWALLOWED, WRONG_EXIT
from cancelkit.trace.builder import timeline_of

_SAMPLE = 200
"""Pairs that are tried."""

_UNDER = {1: "one Ctrl-C at every point", 2: f"two Ctrl-C at {_SAMPLE} pairs of points"}

_SAFE, _ENDS, _NONE_LATE = "no cleanup is lost or interrupted", "it never hangs", "no job begins after the signal"
_HONEST = "the interrupt is not swallowed, and the exit status is the signal's"
_PROMISES = {_SAFE: (LOST, INTERRUPTED), _ENDS: (HUNG,), _NONE_LATE: (LATE,), _HONEST: (SWALLOWED, WRONG_EXIT)}


@dataclass(frozen=True)
class _Wanted:
    """What an answer has to do, and what might help if it does not.

    Attributes:
        held: what it declares to hold, in order, if nobody interrupts it.
        hint: if it does not.
        hints: for promises, in their order.
    """

    held: tuple[str, ...]
    hint: str
    hints: Mapping[str, str]


def _swept(signals: tuple[int, ...], wanted: _Wanted) -> Judge:
    """A judge that sweeps an answer, with so many signals in each run."""

    def judge(program: Path) -> Iterator[Verdict]:
        for number in signals:
            try:
                swept = sweep(
                    program_at(program), level="step", signals=number, sample=None if number == 1 else _SAMPLE
                )
            except CancelkitError as error:
                why = str(error).replace(str(program), "it")
                yield Verdict(
                    _UNDER[number], "it can be swept", why, "First have it end by itself, without any signal."
                )
                return
            yield from _verdicts(swept, number, wanted)

    return judge


def _verdicts(swept: Sweep, signals: int, wanted: _Wanted) -> Iterator[Verdict]:
    under = _UNDER[signals]
    if signals == 1:
        reports = [event.detail for event in swept.survey.events if event.kind == "report"]
        held = tuple(str(report["job"]) for report in reports if report["what"] == "holding")
        ended = {lane.name: str(lane.end) for lane in timeline_of(swept.survey.events).lanes}
        failed = [name for name, end in ended.items() if end != "finished"]
        seen = f"it holds {', '.join(held) or 'nothing'}" if held != wanted.held else ""
        seen = seen or (f"{', '.join(failed)} did not finish" if failed else "")
        yield Verdict(
            under, f"without a signal it holds {', '.join(wanted.held)}, and all tasks finish", seen, wanted.hint
        )
    for promise, words in _PROMISES.items():
        yield Verdict(under, promise, _evidence(swept, words), wanted.hints[promise])


def _evidence(swept: Sweep, words: tuple[str, ...]) -> str:
    """Where a Ctrl-C has one of these verdicts; in how many runs, and at which pairs, differs between Pythons."""
    found = [each for each in swept.unsafe if each.verdict in words]
    if swept.signals > 1:
        return "it is, at some pairs" if found else ""
    lines = sorted({each.line for each in found if each.file == swept.program.path})
    elsewhere = any(each.file != swept.program.path for each in found)
    places = [f"line {line}" for line in lines] + ["lines that are not yours"] * elsewhere
    return f"it is at {', '.join(places)}" if places else ""


EXERCISES = (
    Exercise(
        "09.1",
        _swept(
            (1,),
            _Wanted(
                ("a seat",),
                "Keep the `with holding`, the second of work, and the way out in three steps.",
                {
                    _SAFE: "Which line is before the `try`? What keeps a cancellation out of those in the `finally`?",
                    _ENDS: "Every wait has to end: by what it waits for, or by a cancellation.",
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
                ("a seat",),
                "Keep the `with holding`, the second of work, and the way out in two steps.",
                {
                    _SAFE: "`finish` answers a cancellation. Who answers the second Ctrl-C, and with what?",
                    _ENDS: "A KeyboardInterrupt can stop the loop just after it has taken a callback from its queue. "
                    "Who can keep the signal to itself?",
                    _NONE_LATE: "Who hands out the places has to be who is cancelled.",
                    _HONEST: "Let the cancellation go on when the cleanup is done.",
                },
            ),
        ),
    ),
)
