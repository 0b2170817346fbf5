"""Points at steps: before each callback that a loop runs, and before each wait of its selector. Every Python has them.

A signal that lands between two callbacks has its handler run at the beginning of the next. What the handler raises is
raised there: the callback is dropped that the loop has just taken, as it would be without us.
"""

from __future__ import annotations

import selectors
import signal
import threading
from asyncio import events
from collections import Counter
from collections.abc import Sequence
from time import monotonic_ns
from types import FrameType
from typing import Any

from cancelkit.sweep.inside.checks import NEVER, Site, Spot
from cancelkit.sweep.inside.clock import Clock
from cancelkit.trace.signals import SignalWatch
from cancelkit.trace.unseen import without_us

_CALLBACK = (events.__file__, "Handle._run")
_WAIT = (selectors.__file__, "BaseSelector.select")


class StepMonitor:
    """Counts the steps of a run, and raises signals at some: as `checks.Monitor` does, with other points."""

    def __init__(self, signals: SignalWatch, clock: Clock) -> None:
        self._signals, self._clock = signals, clock
        self._main_thread = threading.get_ident()
        self.reset()

    def reset(self, targets: Sequence[int] = (), *, to_list: bool = False) -> None:
        """Begin anew, as `checks.Monitor.reset`."""
        self.count = 0
        self.raised: list[Spot] = []
        self._listed: list[tuple[Site, int, int]] = []
        self._gaps = iter(targets)
        self._next = next(self._gaps, NEVER)
        self._times: Counter[str] = Counter()
        self._to_list = to_list
        self._is_running = True

    def install(self) -> None:
        """Stand before each callback and each wait, from now on."""
        signals, run, step = self._signals, events.Handle._run, self._step
        line = run.__code__.co_firstlineno
        callback: Site = (*_CALLBACK, line, 0, line)
        wait: Site = (*_WAIT, 0, 0, 0)

        def run_after_step(handle: Any) -> None:
            ck_at_work = True
            try:
                step(callback)
                if signals.held:
                    signals.release()
                ck_at_work = False  # noqa: F841
                run(handle)
            except BaseException as error:
                without_us(error)
                raise

        events.Handle._run = run_after_step  # type: ignore[method-assign,assignment]
        self._clock.before_wait = lambda: step(wait)

    def listed(self) -> list[tuple[Site, int, int]]:
        """Every step of a run that was told to list them: its kind, nothing more, and the time."""
        return self._listed

    def go_on(self, frame: FrameType | None) -> None:
        """A signal that was raised has been received; steps are counted in any case."""

    def stop(self) -> None:
        """The run is over."""
        self._is_running = False

    def _step(self, site: Site) -> None:
        if not self._is_running or threading.get_ident() != self._main_thread:
            return
        self.count += 1
        self._times[site[1]] += 1
        if self._to_list:
            self._listed.append((site, 0, monotonic_ns()))
        if self._is_due(site):
            gap = next(self._gaps, NEVER)
            self._next = NEVER if gap == NEVER else self.count + gap
            self.raised.append((site, self._times[site[1]]))
            signal.raise_signal(signal.SIGINT)

    def _is_due(self, _site: Site) -> bool:
        return self.count == self._next


class SpotSteps(StepMonitor):
    """Raises signals at given steps: each a site, and the how manieth of its kind."""

    def __init__(self, signals: SignalWatch, clock: Clock, spots: Sequence[Spot]) -> None:
        super().__init__(signals, clock)
        self._spots = [(site[1], time) for site, time in spots]

    def _is_due(self, site: Site) -> bool:
        if self._spots and self._spots[0] == (site[1], self._times[site[1]]):
            del self._spots[0]
            return True
        return False
