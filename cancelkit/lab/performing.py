"""Performing: an experiment becomes an outcome. One or many, waited for or awaited."""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import threading
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from cancelkit.errors import CancelkitError, MomentNotReachedError, UnusableProgramError
from cancelkit.lab import recorded
from cancelkit.lab.conducting import Conductor
from cancelkit.lab.experiment import Experiment
from cancelkit.lab.interrupts import HeldInterrupts
from cancelkit.lab.launch import launch
from cancelkit.lab.launched import Stopped
from cancelkit.lab.outcome import Outcome
from cancelkit.lab.outcome_files import lines_of_outcome, parse_outcome
from cancelkit.lab.progress import progress_bar
from cancelkit.lab.unreached import why_not_reached

T = TypeVar("T")

_TICK = 0.1
"""Seconds between two looks around: a kernel's Stop does not wake a loop that sleeps, and a signal that comes just
before a wait begins does not end it."""


def perform(experiment: Experiment) -> Outcome:
    """Start the program, send each signal at its moment, and wait for the end.

    Nothing of it is left when this returns or raises, and nothing if this process is killed. Ctrl-C ends it early.

    Raises:
        UnusableProgramError: there is no such file, or it cannot be started.
        MomentNotReachedError: the program ended or the deadline came before one of the moments did.
        CancelkitError: the process that watches over the program was killed, or its record could not be kept.
    """
    return _perform(experiment, None)


async def perform_async(experiment: Experiment) -> Outcome:
    """Do what `perform` does, in a thread. A cancellation ends the program before it is raised here.

    Raises:
        UnusableProgramError, MomentNotReachedError, CancelkitError: as for `perform`.
    """
    return await _in_a_thread(lambda stop: _perform(experiment, stop))


def perform_all(
    experiments: Sequence[Experiment], *, at_once: int | None = None, may_miss: bool = False
) -> tuple[Outcome, ...]:
    """Perform experiments, so many `at_once` (as there are cores, if not told); the outcomes in the same order.

    What goes wrong with one ends the others; with `may_miss`, a moment that does not come is nothing that goes wrong,
    and the outcome says so (`Outcome.missed`). In a terminal a bar on stderr shows how many are done.

    Raises:
        UnusableProgramError, MomentNotReachedError, CancelkitError: as for `perform`.
    """
    stop = _Stop()
    try:
        return _perform_all(experiments, at_once, stop, _attempt if may_miss else _perform)
    finally:
        stop.close()


async def perform_all_async(
    experiments: Sequence[Experiment], *, at_once: int | None = None, may_miss: bool = False
) -> tuple[Outcome, ...]:
    """Do what `perform_all` does, in threads. A cancellation ends all the programs before it is raised here.

    Raises:
        UnusableProgramError, MomentNotReachedError, CancelkitError: as for `perform`.
    """
    perform_one = _attempt if may_miss else _perform
    return await _in_a_thread(lambda stop: _perform_all(experiments, at_once, stop, perform_one))


class _Stop:
    """A descriptor that becomes readable when there is to be an end; closed when nobody has it, at the latest.

    Attributes:
        descriptor: the descriptor.
        is_now: whether there is to be an end.
    """

    def __init__(self) -> None:
        self.descriptor, self._write = os.pipe()
        self.is_now = False
        self._closers = [weakref.finalize(self, os.close, end) for end in (self.descriptor, self._write)]

    def now(self) -> None:
        """Let there be an end, as soon as possible."""
        self.is_now = True
        with contextlib.suppress(OSError):  # it is closed: the process is about to end
            os.write(self._write, b".")

    def close(self) -> None:
        """Close it: nobody looks at it any more."""
        for close in self._closers:
            close()


