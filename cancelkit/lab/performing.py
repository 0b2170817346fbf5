"""Performing: an experiment becomes an outcome. One or many, waited for or awaited."""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import signal
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from cancelkit.errors import CancelkitError, MomentNotReachedError, UnusableProgramError
from cancelkit.lab.experiment import Experiment
from cancelkit.lab.gate import NOT_YET, SAY_SO
from cancelkit.lab.interrupts import HeldInterrupts
from cancelkit.lab.launch import DeadlinePassed, Launched, Stopped, SupervisorLost, launched
from cancelkit.lab.outcome import Leak, Outcome
from cancelkit.lab.progress import progress_bar
from cancelkit.lab.unreached import end_of, why_not_reached
from cancelkit.trace.events import Event, in_order
from cancelkit.trace.tape import LIMIT_REACHED

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


def perform_all(experiments: Sequence[Experiment], *, at_once: int | None = None) -> tuple[Outcome, ...]:
    """Perform experiments, so many `at_once` (as there are cores, if not told); the outcomes in the same order.

    What goes wrong with one ends the others. In a terminal a bar on stderr shows how many are done.

    Raises:
        UnusableProgramError, MomentNotReachedError, CancelkitError: as for `perform`.
    """
    stop = _Stop()
    try:
        return _perform_all(experiments, at_once, stop)
    finally:
        stop.close()


async def perform_all_async(experiments: Sequence[Experiment], *, at_once: int | None = None) -> tuple[Outcome, ...]:
    """Do what `perform_all` does, in threads. A cancellation ends all the programs before it is raised here.

    Raises:
        UnusableProgramError, MomentNotReachedError, CancelkitError: as for `perform`.
    """
    return await _in_a_thread(lambda stop: _perform_all(experiments, at_once, stop))


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


def _perform_all(experiments: Sequence[Experiment], at_once: int | None, stop: _Stop) -> tuple[Outcome, ...]:
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
                    outcomes[number] = _perform(experiment, stop)
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
    _check_is_file(Path(experiment.program))
    if stop is not None and stop.is_now:
        raise Stopped
    watch = None if stop is None else stop.descriptor
    with (
        HeldInterrupts() as interrupts,
        launched(experiment.program, experiment.arguments, experiment.moments, experiment.pace, watch) as process,
        interrupts.let_in(),
    ):
        outcome = _Conductor(process, experiment).attend()
    sent = len(outcome.timeline.signals)
    unsent = experiment.moments[sent:]
    if unsent and not unsent[0].is_at_once:  # which cannot be missed: the one before has ended the program
        raise MomentNotReachedError(why_not_reached(outcome, unsent[0]))
    return outcome


def _check_is_file(program: Path) -> None:
    if not program.is_file():
        what = "is a directory" if program.is_dir() else "is no file" if program.exists() else "does not exist"
        raise UnusableProgramError(f"cannot interrupt {str(program)!r}: it {what}; give the path of a Python program")


class _Conductor:
    """Sends each signal at its moment, sees the program to its end, and collects what there is."""

    def __init__(self, process: Launched, experiment: Experiment) -> None:
        self._process = process
        self._experiment = experiment
        self._signals = tuple(experiment.signals)
        self._deadline = time.monotonic() + experiment.deadline
        self._passed = 0
        self._seen: list[Event] = []
        process.server.signals_to_come = bool(self._signals)

    def attend(self) -> Outcome:
        """Stay until the program has ended, or has to be."""
        process, hung = self._process, False
        try:
            for message in process.messages(self._deadline):
                self._take(message)
                self._look_at_output()
        except DeadlinePassed:
            hung = True
            process.end()
        except SupervisorLost:
            raise self._lost() from None
        visits = process.server.close()
        left = [Leak("child process", name) for name in (process.ended.left if process.ended else ())]
        # None: it was not even started when the deadline passed; leaving the context of the launch kills it.
        returncode = process.ended.returncode if process.ended else -signal.SIGKILL
        self._seen.append(Event(time.monotonic_ns(), "exit", None, {"status": returncode}))
        outcome = Outcome(
            self._experiment,
            returncode,
            hung,
            process.output["stdout"].text(),
            process.output["stderr"].text(),
            process.stacks(),
            in_order([*process.events(), *self._seen]),
            (*left, *(Leak("temporary file", name) for name in process.files_left())),
            visits,
        )
        process.tidy_up()
        return outcome

    def _lost(self) -> CancelkitError:
        program = self._experiment.program
        if self._process.pid is not None:
            return CancelkitError(f"{program} was ended: somebody killed the process that watches over it")
        complaint = end_of("stderr", self._process.output["stderr"].text())
        return UnusableProgramError(
            f"{sys.executable} ended before it came to {program}: is it a Python that runs?\n{complaint}"
        )

    def _take(self, message: dict[str, Any]) -> None:
        match message:
            case {"lost": why}:
                advice = f"; make room in {tempfile.gettempdir()}, or point TMPDIR elsewhere"
                raise CancelkitError(
                    f"{self._experiment.program} cannot be followed: its record could not be kept "
                    f"({why}){'' if LIMIT_REACHED in why else advice}"
                )
            case {"rest": int(asked), "passed": self._passed}:  # or it was said before a signal was sent
                self._process.server.on_rest(asked)
            case {"reached": int(number)} if number <= self._passed:
                self._process.tell(self._passed)
            case {"reached": int(number)} if number == self._passed + 1 and number <= len(self._signals):
                if self._was_printed(number):
                    self._send(number, is_held=True)
                else:
                    self._process.tell(NOT_YET)

    def _look_at_output(self) -> None:
        """Send what is to be sent when a text has been printed, whatever the program is doing then."""
        while self._passed < len(self._signals):
            number = self._passed + 1
            if not (self._signals[number - 1][0].is_only_output and self._was_printed(number)):
                return
            self._send(number, is_held=False)

    def _was_printed(self, number: int) -> bool:
        text = self._signals[number - 1][0].output
        if text and text not in self._process.output["stdout"].seen:
            self._process.read_the_rest()  # it is held, so all that it has printed is there
        return not text or text in self._process.output["stdout"].seen

    def _send(self, number: int, *, is_held: bool) -> None:
        """Send the signal of a moment, and those that are to come at once after it; then let the program go on."""
        last = self._last_at_once(number)
        self._send_one(number)
        for following in range(number + 1, last + 1):
            if is_held:
                self._process.tell(SAY_SO)
                if not self._process.wait_for("received", self._deadline):
                    return
            self._send_one(following)
        self._passed = last
        self._process.server.signals_to_come = last < len(self._signals)
        self._process.tell(last)

    def _last_at_once(self, number: int) -> int:
        """The number of the last signal that comes at once after that of a moment, or its own."""
        while number < len(self._signals) and self._signals[number][0].is_at_once:
            number += 1
        return number

    def _send_one(self, number: int) -> None:
        signum = self._signals[number - 1][1]
        self._seen.append(Event(self._process.send(signum), "signal", None, {"name": signum.name}))
