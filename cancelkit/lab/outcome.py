"""Outcomes: what came of an experiment, and what it says of the program."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from cancelkit.lab.server import Visit
from cancelkit.trace.builder import timeline_of
from cancelkit.trace.events import Event
from cancelkit.trace.states import State
from cancelkit.trace.text import printable
from cancelkit.trace.timeline import Lane, Timeline

if TYPE_CHECKING:
    from cancelkit.lab.checklist import Checklist, Verdict
    from cancelkit.lab.experiment import Experiment
    from cancelkit.lab.moments import Moment


_OF_LEFTOVERS = ("never awaited", "never retrieved", "destroyed but pending")


class Leak(NamedTuple):
    """Something that a program still had when it ended.

    Attributes:
        kind: "task", "coroutine", "thread", "child process", "file", "socket", "pipe", "event loop", "temporary file".
        name: which, and what is known of it.
    """

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}"


@dataclass(frozen=True, repr=False)
class Outcome:
    """What came of an experiment.

    It is clean if every verdict of its checklist is "kept" or "not applicable".

    Attributes:
        experiment: the experiment.
        returncode: the exit status as in `Popen.returncode`: minus the signal's number if one killed the program.
        hung: whether the program had to be ended because its deadline had passed.
        stdout: what it printed.
        stderr: what it complained of.
        stacks: where it stood when the deadline had passed.
        events: what its recorder saw, and the signals and the exit as seen from outside, in order.
        left_outside: what it left that can be seen from outside: child processes and temporary files.
        visits: what the workload's server says of each job that came.
    """

    experiment: Experiment
    returncode: int
    hung: bool
    stdout: str
    stderr: str
    stacks: str
    events: tuple[Event, ...]
    left_outside: tuple[Leak, ...] = ()
    visits: tuple[Visit, ...] = ()

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

    @cached_property
    def checklist(self) -> Checklist:
        """Six verdicts on the program, each with its reason."""
        from cancelkit.lab.checklist import checklist_of

        return checklist_of(self)

    @property
    def clean(self) -> bool:
        """Whether every verdict of the checklist is "kept" or "not applicable"."""
        return not self.broken

    @property
    def broken(self) -> tuple[Verdict, ...]:
        """The verdicts that are "broken"."""
        return tuple(verdict for verdict in self.checklist if verdict.verdict == "broken")

    @property
    def cleanups_finished(self) -> int:
        """How many jobs reported that their cleanup finished."""
        return sum(job.cleanup_finished is not None for job in self.timeline.jobs)

    @property
    def jobs_begun(self) -> int:
        """How many jobs reported that they have begun."""
        return sum(job.begun is not None for job in self.timeline.jobs)

    @property
    def missed(self) -> Moment | None:
        """The first moment that had not come when the program ended or its deadline passed; None if all came."""
        unsent = self.experiment.moments[len(self.timeline.signals) :]
        # One that comes at once cannot be missed: the one before has ended the program.
        return unsent[0] if unsent and not unsent[0].is_at_once else None

    @property
    def abandoned(self) -> tuple[Lane, ...]:
        """Tasks that had not ended when the process did."""
        return tuple(lane for lane in self.timeline.lanes if lane.end is State.ABANDONED)

    @property
    def was_counted(self) -> bool:
        """Whether the program ended in an orderly way, so that what it had left could be counted."""
        return any(event.kind == "census" for event in self.events)

    @cached_property
    def leaks(self) -> tuple[Leak, ...]:
        """What the program still had when it ended."""
        left = [Leak(e.detail["what"], e.detail["name"]) for e in self.events if e.kind == "left"]
        tasks = (Leak("task", f"{lane.name} had not ended") for lane in self.abandoned)
        said = (what for what in self.timeline.complaints if any(words in what for words in _OF_LEFTOVERS))
        complaints = (Leak("coroutine" if "never awaited" in what else "task", what) for what in said)
        return (*tasks, *complaints, *(Leak(kind, printable(name)) for kind, name in (*left, *self.left_outside)))

    def __str__(self) -> str:
        return f"{self.timeline}\nthe program: {self.ended}\nthe checklist: {self._in_brief()}"

    def __repr__(self) -> str:
        return f"<Outcome of {self.experiment.program}: {self.ended}; {self._in_brief()}>"

    def _in_brief(self) -> str:
        broken = ", ".join(verdict.id for verdict in self.broken)
        return f"broken: {broken}" if broken else "clean"


def describe_status(returncode: int) -> str:
    """Put an exit status into words: exited 130, killed by SIGINT."""
    if returncode >= 0:
        return f"exited {returncode}"
    try:
        return f"killed by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"killed by signal {-returncode}"
