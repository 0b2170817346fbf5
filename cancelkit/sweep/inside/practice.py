"""Practice: the program is run in the warm process itself, a few times, before there is a copy of that for any run.

What is imported and found out on the way, by Python or by the recorder, is there for every run then.
"""

from __future__ import annotations

import signal
import threading

from cancelkit.sweep.inside.checks import Monitor
from cancelkit.sweep.inside.clock import children
from cancelkit.sweep.inside.play import Player, tidy_up
from cancelkit.sweep.inside.steps import StepMonitor
from cancelkit.trace.recorder import Recorder

_TIMES = 3
"""So many runs are interrupted, at points that are spread over the run."""


class Practice:
    """Runs the program where it is."""

    def __init__(self, player: Player, recorder: Recorder, monitor: Monitor | StepMonitor | None) -> None:
        self._player, self._recorder, self._monitor = player, recorder, monitor
        self._has_pressed = False

    def leaves_no_thread(self) -> bool:
        """Run it, and see whether its threads have ended with it."""
        self._player.play()
        return threading.active_count() == 1

    def undisturbed(self) -> str:
        """Run it, and once more to learn of its points; with which error it has ended, in words."""
        played = self._player.play()
        tidy_up()
        if isinstance(self._monitor, Monitor):
            self._monitor.find_entries()
            self._monitor.learn(self._player.play)
            tidy_up()
        return "" if self._has_pressed else played.said

    def interrupted(self) -> bool:
        """Run it, and interrupt it here and there; whether everything is as it was before."""
        monitor = self._monitor
        if monitor is None:
            return True
        self._recorder.signals.on_received = lambda _, frame: monitor.go_on(frame)
        monitor.reset()
        self._player.play()
        is_as_before = tidy_up() and self._player.is_as_before()
        parts = _TIMES + 1
        for point in [monitor.count * part // parts for part in range(1, parts)]:
            monitor.reset((point,))
            self._player.play()
            is_as_before = tidy_up() and self._player.is_as_before() and not children() and is_as_before
        monitor.stop()
        monitor.reset()
        return is_as_before

    def on_hang(self) -> None:
        """Press Ctrl-C on a program that waits for ever; give up if that was no help.

        Raises:
            NeverEndsError: it has got that already.
        """
        if self._has_pressed:
            raise NeverEndsError
        self._has_pressed = True
        signal.raise_signal(signal.SIGINT)


class NeverEndsError(BaseException):
    """The program waits for ever, also when it is interrupted."""
