"""Conducting: each signal is sent at its moment, the program seen to its end, and what there is collected."""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from typing import Any

from cancelkit.errors import CancelkitError, UnusableProgramError
from cancelkit.lab.experiment import Experiment
from cancelkit.lab.gate import GO_ON, NOT_YET, SAY_SO
from cancelkit.lab.launched import DeadlinePassed, Launched, SupervisorLost
from cancelkit.lab.outcome import Leak, Outcome
from cancelkit.lab.unreached import end_of
from cancelkit.trace.events import Event, in_order
from cancelkit.trace.tape import LIMIT_REACHED


class Conductor:
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
            case {"rest": int(asked), "passed": self._passed}:
                self._process.server.on_rest(asked)
            case {"rest": _}:  # it was said before a signal was sent
                self._process.tell(GO_ON)
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
