"""Experiments: a program, the moments and signals, a deadline; and the outcome, what came of it."""

from __future__ import annotations

import math
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cancelkit.errors import CancelkitError, MomentNotReachedError, UnusableProgramError
from cancelkit.lab.interrupts import HeldInterrupts
from cancelkit.lab.launch import DeadlinePassed, Launched, SupervisorLost, launched
from cancelkit.lab.moments import Moment
from cancelkit.trace.builder import timeline_of
from cancelkit.trace.events import Event, in_order
from cancelkit.trace.states import Counts, State, Tracker
from cancelkit.trace.timeline import Lane, Timeline

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

    Raises:
        CancelkitError: one of these is of no use.
    """

    program: Path | str
    signals: Sequence[tuple[Moment, signal.Signals]]
    arguments: Sequence[str] = ()
    deadline: float = 30.0

    def __post_init__(self) -> None:
        if not 0 < self.deadline < math.inf:
            raise CancelkitError(f"deadline is {self.deadline!r}; it must be a number of seconds above 0")
        if isinstance(self.arguments, str) or not all(isinstance(word, str) for word in self.arguments):
            raise CancelkitError(f"arguments is {self.arguments!r}; it must be a sequence of strings")
        for pair in self.signals:
            match pair:
                case (Moment(), signal.Signals()):
                    continue
            raise CancelkitError(
                f"{pair!r} is not a moment and a signal, as in (Moment.parse('active=2'), signal.SIGINT)"
            )


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


STDERR_LINES_SHOWN, STDERR_WIDTH_SHOWN = 20, 400
"""How much of a program's stderr an error shows: so many lines, and so many characters of each."""

STATES_SHOWN = 20
"""How many of the last states that were seen an error shows."""


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

    Nothing of it is left when this returns or raises, and nothing if this process is killed. Ctrl-C ends it early.

    Raises:
        UnusableProgramError: there is no such file, or it cannot be started.
        MomentNotReachedError: the program ended or the deadline came before one of the moments did.
        CancelkitError: the process that watches over the program was killed.
    """
    _check_is_file(Path(experiment.program))
    moments = [moment for moment, _ in experiment.signals]
    with (
        HeldInterrupts() as interrupts,
        launched(experiment.program, experiment.arguments, moments) as process,
        interrupts.let_in(),
    ):
        outcome = _attend(process, experiment)
    sent = len(outcome.timeline.signals)
    if sent < len(moments):
        raise MomentNotReachedError(_why_not_reached(outcome, moments[sent]))
    return outcome


def _check_is_file(program: Path) -> None:
    if not program.is_file():
        what = "is a directory" if program.is_dir() else "is no file" if program.exists() else "does not exist"
        raise UnusableProgramError(f"cannot interrupt {str(program)!r}: it {what}; give the path of a Python program")


def _attend(process: Launched, experiment: Experiment) -> Outcome:
    """Send each signal at its moment, see the program to its end, and collect what there is."""
    deadline = time.monotonic() + experiment.deadline
    seen_from_outside: list[Event] = []
    hung = False
    try:
        for message in process.messages(deadline):
            if "lost" in message:
                raise CancelkitError(
                    f"{experiment.program} cannot be followed: its record could not be kept ({message['lost']}); "
                    f"make room in {tempfile.gettempdir()}, or point TMPDIR elsewhere"
                )
            number = message["reached"]
            signum = experiment.signals[number - 1][1]
            seen_from_outside.append(Event(process.send(signum), "signal", None, {"name": signum.name}))
            process.let_go(number)
    except DeadlinePassed:
        hung = True
        process.end()
    except SupervisorLost:
        raise _lost(process, experiment) from None
    # None: it was not even started when the deadline passed; leaving the context of the launch kills it.
    returncode = -signal.SIGKILL if process.returncode is None else process.returncode
    seen_from_outside.append(Event(time.monotonic_ns(), "exit", None, {"status": returncode}))
    return Outcome(
        experiment,
        returncode,
        hung,
        process.output["stdout"].text(),
        process.output["stderr"].text(),
        in_order([*process.events(), *seen_from_outside]),
    )


def _lost(process: Launched, experiment: Experiment) -> CancelkitError:
    if process.pid is not None:
        return CancelkitError(f"{experiment.program} was ended: somebody killed the process that watches over it")
    complaint = _end_of(process.output["stderr"].text())
    return UnusableProgramError(
        f"{sys.executable} ended before it came to {experiment.program}: is it a Python that runs?\n{complaint}"
    )


def _why_not_reached(outcome: Outcome, moment: Moment) -> str:
    happened = "did not end" if outcome.hung else f"ended ({outcome.ended})"
    limit = f" within {outcome.experiment.deadline:g} s" if outcome.hung else ""
    lines = [
        f"{outcome.experiment.program} {happened}{limit}, and the moment {moment} had not come.",
        f"States seen while its loop was waiting: {_states_seen(outcome.events, moment)}.",
    ]
    if _held_between_waits(outcome.events, moment):
        lines.append("The moment came between two callbacks of the loop, where no idle program can be found.")
    return "\n".join([*lines, _end_of(outcome.stderr)])


def _states_seen(events: Sequence[Event], moment: Moment) -> str:
    """The different counts in the order in which they were first seen; those that jobs reported if it is about them."""
    waits = (Counts(**event.detail["counts"]) for event in events if event.kind == "waiting")
    about = [name for name, _ in moment.conditions]
    seen = list(dict.fromkeys(counts.describe(about) for counts in waits))
    if len(seen) > STATES_SHOWN:
        seen[:-STATES_SHOWN] = [f"({len(seen) - STATES_SHOWN} others)"]
    return "; ".join(seen) or "none: it never waited in an asyncio event loop"


def _end_of(stderr: str) -> str:
    lines = stderr.strip().splitlines()[-STDERR_LINES_SHOWN:]
    if not lines:
        return "Its stderr is empty."
    return "\n".join(["The end of its stderr:", *(f"    {line[:STDERR_WIDTH_SHOWN]}" for line in lines)])


def _held_between_waits(events: Sequence[Event], moment: Moment) -> bool:
    tracker = Tracker()
    for event in events:
        tracker.feed(event)
        if moment.holds(tracker.counts()):
            return True
    return False
