"""The sweep itself: finds a program's points, has every one of them tried or a sample, and collects what came of it."""

from __future__ import annotations

import os
import platform
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import NamedTuple

from cancelkit.errors import CancelkitError
from cancelkit.sweep.plan import SEVERAL_AT_MOST, Following, batches, every_one, sample_of
from cancelkit.sweep.pool import Task, Warm, try_all, try_elsewhere
from cancelkit.sweep.program import Program
from cancelkit.sweep.result import Sweep
from cancelkit.sweep.runs import LEVELS, Run, Survey

_MOST_ATTEMPTS = 3
"""How often a piece of work is sent to an executor whose worker does not live to tell of it."""

_BATCH_ELSEWHERE = 500
"""Points that are sent to an executor at a time: each time a warm process has to get ready."""


class Progress(NamedTuple):
    """How far a sweep has come."""

    done: int
    of: int
    seconds: float


OnProgress = Callable[[Progress], None]


def sweep(
    program: Program,
    *,
    level: str = "",
    signals: int = 1,
    sample: int | None = None,
    seed: int = 0,
    only: Sequence[str] = (),
    jobs: int | None = None,
    executor: Executor | None = None,
    on_progress: OnProgress = lambda _: None,
) -> Sweep:
    """Run a program once for each of its points, each time with a real SIGINT there; or with two, or three.

    Args:
        program: as `program_at` or `target_program` gives it.
        level: "step", before each callback and each wait of the loop; or "check" (Python 3.12), wherever CPython
            looks for signals, which is the default there; or "instruction", to audit "check".
        signals: how many in one run, 1 to 3.
        sample: so many points, chosen by `seed`. If not given: every point of one signal; of several, every one or
            2,000 if there are more.
        seed: another one gives another sample.
        only: the first signal lands in one of these files, by the ends of their names.
        jobs: how many runs at a time; as many as there are cores, unless told otherwise.
        executor: where runs are made instead: any executor of `concurrent.futures` whose workers have this package.
        on_progress: told how far the sweep has come, now and then.

    Returns:
        What came of it; a part of it if Ctrl-C was pressed meanwhile.

    Raises:
        CancelkitError: the program cannot be swept, or this Python has no such level.
    """
    level = _checked(level, signals, sample, jobs)
    begun = time.monotonic()
    with Warm(program, level) as warm:
        survey, again = warm.survey(), warm.survey()
        if not survey.order:
            raise CancelkitError(f"{program.title} cannot be swept: it never runs an event loop")
        crew = _Elsewhere(program, level, executor) if executor is not None else _Here(program, level, jobs, warm)
        with crew:
            swept = _Sweeping(crew, survey, seed, on_progress)
            swept.go(signals, sample, only)
    return Sweep(
        program,
        level,
        platform.python_version(),
        signals,
        survey,
        agrees=survey.order == again.order and survey.sites == again.sites,
        points=swept.total,
        is_total_exact=swept.is_total_exact,
        runs=tuple(sorted(swept.runs, key=lambda run: run.point)),
        seed=seed if len(swept.runs) < swept.total else None,
        seconds=time.monotonic() - begun,
        runs_made=swept.runs_made,
        seconds_running=swept.seconds,
        is_complete=swept.is_complete,
    )


def _checked(level: str, signals: int, sample: int | None, jobs: int | None) -> str:
    has_checks = sys.version_info >= (3, 12)
    level = level or ("check" if has_checks else "step")
    if level not in LEVELS:
        raise CancelkitError(f"level is {level!r}; it must be {', '.join(LEVELS[:-1])} or {LEVELS[-1]}")
    if level != "step" and not has_checks:
        version = platform.python_version()
        raise CancelkitError(f"level {level} needs Python 3.12 or later, and this is {version}: choose level step")
    if type(signals) is not int or signals not in (1, 2, 3):
        raise CancelkitError(f"signals is {signals!r}; it must be 1, 2 or 3")
    for name, value in (("sample", sample), ("jobs", jobs)):
        if value is not None and (type(value) is not int or value < 1):
            raise CancelkitError(f"{name} is {value!r}; it must be 1 or more")
    return level


