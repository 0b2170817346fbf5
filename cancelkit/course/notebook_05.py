"""The exercises of notebook 05, on signal handlers."""

from __future__ import annotations

from signal import SIGHUP, SIGINT, SIGTERM

from cancelkit.course.exercises import Exercise
from cancelkit.course.promises import cleanups_finish, ends_with, jobs_begin, none_begins_late
from cancelkit.course.runs import Promise, Run, under_signals
from cancelkit.lab import Outcome
from cancelkit.trace.timeline import Lane


def _requests(lane: Lane) -> list[int]:
    """When a task was asked to end."""
    return [mark.time for mark in lane.marks if mark.what == "cancel requested"]


def _nobody_is_cancelled_at_the_first(hint: str) -> Promise:
    """No task is asked to end until the second signal has come."""

    def evidence(outcome: Outcome) -> str:
        second = outcome.timeline.signals[1].time
        asked = [lane.name for lane in outcome.timeline.lanes if any(time < second for time in _requests(lane))]
        return f"{', '.join(asked)} was cancelled" if asked else ""

    return Promise("nobody is cancelled at the first signal", evidence, hint)


def _somebody_is_cancelled_at_the_second(hint: str) -> Promise:
    """A task is asked to end after the second signal has come."""

    def evidence(outcome: Outcome) -> str:
        second = outcome.timeline.signals[1].time
        is_asked = any(time > second for lane in outcome.timeline.lanes for time in _requests(lane))
        return "" if is_asked else "nobody was"

    return Promise("who is still at work is cancelled at the second", evidence, hint)


def _nothing_runs_after_the_third(hint: str) -> Promise:
    """No task ends after the third signal: they are left where they stand."""

    def evidence(outcome: Outcome) -> str:
        third = outcome.timeline.signals[2].time
        lanes = [lane for lane in outcome.timeline.lanes if lane not in outcome.abandoned]
        ended = [lane.name for lane in lanes if lane.spans[-1].end > third]
        return f"{', '.join(ended)} went on, and ended" if ended else ""

    return Promise("no task goes on after the third", evidence, hint)


def _readings_end(hint: str) -> Promise:
    """Each reading that has begun comes to its end: the first of them has three parts."""

    def evidence(outcome: Outcome) -> str:
        finished: dict[str, int] = {}
        for job in outcome.timeline.jobs:
            kind, _, rest = job.name.partition("-")
            if kind == "settings":
                number = rest.partition("-")[0]
                finished[number] = finished.get(number, 0) + (job.cleanup_finished is not None)
        parts = {number: 3 if number == "1" else 1 for number in finished}
        lost = [f"of reading {n} {finished[n]} of {parts[n]} parts were" for n in finished if finished[n] < parts[n]]
        return "; ".join(lost)

    return Promise("every reading that has begun is completed", evidence, hint)


EXERCISES = (
    Exercise(
        "05.1",
        under_signals(
            Run(
                "SIGHUP while two jobs work and three are queued",
                "holding=4",
                (
                    jobs_begin(4, "There are seven jobs, two at a time: keep the semaphore, and cancel nobody early."),
                    cleanups_finish(4, "The system ends a process at once by a signal that nobody is registered for."),
                    ends_with(129, -SIGHUP, hint="It is 128 and the number of the signal, when all have ended."),
                ),
                SIGHUP,
            ),
            Run(
                "SIGTERM at the same moment, and then Ctrl-C and SIGHUP while they clean up",
                "holding=4 then halfway=4 then halfway=4",
                (
                    cleanups_finish(4, "A task may be cancelled once. How often has it been asked? It can tell you."),
                    none_begins_late("Cancel all of the tasks at the first signal, those in the queue as well."),
                    ends_with(143, -SIGTERM, hint="Which of the three signals decides why the program ends?"),
                ),
                (SIGTERM, SIGINT, SIGHUP),
            ),
            Run(
                "no signal",
                "",
                (
                    cleanups_finish(7, "Wait for all of the jobs."),
                    ends_with(0, hint="Without a signal there is nothing to report."),
                ),
            ),
        ),
    ),
    Exercise(
        "05.2",
        under_signals(
            Run(
                "SIGHUP while the worker works, and SIGTERM when the settings have been read",
                "begun=1 then cleaned=3",
                (
                    _nobody_is_cancelled_at_the_first("SIGHUP ends nothing. Does the worker have to begin anew?"),
                    jobs_begin(4, "They are the worker and three parts of the settings: one reading."),
                    ends_with(143, -SIGTERM, hint="Which was the first signal that ends the program?"),
                ),
                (SIGHUP, SIGTERM),
            ),
            Run(
                "SIGHUP while the worker works, and Ctrl-C while the settings are read",
                "begun=1 then halfway=1",
                (
                    _nobody_is_cancelled_at_the_first("SIGHUP ends nothing. Does the worker have to begin anew?"),
                    _readings_end(
                        "Whoever starts a task has to wait for it. Who else cancels it, when main has ended?"
                    ),
                    ends_with(130, -SIGINT, hint="Which was the first signal that ends the program?"),
                ),
                (SIGHUP, SIGINT),
            ),
            Run(
                "two SIGHUP while the worker works, and SIGTERM while the settings are read for the first time",
                "begun=1 then holding=1 then at-once",
                (
                    _readings_end(
                        "There may be two readings at a time, and the first to begin may be the last to end."
                    ),
                    ends_with(143, -SIGTERM, hint="Which was the first signal that ends the program?"),
                ),
                (SIGHUP, SIGHUP, SIGTERM),
            ),
            hints={2: "After SIGHUP the worker goes on, and the settings are read: the next signal waits for that."},
        ),
    ),
    Exercise(
        "05.3",
        under_signals(
            Run(
                "Ctrl-C while both copy a record, and another one when job-1 has stopped",
                "holding=2 then cleaned=1,cleanups=1",
                (
                    _nobody_is_cancelled_at_the_first("It is only to ask: set the event."),
                    _somebody_is_cancelled_at_the_second("Cancel the tasks, if it is the second signal."),
                    jobs_begin(2, "A worker that has been asked to stop begins no other record: is the event set?"),
                    cleanups_finish(2, "A task that is cancelled cleans up: it is to be waited for."),
                    ends_with(-SIGINT, 130, hint="Let main raise what it raises, when all tasks have ended."),
                ),
            ),
            Run(
                "and a third one while job-2 cleans up",
                "holding=2 then cleaned=1,cleanups=1 then cleaned=1,halfway=2",
                (
                    cleanups_finish(1, "The third is to end the program, whatever is still being cleaned up."),
                    _nothing_runs_after_the_third(
                        "What does your handler do the third time? To end at once, it gives SIGINT back its default and"
                        " raises it once more (notebook 01, exercise 3). An exception would close the loop first."
                    ),
                    ends_with(-SIGINT, hint="Give SIGINT back its default, and raise it."),
                ),
            ),
            hints={
                2: "The first one only asks: it sets the event, and cancels nobody. The next waits for job-1 to stop.",
                3: "The second one is to cancel who is still at work. The third waits for its cleanup to be halfway.",
            },
        ),
    ),
)
