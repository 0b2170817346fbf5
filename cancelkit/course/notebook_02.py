"""The exercises of notebook 02, on the states of a task."""

from __future__ import annotations

from cancelkit.course.exercises import Exercise
from cancelkit.course.prepared import in_the_part_in_which_it_begins, while_it_acquires
from cancelkit.course.promises import (
    asked_are_cancelled,
    cleanups_finish,
    ends_with,
    jobs_begin,
    none_begins_late,
    nothing_leaks,
)
from cancelkit.course.runs import Promise, Run, under_signals
from cancelkit.lab import Outcome


def _goodbyes_of(*names: str, hint: str) -> Promise:
    """The server hears the goodbye of each of these."""

    def evidence(outcome: Outcome) -> str:
        heard = sorted(visit.job for visit in outcome.visits if visit.farewell == "goodbye")
        return "" if {*names} <= {*heard} else f"it hears that of {' and '.join(heard) or 'nobody'}"

    return Promise(f"the server hears the goodbye of {' and '.join(names)}", evidence, hint)


def _lock_is_gone(hint: str) -> Promise:
    """No temporary file is there when the program has ended."""

    def evidence(outcome: Outcome) -> str:
        return "it is still there" if any(leak.kind == "temporary file" for leak in outcome.leaks) else ""

    return Promise("the lock is removed in the end", evidence, hint)


def _who_begins_cleans_up(hint: str) -> Promise:
    """Whoever has begun finishes its cleanup."""

    def evidence(outcome: Outcome) -> str:
        lost = [job.name for job in outcome.timeline.jobs if job.begun is not None and job.cleanup_finished is None]
        return f"{', '.join(lost)} began, and did not" if lost else ""

    return Promise("if the task begins, its cleanup finishes", evidence, hint)


_IS_INTERRUPTED = ends_with(-2, 130, hint="Let the exception go on: nobody is to hide that it was interrupted.")
_OF_SOURCE = "Where does the `try` begin, and where does it wait now?"
_OF_BOTH = "What it holds is to be cleaned up on this way as well, each once."
_GO_ON = "The task was asked to end: let its CancelledError go on when it has cleaned up."

EXERCISES = (
    Exercise(
        "02.1",
        under_signals(
            while_it_acquires(
                "one Ctrl-C while it gets hold of the source",
                "source",
                "`acquire` waits as well, and half of it is there by then: the file. Is it inside the `try`?",
            ),
            Run(
                "one Ctrl-C while it holds the source, and waits for the target",
                "holding=1",
                (
                    _goodbyes_of("source", hint=_OF_SOURCE),
                    nothing_leaks("What it holds at that `await` it owes, whether it has everything yet or not."),
                    asked_are_cancelled("the task ends as cancelled", _GO_ON),
                ),
            ),
            Run(
                "one Ctrl-C while it holds both, and works",
                "holding=2",
                (
                    _goodbyes_of("source", "target", hint=_OF_BOTH),
                    nothing_leaks(_OF_BOTH),
                    asked_are_cancelled("the task ends as cancelled", _GO_ON),
                ),
            ),
            Run(
                "no signal",
                "",
                (_goodbyes_of("source", "target", hint=_OF_BOTH), ends_with(0, hint="It is to end without an error.")),
            ),
            hints={1: "Keep the order: first the source, and then the target. The signal comes between the two."},
        ),
    ),
    Exercise(
        "02.2",
        in_the_part_in_which_it_begins(
            "new",
            (
                jobs_begin(2, "Without a signal the new one is to begin. What does it wait for, and does that come?"),
                ends_with(0, hint="It is to end without an error."),
            ),
            (
                none_begins_late(
                    "Its next step is in the loop's queue at the signal, and comes after it. Where might it lead? "
                    "To wait for a turn or for some time is no help: the signal can come right after that."
                ),
                ends_with(-2, 130, hint="Let the cancellation go on."),
            ),
        ),
    ),
    Exercise(
        "02.3",
        under_signals(
            Run(
                "two Ctrl-C while main computes",
                'output="asked to end: 0" then output="asked to end: 1"',
                (
                    _lock_is_gone(
                        "No line of the task runs. Who is told of its end, in whatever way it ends? "
                        "And if main waits for it in a `finally`: what comes to main there?"
                    ),
                    _who_begins_cleans_up("What has begun needs the lock to its end, and has to be waited for."),
                    _IS_INTERRUPTED,
                ),
                arguments=("computes",),
            ),
            Run(
                "one Ctrl-C while the task works",
                "begun=1",
                (
                    cleanups_finish(1, "The task needs the lock to its end. How long is it there?"),
                    _lock_is_gone("Who is told that the task has ended, and could remove the lock?"),
                    _IS_INTERRUPTED,
                ),
            ),
        ),
    ),
)
