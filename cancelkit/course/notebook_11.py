"""The exercises of notebook 11, on debugging."""

from __future__ import annotations

from cancelkit.course.exercises import Exercise
from cancelkit.course.promises import asked_are_cancelled, ends_with, prints, prints_in_order
from cancelkit.course.runs import Promise, Run, under_signals
from cancelkit.lab import Outcome

PUBLISHED = "upload: published"

_CLEANS_UP = prints("upload: cleaned up", "Whatever happens, upload is to say once that it has cleaned up.")


def _never_prints(text: str, promise: str, hint: str) -> Promise:
    """A line is not printed."""

    def evidence(outcome: Outcome) -> str:
        return f"{text!r} was printed" if text in outcome.stdout.splitlines() else ""

    return Promise(promise, evidence, hint)


def _names(under: str, jobs: str, names: str, hint: str) -> Run:
    """Jobs, as words of the command line; a Ctrl-C when three of them wait; who is to be named after it."""
    return Run(
        under,
        "active=3,ended=1",
        [prints_in_order(f"asked, and not cancelled: {names}", hint=hint)],
        arguments=jobs.split(),
    )


EXERCISES = (
    Exercise(
        "11.1",
        under_signals(
            Run(
                "one Ctrl-C while upload waits for an answer",
                "active=1",
                (
                    asked_are_cancelled(
                        "whoever is asked to end ends as cancelled",
                        "What does the exception meet between the `await` and the end of upload? "
                        "There are two who may keep it.",
                    ),
                    _CLEANS_UP,
                    ends_with(-2, 130, hint="Nobody is to hide that it was interrupted: let asyncio.run say so."),
                ),
            ),
            Run(
                "no signal, and the server refuses the request",
                "",
                (
                    _CLEANS_UP,
                    ends_with(0, hint="A server that refuses is to do no harm: say which exceptions may be kept."),
                ),
                arguments=["--refuse"],
            ),
        ),
    ),
    Exercise(
        "11.2",
        under_signals(
            _names(
                "one Ctrl-C; login has ended, and upload keeps its cancellation",
                "login quick download obeys index obeys upload keeps",
                "upload",
                "Two things have to be true of a task: it was asked to end, and did not end as cancelled. If nothing "
                "is printed: is there a question that a cancelled task answers with an exception?",
            ),
            _names(
                "one Ctrl-C; login has ended, download keeps its cancellation, and index fails because of it",
                "login quick download keeps index fails upload obeys",
                "download index",
                "Asked, and not cancelled: how it ended instead does not matter, whether well or with an error.",
            ),
            _names(
                "one Ctrl-C; login has ended, and all others obey",
                "login quick download obeys index obeys upload obeys",
                "nobody",
                "Nobody is to be named: those who were asked ended as cancelled, and login was not asked.",
            ),
        ),
    ),
    Exercise(
        "11.3",
        under_signals(
            Run(
                "one Ctrl-C while the pulse says goodbye",
                'output="pulse: says goodbye"',
                (
                    _never_prints(
                        PUBLISHED,
                        "nothing is published after the signal",
                        "While upload waits for pulse, either of them can be cancelled. "
                        "Whose CancelledError is it that is kept?",
                    ),
                    prints(
                        "pulse: is gone",
                        "`await` and gather hand a cancellation down to what they wait for; asyncio.wait does not. "
                        "But who waits when upload has left? The kit has a function that runs a cleanup to its end.",
                    ),
                    ends_with(-2, 130, hint="Somebody has kept the interrupt: it is to go on to asyncio.run."),
                ),
            ),
            Run(
                "no signal",
                "",
                (
                    prints_in_order(
                        "pulse: says goodbye",
                        "pulse: is gone",
                        PUBLISHED,
                        hint="End the pulse, wait until it is gone, and only then publish.",
                    ),
                    ends_with(0, hint="It is to end without an error."),
                ),
            ),
        ),
    ),
)
