"""Experiments: a program, the moments and signals, a deadline; and the outcome, what came of it."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cancelkit.errors import MomentNotReachedError, UnusableProgramError
from cancelkit.lab.launch import launched
from cancelkit.lab.moments import Moment
from cancelkit.trace.events import Event, in_order, read_events
from cancelkit.trace.states import Counts, State, Tracker
from cancelkit.trace.timeline import Lane, Timeline, timeline_of

_LEFT_OVER = ("was never awaited", "was destroyed but it is pending", "was never retrieved")
"""What asyncio and Python say on stderr of something that was left over."""


@dataclass(frozen=True)
class Experiment:
    """A program to be interrupted.

    Attributes:
        program: the path of a Python program.
        signals: (moment, signal) pairs, in the order in which they are waited for and sent.
        arguments: the program's command line.
        deadline: seconds from the start after which the program is ended, and called hung.
    """

    program: Path | str
    signals: Sequence[tuple[Moment, signal.Signals]]
    arguments: Sequence[str] = ()
    deadline: float = 30.0


@dataclass(frozen=True)
class Outcome:
    """What came of an experiment.

    Attributes:
        experiment: the experiment.
        returncode: the exit status as in `Popen.returncode`: minus the signal's number if one killed the program.
        hung: whether the program had to be ended because its deadline had passed.
        stdout: what it printed.
        stderr: what it complained of.
        events: what its recorder saw, and the signals and the exit as seen from outside, in order.
    """

    experiment: Experiment
    returncode: int
    hung: bool
    stdout: str
    stderr: str
    events: tuple[Event, ...]

    @cached_property
    def timeline(self) -> Timeline:
        """The events as a timeline."""
        return timeline_of(self.events)

    @property
    def ended(self) -> str:
        """How the program ended, in words."""
        if self.hung:
            return "hung and was killed"
        return describe_status(self.returncode)

    @property
    def cleanups_finished(self) -> int:
        """How many jobs reported that their cleanup finished."""
        return sum(job.cleanup_finished is not None for job in self.timeline.jobs)

    @property
    def jobs_begun(self) -> int:
        """How many jobs reported that they have begun."""
        return sum(job.begun is not None for job in self.timeline.jobs)

    @property
    def abandoned(self) -> tuple[Lane, ...]:
        """Tasks that had not ended when the process did."""
        return tuple(lane for lane in self.timeline.lanes if lane.end is State.ABANDONED)

    @property
    def leftovers(self) -> tuple[str, ...]:
        """What was left over, in words: tasks that had not ended, and what Python said of such on stderr."""
        said = [line for line in self.stderr.splitlines() if any(text in line for text in _LEFT_OVER)]
        return (*(f"task {lane.name} had not ended" for lane in self.abandoned), *said)

    def __str__(self) -> str:
        return f"{self.timeline}\nthe program: {self.ended}"


STDERR_LINES_SHOWN = 12
"""How much of a program's stderr an error shows."""


def describe_status(returncode: int) -> str:
    """Put an exit status into words: exited 130, killed by SIGINT."""
    if returncode >= 0:
        return f"exited {returncode}"
    try:
        return f"killed by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"killed by signal {-returncode}"


def perform(experiment: Experiment) -> Outcome:
    """Start the program, send each signal at its moment, and wait for the end.

    Nothing of it is left when this returns or raises, and nothing if this process is killed.

    Raises:
        UnusableProgramError: there is no such file.
        MomentNotReachedError: the program ended or the deadline came before one of the moments did.
    """
    program = Path(experiment.program)
    if not program.is_file():
        what = "is a directory" if program.is_dir() else "does not exist"
        raise UnusableProgramError(f"cannot interrupt {str(program)!r}: it {what}; give the path of a Python program")
    deadline = time.monotonic() + experiment.deadline
    moments = [moment for moment, _ in experiment.signals]
    seen_from_outside: list[Event] = []
    hung = False
    with launched(program, experiment.arguments, moments) as process:
        try:
            for message in process.messages(deadline):
                number = message["reached"]
                signum = experiment.signals[number - 1][1]
                seen_from_outside.append(Event(process.send(signum), "signal", None, {"name": signum.name}))
                process.let_go(number)
        except TimeoutError:
            hung = True
            process.end()
        # None: it was not even started when the deadline passed; leaving this block kills it.
        returncode = -signal.SIGKILL if process.returncode is None else process.returncode
        seen_from_outside.append(Event(time.monotonic_ns(), "exit", None, {"status": returncode}))
        outcome = Outcome(
            experiment,
            returncode,
            hung,
            process.output["stdout"].decode(errors="replace"),
            process.output["stderr"].decode(errors="replace"),
            in_order([*read_events(process.record()), *seen_from_outside]),
        )
    if len(seen_from_outside) <= len(moments):
        raise MomentNotReachedError(_why_not_reached(outcome, moments[len(seen_from_outside) - 1]))
    return outcome


def _why_not_reached(outcome: Outcome, moment: Moment) -> str:
    happened = "did not end" if outcome.hung else f"ended ({outcome.ended})"
    limit = f" within {outcome.experiment.deadline:g} s" if outcome.hung else ""
    waits = (Counts(**event.detail["counts"]) for event in outcome.events if event.kind == "waiting")
    seen = "; ".join(dict.fromkeys(map(str, waits))) or "none: it never waited in an asyncio event loop"
    lines = [
        f"{outcome.experiment.program} {happened}{limit}, and the moment {moment} had not come.",
        f"States seen while its loop was waiting: {seen}.",
    ]
    if _held_between_waits(outcome.events, moment):
        lines.append("The moment came between two callbacks of the loop, where no idle program can be found.")
    complaint = outcome.stderr.strip().splitlines()[-STDERR_LINES_SHOWN:]
    lines += (
        ["The end of its stderr:", *(f"    {line}" for line in complaint)] if complaint else ["Its stderr is empty."]
    )
    return "\n".join(lines)


def _held_between_waits(events: Sequence[Event], moment: Moment) -> bool:
    tracker = Tracker()
    for event in events:
        tracker.feed(event)
        if moment.holds(tracker.counts()):
            return True
    return False
