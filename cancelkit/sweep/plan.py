"""Which points are tried: every one, or a sample from a seed. The two are never called by the same word."""

from __future__ import annotations

import bisect
import itertools
import random
from collections import Counter
from collections.abc import Iterable, Sequence

from cancelkit.sweep.pool import Task
from cancelkit.sweep.runs import Point, Spot, Survey

SEVERAL_AT_MOST = 2000
"""So many pairs or triples are tried unless told otherwise; every one, if there are no more."""

BATCH = 100
"""Points that are sent to a process at a time: few enough to see progress, and to lose little with the process."""


def every_one(survey: Survey, only: Sequence[str] = ()) -> list[Task]:
    """Every point of one signal; or every one in some files, by the ends of their names."""
    wanted, times = tuple(only), Counter[int]()
    tasks = []
    for number, place in enumerate(survey.order, 1):
        times[place] += 1
        site = survey.sites[place]
        if not wanted or site.file.endswith(wanted):
            tasks.append(Task((number,), Spot(site, times[place])))
    return tasks


def sample_of(tasks: Sequence[Task], size: int, seed: int) -> list[Task]:
    """So many of the points, in their order."""
    if size >= len(tasks):
        return list(tasks)
    chosen = sorted(random.Random(seed).sample(range(len(tasks)), size))  # noqa: S311 - a sample, not a secret
    return [tasks[number] for number in chosen]


class Following:
    """The points with one more signal after those that were tried: each with all there is in the rest of its run.

    Attributes:
        total: how many there are.
    """

    def __init__(self, tried: Iterable[tuple[Task, int]]) -> None:
        """`tried` has each point with how many points its run has passed."""
        self._rests = [(task, max(0, count - sum(task.point))) for task, count in tried]
        self._ends = list(itertools.accumulate(rest for _, rest in self._rests))
        self.total = self._ends[-1] if self._ends else 0

    def every_one(self) -> list[Task]:
        """All of them."""
        return [self._of(number) for number in range(self.total)]

    def sample(self, size: int, seed: int) -> list[Task]:
        """So many of them, each as likely as any other, in order."""
        chosen = random.Random(seed).sample(range(self.total), min(size, self.total))  # noqa: S311
        return [self._of(number) for number in sorted(chosen)]

    def _of(self, number: int) -> Task:
        place = bisect.bisect_right(self._ends, number)
        task, rest = self._rests[place]
        gap = number - (self._ends[place] - rest) + 1
        point: Point = (*task.point, gap)
        return task._replace(point=point)


def batches(tasks: Sequence[Task], size: int = BATCH) -> list[Sequence[Task]]:
    """The points in pieces."""
    return [tasks[start : start + size] for start in range(0, len(tasks), size)]
