"""Scenarios: named experiments on the standard workload, which anybody's `run_tasks` can be put through.

Moments are counts of jobs, so that they hold for an implementation that has no task per job, too. The jobs wait for the
workload's server and for nothing else, so which of them is how far when a signal comes depends on no clock.
"""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from cancelkit.lab.experiment import Experiment, signals_at
from cancelkit.lab.moments import Moment, Moments, at_once, before_start, closing, halfway, holding, output

STAGE = Path(__file__).with_name("stage.py")

_LONG_ENOUGH = 60.0
"""Seconds: the deadline where the program ends by itself, however slow the machine is."""


class Target(NamedTuple):
    """What is put through a scenario.

    Attributes:
        run_tasks: `module:name` or `file.py:name` of `async run_tasks(tasks, max_concurrent) -> list`.
        runner: likewise, of what does what `asyncio.run` does.
        finishes: whether the jobs' cleanup is inside `cancelkit.finish`.
    """

    run_tasks: str
    runner: str = "asyncio:run"
    finishes: bool = False


TARGETS = {
    "task_group": Target("cancelkit.patterns.task_group:run_tasks"),
    "tracking": Target("cancelkit.patterns.tracking:run_tasks"),
    "handlers": Target("cancelkit.patterns.handlers:run_tasks"),
    "context_manager": Target("cancelkit.patterns.context_manager:run_tasks"),
    "cancelkit": Target("cancelkit:run_tasks", "cancelkit:run", finishes=True),
}
"""The four patterns, and what they lead up to."""


@dataclass(frozen=True)
class Scenario:
    """A named experiment.

    Attributes:
        what: what happens, in words.
        when: the moments; None for no signal.
        jobs: the kind of each job: one of `kinds.KINDS`.
        limit: how many of them may run at a time.
        signals: the signals, SIGINT if there are none.
        options: more words for the stage.
        deadline: seconds until the program is called hung.
        since: the first version of Python that can do this.
    """

    what: str
    when: Moment | Moments | None
    jobs: tuple[str, ...] = ("long",) * 5
    limit: int = 2
    signals: tuple[signal.Signals, ...] = ()
    options: tuple[str, ...] = ()
    deadline: float = _LONG_ENOUGH
    since: tuple[int, int] = (3, 11)

    @property
    def is_possible(self) -> bool:
        """Whether this Python can do it."""
        return sys.version_info >= self.since

    def experiment(self, target: Target, pace: float = 0.0) -> Experiment:
        """The experiment on a target; with a `pace` of 1.0 one can see in a timeline what takes how long."""
        finish = ("--finish",) if target.finishes else ()
        words = (*self.options, *finish, target.run_tasks, target.runner, str(self.limit), *self.jobs)
        signals = () if self.when is None else signals_at(self.when, self.signals)
        return Experiment(STAGE, signals, words, self.deadline, pace=pace)


SCENARIOS = {
    "all slots full": Scenario("as many jobs as there is room for are at work", holding(3), ("long",) * 3, 3),
    "jobs queued": Scenario("two jobs are at work and three wait for a slot", holding(2)),
    "first signal in ordinary cleanup": Scenario(
        "two jobs have done their work and are cleaning up when the first signal comes",
        halfway(2),
        ("short", "short", "long", "long", "long"),
    ),
    "second signal in cleanup": Scenario(
        "two jobs are cleaning up because of a first signal when the second comes", holding(2).then(halfway(2))
    ),
    "rapid repeats": Scenario("three signals, as fast as the kernel allows", holding(2).then(at_once).then(at_once)),
    "before any job starts": Scenario("the loop is about to run for the first time", before_start),
    "SIGTERM": Scenario("as jobs queued, with SIGTERM", holding(2), signals=(signal.SIGTERM,)),
    "SIGINT then SIGTERM": Scenario(
        "as second signal in cleanup, and the second is SIGTERM",
        holding(2).then(halfway(2)),
        signals=(signal.SIGINT, signal.SIGTERM),
    ),
    "a cleanup fails": Scenario(
        "one of two cleanups fails when it is done", holding(2), ("failing-cleanup", "long", "long", "long")
    ),
    "a cleanup hangs": Scenario(
        "one of two cleanups never ends", holding(2), ("hanging-cleanup", "long", "long", "long"), deadline=6.0
    ),
    "a cancellation is swallowed": Scenario(
        "one of two jobs works on although it was cancelled", holding(2), ("swallowing", "long", "long", "long")
    ),
    "a job blocks": Scenario(
        "one of two jobs is in synchronous code when the signal comes",
        output("job-2: blocks"),
        ("long", "blocking", "long", "long"),
    ),
    "a job is in a thread": Scenario(
        "one of two jobs waits for a thread, which nobody can cancel", holding(2), ("thread", "long", "long", "long")
    ),
    "eager tasks": Scenario(
        "as jobs queued, where tasks begin when they are made", holding(2), options=("--eager",), since=(3, 12)
    ),
    "a job fails": Scenario(
        "one of three jobs has failed, and the two others clean up because of that, when the signal comes",
        halfway(3),
        ("failing", "long", "long", "long"),
        3,
    ),
    "while the loop is closed": Scenario(
        "main has ended, and a task that it left behind is cleaning up when the signal comes",
        closing & halfway(3),
        ("short", "short"),
        options=("--leftover",),
    ),
}
"""All of them, by name: the five that everybody should try, and then some."""
