"""The exercises of notebook 01, on what Ctrl-C does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from signal import SIGINT, SIGTERM

from cancelkit.course.exercises import Exercise, Judge, Verdict
from cancelkit.course.promises import ends_with, prints
from cancelkit.course.runs import Promise, Run, under_signals
from cancelkit.lab import Outcome

_WAITS = 'output="main: waits",active=0'


def _main_is_cancelled(hint: str) -> Promise:
    """A CancelledError is raised in the main task."""

    def evidence(outcome: Outcome) -> str:
        marks = (mark.what for lane in outcome.timeline.lanes if lane.is_main for mark in lane.marks)
        return "" if "cancel delivered" in marks else "no CancelledError came to it"

    return Promise("main is cancelled", evidence, hint)


def _complains_of(error: str, hint: str) -> Promise:
    """The last line on stderr is of this error; or there is none, for an empty one."""

    def evidence(outcome: Outcome) -> str:
        last = (outcome.stderr.strip().splitlines() or [""])[-1]
        if last.startswith(error) if error else not last:
            return ""
        return f"the last line is {last!r}" if last else "there is nothing"

    return Promise(f"a traceback of {error} on stderr" if error else "nothing on stderr", evidence, hint)


def _with_hint(hint: str, judge: Judge) -> Judge:
    """The judge, with a hint of its own for a process that has ended itself by a signal that nobody had sent."""

    def judge_again(program: Path) -> Iterator[Verdict]:
        for verdict in judge(program):
            is_by_another = verdict.evidence.endswith("nobody had sent")
            yield verdict._replace(promise=_BY_NO_OTHER, hint=hint) if is_by_another else verdict

    return judge_again


_BY_NO_OTHER = "no signal ends it but the one that was sent"
_GOODBYE = prints("main: says goodbye", "Whatever comes of it, main is to try to say goodbye, once.")
_CLEANED_UP = "main: has cleaned up"

EXERCISES = (
    Exercise(
        "01.1",
        under_signals(
            Run(
                "one Ctrl-C while main waits",
                _WAITS,
                (
                    _GOODBYE,
                    ends_with(
                        -SIGINT,
                        130,
                        hint="If it is 1: which exception leaves main, and whose place did it take? "
                        "If it is 0: who catches the interrupt, and what does the world hear then?",
                    ),
                ),
                arguments=("60",),
            ),
            Run(
                "no signal",
                "",
                (_GOODBYE, ends_with(0, hint="A goodbye that fails is nobody's loss: it is not to fail the work.")),
                arguments=("0",),
            ),
            Run(
                "no signal, and the work fails",
                "",
                (_GOODBYE, ends_with(1, hint="An error of the work is to be heard: say which exceptions you catch.")),
                arguments=("soon",),
            ),
        ),
    ),
    Exercise(
        "01.2",
        _with_hint(
            "It was SIGTERM that came. What could be raised instead of a KeyboardInterrupt?",
            under_signals(
                Run(
                    "one SIGTERM while main waits",
                    _WAITS,
                    (
                        _main_is_cancelled("SIGTERM needs a handler, and somebody has to ask main to end."),
                        prints(_CLEANED_UP, "The process is to end when the cleanup has ended, and not before."),
                        ends_with(143, -SIGTERM, hint="Which exception has a status in it?"),
                    ),
                    SIGTERM,
                    arguments=("60",),
                ),
                Run(
                    "one Ctrl-C while main waits",
                    _WAITS,
                    (
                        prints(_CLEANED_UP, "Ctrl-C did this before. Leave it as it was."),
                        ends_with(-SIGINT, 130, hint="It was SIGINT this time, and that is to be heard."),
                    ),
                    arguments=("60",),
                ),
                Run(
                    "no signal",
                    "",
                    (
                        prints(_CLEANED_UP, "Main is to clean up on a good day as well."),
                        ends_with(0, hint="Without a signal there is nothing to report."),
                    ),
                    arguments=("0",),
                ),
            ),
        ),
    ),
    Exercise(
        "01.3",
        under_signals(
            Run(
                "one Ctrl-C while main waits",
                _WAITS,
                (
                    ends_with(
                        -SIGINT, hint="The process has to end itself by the signal. Which program in the notebook does?"
                    ),
                    _complains_of("", "An exception that nobody catches is printed. How else can a process end?"),
                    prints(_CLEANED_UP, "Main is to clean up before the process ends. Leave that as it was."),
                ),
                arguments=("60",),
            ),
            Run(
                "no signal, and the work fails",
                "",
                (
                    ends_with(1, hint="Only an interrupt is to be quiet."),
                    _complains_of("ValueError", "Only an interrupt is to be quiet: an error is to be seen."),
                ),
                arguments=("soon",),
            ),
        ),
    ),
)