class _Sweeping:
    """One sweep under way."""

    def __init__(self, crew: _Here | _Elsewhere, survey: Survey, seed: int, on_progress: OnProgress) -> None:
        self._crew, self._survey, self._seed, self._on_progress = crew, survey, seed, on_progress
        self._begun = time.monotonic()
        self.runs: list[Run] = []
        self.total, self.is_total_exact, self.is_complete = 0, True, False
        self._is_counted = False  # how many there are of those that were asked for
        self.runs_made = 0
        self.seconds = 0.0

    def go(self, signals: int, sample: int | None, only: Sequence[str]) -> None:
        """Try all that is to be tried; after Ctrl-C there is a part of it."""
        try:
            singles = every_one(self._survey, only)
            self.total = len(singles)
            self._is_counted = signals == 1
            if signals == 1:
                self._try(singles if sample is None else sample_of(singles, sample, self._seed))
            else:
                self._go_on_with_several(singles, signals, sample)
            self.is_complete = True
        except KeyboardInterrupt:
            self._crew.stop()
            if not self._is_counted:
                self.runs, self.total = [], 0
        self.seconds = time.monotonic() - self._begun

    def _go_on_with_several(self, singles: list[Task], signals: int, sample: int | None) -> None:
        # How many pairs there are is known when it is known how long each run is that is interrupted once.
        following = self._following(singles)
        tried_of_pairs = 1.0
        if signals == 3:
            wanted = sample or SEVERAL_AT_MOST
            pairs = following.sample(wanted, self._seed)
            tried_of_pairs = len(pairs) / following.total if following.total else 1.0
            following = self._following(pairs)
        self.runs = []
        self.total = round(following.total / tried_of_pairs)
        self.is_total_exact = tried_of_pairs == 1.0
        self._is_counted = True
        wanted = sample or (following.total if self.total <= SEVERAL_AT_MOST else SEVERAL_AT_MOST)
        self._try(following.every_one() if wanted >= following.total else following.sample(wanted, self._seed))

    def _following(self, tasks: list[Task]) -> Following:
        self.runs = []
        self._try(tasks)
        counts = {run.point: run.passed for run in self.runs}
        return Following((task, counts.get(task.point, 0)) for task in tasks)

    def _try(self, tasks: list[Task]) -> None:
        done = 0
        for runs in self._crew.tried(tasks):
            self.runs += runs
            done += len(runs)
            self.runs_made += len(runs)
            self._on_progress(Progress(done, len(tasks), time.monotonic() - self._begun))


class _Here:
    """Warm processes on this machine, one for each of so many threads; the first of them is there already."""

    def __init__(self, program: Program, level: str, jobs: int | None, first: Warm) -> None:
        self._program, self._level, self._jobs = program, level, jobs or os.cpu_count() or 1
        self._mine = threading.local()
        self._warm, self._idle = [first], [first]
        self._executor = ThreadPoolExecutor(self._jobs)

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._executor.shutdown()

    def stop(self) -> None:
        """Begin nothing more, and end what is under way."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        for warm in self._warm:
            warm.close()

    def tried(self, tasks: list[Task]) -> Iterator[list[Run]]:
        """The runs, as they come in."""
        futures = [self._executor.submit(self._try, batch) for batch in batches(tasks)]
        for future in as_completed(futures):
            yield future.result()

    def _try(self, batch: Sequence[Task]) -> list[Run]:
        if not hasattr(self._mine, "warm"):
            try:
                self._mine.warm = self._idle.pop()
            except IndexError:
                self._mine.warm = Warm(self._program, self._level)
                self._warm.append(self._mine.warm)
        return try_all(self._mine.warm, batch)


class _Elsewhere:
    """The workers of somebody's executor."""

    def __init__(self, program: Program, level: str, executor: Executor) -> None:
        self._program, self._level, self._executor = program, level, executor
        self._futures: set[Future[list[Run]]] = set()

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Begin nothing more."""
        for future in self._futures:
            future.cancel()

    def tried(self, tasks: list[Task]) -> Iterator[list[Run]]:
        """The runs, as they come in. What a worker did not live to tell of is sent again."""
        waiting = {self._send(batch): (batch, 1) for batch in batches(tasks, _BATCH_ELSEWHERE)}
        while waiting:
            future = next(as_completed(waiting))
            batch, attempts = waiting.pop(future)
            self._futures.discard(future)
            try:
                runs = future.result()
            except CancelkitError:
                raise
            except Exception as error:
                if attempts == _MOST_ATTEMPTS or isinstance(error, BrokenProcessPool):
                    raise CancelkitError(f"the executor lost {len(batch)} points {attempts} times: {error}") from error
                waiting[self._send(batch)] = (batch, attempts + 1)
                continue
            yield runs

    def _send(self, batch: Sequence[Task]) -> Future[list[Run]]:
        future = self._executor.submit(try_elsewhere, self._program, self._level, batch)
        self._futures.add(future)
        return future
