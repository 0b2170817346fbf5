"""The exercises of notebook 07, on pitfalls."""

from __future__ import annotations

from signal import SIGTERM

from cancelkit.course.exercises import Exercise
from cancelkit.course.promises import (
    cleanups_finish,
    ended_after_main,
    ends_with,
    is_clean,
    jobs_begin,
    who_begins_cleans_up,
)
from cancelkit.course.runs import Promise, Run, under_signals
from cancelkit.lab import Outcome


def _tidies_up_once(hint: str) -> Promise:
    """There is one cleanup, which begins once."""

    def evidence(outcome: Outcome) -> str:
        times = sum(event.kind == "report" and event.detail["what"] == "cleanup begun" for event in outcome.events)
        return "" if times == 1 else f"it begins {times} times" if times else "it does not begin"

    return Promise("the cleanup begins once", evidence, hint)


def _main_ends_last(hint: str) -> Promise:
    """No task ends after the main one."""

    def evidence(outcome: Outcome) -> str:
        later = ended_after_main(outcome)
        return f"main ended before {', '.join(later)}" if later else ""

    return Promise("main ends last, so that nothing is left to the closing loop", evidence, hint)


def _fails_with(error: str, hint: str) -> Promise:
    """The main task ends with this error, not with a group of errors."""

    def evidence(outcome: Outcome) -> str:
        mains = {event.task for event in outcome.events if event.kind == "main"}
        ends = [event.detail for event in outcome.events if event.kind == "ended" and event.task in mains]
        raised = [end.get("error") or end["how"] for end in ends]
        return "" if raised == [error] else f"main ended with {', '.join(raised) or 'nothing'}"

    return Promise(f"main raises the {error} of job-1 itself", evidence, hint)


_RAISE = "What becomes of an exception when its handler has come to its end?"
_HONEST = (
    "If it exits 0: what becomes of an exception when its handler has come to its end? If it exits 1: with which error "
    "does it end? Run it with %%interrupt, and look at the `stderr` of its outcome."
)
_NOBODY_HEARS = (
    "Something is waited for that never comes. After the error of job-1, for example: who hears of that while the "
    "others go on for ever?"
)
_HALF = "Number 4: a cancellation cannot tell work from cleanup, and a shield is half of what is needed."

EXERCISES = (
    Exercise(
        "07.1",
        under_signals(
            Run(
                "no signal, and the work succeeds",
                "",
                (
                    _tidies_up_once("No handler is called when nothing goes wrong: which block is for that way?"),
                    cleanups_finish(1, "On this way, too, the record is to be completed."),
                    ends_with(0, hint="There is nothing to complain of."),
                ),
            ),
            Run(
                "no signal, and the work fails",
                "",
                (
                    _tidies_up_once("Count the places that are passed on this way: there is to be one."),
                    cleanups_finish(1, "On this way, too, the record is to be completed."),
                    ends_with(1, hint=_RAISE),
                ),
                arguments=["--error"],
            ),
            Run(
                "one Ctrl-C while it works",
                "holding=1",
                (
                    _tidies_up_once("Count the places that are passed on this way: there is to be one."),
                    cleanups_finish(1, "Which exception arrives in main at the first Ctrl-C?"),
                    ends_with(-2, 130, hint=_HONEST),
                ),
            ),
        ),
    ),
    Exercise(
        "07.2",
        under_signals(
            Run(
                "one Ctrl-C while two jobs work and two are queued",
                "holding=2",
                (
                    jobs_begin(2, "Keep the semaphore, and let nobody begin after the signal."),
                    cleanups_finish(2, "A job that is cleaning up must not be asked again: how often was it asked?"),
                    _main_ends_last("After the gather, on every way out, somebody has to wait for all of the tasks."),
                    ends_with(-2, 130, hint="Let the cancellation go on to asyncio.run."),
                ),
            ),
            Run(
                "no signal, and job-1 fails",
                "",
                (
                    who_begins_cleans_up("After an error a gather cancels nobody: somebody has to."),
                    _main_ends_last("A gather that raises an error waits for nobody: somebody has to."),
                    _fails_with("ValueError", "A gather without return_exceptions raises it by itself: let it go on."),
                ),
                arguments=["job-1"],
            ),
            hints={0: _NOBODY_HEARS},
        ),
    ),
    Exercise(
        "07.3",
        under_signals(
            Run(
                "one Ctrl-C while both jobs work",
                "holding=2",
                (
                    cleanups_finish(2, "Number 2: the first task that ends completes a gather. Which one is it here?"),
                    _main_ends_last("Number 6: who waits for the end of the jobs?"),
                    is_clean("Run it with %%interrupt, and look at its timeline."),
                ),
                arguments=["60"],
            ),
            Run(
                "one Ctrl-C while both jobs are in their ordinary cleanup",
                "halfway=2",
                (
                    cleanups_finish(2, _HALF),
                    _main_ends_last("Number 6: who waits for the end of the cleanup?"),
                    is_clean("Run it with %%interrupt, and look at its timeline."),
                ),
                arguments=["0.1"],
            ),
            Run(
                "SIGTERM while both jobs work",
                "holding=2",
                (
                    cleanups_finish(2, "Number 3: it is the line to which a test with a timeout never comes."),
                    ends_with(143, -SIGTERM, hint="Who owns the signals?"),
                    is_clean("Run it with %%interrupt, and look at its timeline."),
                ),
                SIGTERM,
                ["60"],
            ),
        ),
    ),
)