async def _in_a_thread(work: Callable[[_Stop], T]) -> T:
    stop, done = _Stop(), Future[T]()
    ended = asyncio.wrap_future(done)

    def run() -> None:
        try:
            done.set_result(work(stop))
        except BaseException as error:
            done.set_exception(error)

    # A daemon, and none of the loop's executor: Python waits for those before it ends, and if a loop ends without a
    # cancellation nobody would tell them to stop. What it leaves then, the supervisor ends.
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        while not ended.done():
            await asyncio.wait({ended}, timeout=_TICK)
        return ended.result()
    finally:
        stop.now()
        while not ended.done():  # milliseconds, which whoever cancels again has to wait for as well
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({ended})
        ended.exception()  # told already, or of no interest: it was stopped
        thread.join()
        stop.close()


def _perform_all(
    experiments: Sequence[Experiment],
    at_once: int | None,
    stop: _Stop,
    perform_one: Callable[[Experiment, _Stop], Outcome],
) -> tuple[Outcome, ...]:
    if at_once is not None and at_once < 1:
        raise CancelkitError(f"at_once is {at_once!r}; it must be a number of experiments, 1 or more")
    outcomes: dict[int, Outcome] = {}
    errors: list[BaseException] = []
    done: queue.SimpleQueue[None] = queue.SimpleQueue()
    waiting = list(enumerate(experiments))[::-1]

    def work() -> None:
        while waiting and not stop.is_now:
            with contextlib.suppress(IndexError):  # another one was faster
                number, experiment = waiting.pop()
                try:
                    outcomes[number] = perform_one(experiment, stop)
                except BaseException as error:
                    errors.append(error)
                    stop.now()
                done.put(None)

    threads = [
        threading.Thread(target=work, daemon=True)  # as above
        for _ in range(min(at_once or os.cpu_count() or 1, len(experiments)))
    ]
    with HeldInterrupts() as interrupts, progress_bar(len(experiments)) as advance:
        try:
            for thread in threads:
                thread.start()
            with interrupts.let_in():
                while len(outcomes) < len(experiments) and not stop.is_now:
                    with contextlib.suppress(queue.Empty):
                        done.get(timeout=_TICK)
                        advance()
        finally:
            stop.now()
            for thread in threads:
                if thread.ident is not None:
                    thread.join()
    if errors:
        raise errors[0]
    if len(outcomes) < len(experiments):
        raise Stopped  # between two of them
    return tuple(outcomes[number] for number in range(len(experiments)))


def _perform(experiment: Experiment, stop: _Stop | None) -> Outcome:
    outcome = _attempt(experiment, stop)
    if outcome.missed is not None:
        raise MomentNotReachedError(why_not_reached(outcome, outcome.missed))
    return outcome


def _attempt(experiment: Experiment, stop: _Stop | None) -> Outcome:
    _check_is_file(Path(experiment.program))
    if stop is not None and stop.is_now:
        raise Stopped
    known_by = partial(_known_by, experiment)
    outcome = recorded.made(known_by, lambda: _make(experiment, stop), _text_of, _outcome_of)
    return replace(outcome, experiment=experiment)


def _make(experiment: Experiment, stop: _Stop | None) -> Outcome:
    watch = None if stop is None else stop.descriptor
    with (
        HeldInterrupts() as interrupts,
        launch(experiment.program, experiment.arguments, experiment.moments, experiment.pace, watch) as process,
        interrupts.let_in(),
    ):
        return Conductor(process, experiment).attend()


def _known_by(experiment: Experiment) -> tuple[list[object], list[str]]:
    """What tells an experiment from any other, and the files that it names."""
    files = [os.fspath(experiment.program), *experiment.arguments]
    signals = [f"{signum.name} at {moment}" for moment, signum in experiment.signals]
    return ["experiment", *map(recorded.content, files), signals, experiment.pace], files


def _text_of(outcome: Outcome) -> str:
    return b"".join(lines_of_outcome(outcome)).decode()


def _outcome_of(text: str) -> Outcome:
    return parse_outcome(text.encode(), "the recorded run")


def _check_is_file(program: Path) -> None:
    if not program.is_file():
        what = "is a directory" if program.is_dir() else "is no file" if program.exists() else "does not exist"
        raise UnusableProgramError(f"cannot interrupt {str(program)!r}: it {what}; give the path of a Python program")
