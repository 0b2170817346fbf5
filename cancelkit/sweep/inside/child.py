"""What runs in a process that was forked from the warm one: the program, again and again, with signals at points."""

from __future__ import annotations

import concurrent.futures.thread
import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import FrameType
from typing import Any

from cancelkit.sweep.inside.bytecode import is_entry
from cancelkit.sweep.inside.checks import Monitor, line_of, site_of
from cancelkit.sweep.inside.clock import Clock, children
from cancelkit.sweep.inside.play import Player, tidy_up
from cancelkit.sweep.inside.steps import StepMonitor
from cancelkit.sweep.verdicts import Verdict, judge
from cancelkit.trace.events import Event
from cancelkit.trace.lines import line_of as line_of_event
from cancelkit.trace.recorder import Recorder
from cancelkit.trace.signals import frames_below
from cancelkit.trace.sources import is_own
from cancelkit.trace.starting import move_far_up
from cancelkit.trace.tape_reader import TapeReader
from cancelkit.trace.unseen import is_ours


class Child:
    """Plays the program with signals, and tells what came of it: a line of JSON for each run."""

    def __init__(
        self,
        player: Player,
        recorder: Recorder,
        reader: TapeReader,
        clock: Clock,
        begin_anew: Callable[[], None],
        tell: int,
    ) -> None:
        self._player, self._recorder, self._clock, self._tell = player, recorder, clock, tell
        descriptor = move_far_up(file_in_memory())
        recorder.tape.move_to(descriptor, is_on_disk=not hasattr(os, "memfd_create"))
        self._reader = reader.moved_to(descriptor)
        self._begin_anew = begin_anew
        self._landed: list[list[Any]] = []
        self._judged: dict[Any, Verdict] = {}
        recorder.signals.on_received = self._on_received
        os.register_at_fork(after_in_child=lambda: os.close(tell))

    def run(self, monitor: Monitor | StepMonitor, tasks: Sequence[Any], *, with_events: bool) -> None:
        """Play once for each point, and go on as long as a run leaves nothing behind for the next.

        Each of the `tasks` is a point, and the spot that its first signal is expected at. A run that comes to another
        one, because of something that runs before it have left behind after all, is not told of.
        """
        self._monitor, self._tells_events = monitor, with_events
        self._player.on_end = monitor.stop
        self._clock.on_hang = self._on_hang
        for number, (point, first) in enumerate(tasks):
            if not self._run_once(point, first if number else None):
                return

    def _run_once(self, point: Sequence[int], first: Any) -> bool:
        self._point = point
        self._landed.clear()
        self._clock.reset()
        self._begin_anew()
        self._monitor.reset(point)
        played = self._player.play()
        self._monitor.stop()
        self._wait_for_threads()
        left = [*played.left, *(f"child process {pid}" for pid in children().split())]
        are_tasks_gone = tidy_up()
        if first is not None and not self._began_at(first):
            return False
        self._say(played.status, played.error, left)
        return are_tasks_gone and self._player.is_as_before() and not children()

    def _began_at(self, first: Any) -> bool:
        site, time = first
        return bool(self._monitor.raised) and self._monitor.raised[0] == (tuple(site), time)

    def survey(self, monitor: Monitor | StepMonitor) -> None:
        """Play once without a signal, and tell of every point and every event."""
        self._monitor = monitor
        self._clock.reset()
        self._begin_anew()
        monitor.reset(to_list=True)
        self._clock.on_hang = lambda: self._say_survey(waits_for_ever=True)
        self._player.play()
        monitor.stop()
        self._say_survey(waits_for_ever=False)

    def _say_survey(self, *, waits_for_ever: bool) -> None:
        self._monitor.stop()
        sites: dict[tuple[Any, int], int] = {}
        order, times = [], []
        for what, offset, time in self._monitor.listed():
            order.append(sites.setdefault((what, offset), len(sites)))
            times.append(time)
        told = [what if isinstance(what, tuple) else site_of(what, offset) for what, offset in sites]
        survey = {"sites": told, "order": order, "times": times, "events": _lines(self._reader.new_events())}
        self._write(survey | {"waits for ever": waits_for_ever, "real": self._clock.is_real})
        os._exit(0)

    def _on_received(self, _signum: int, frame: FrameType | None) -> None:
        at = next((below for below in frames_below(frame) if not is_ours(below)), None)
        if at is not None and threading.current_thread() is threading.main_thread():
            code = at.f_code
            site = (code.co_filename, code.co_qualname, code.co_firstlineno, at.f_lasti)
            own = next((f"{f.f_code.co_filename}:{f.f_lineno}" for f in _below_the_runner(at)), "")
            self._landed.append([[*site, at.f_lineno or line_of(code, at.f_lasti)], own])
        self._monitor.go_on(frame)

    def _on_hang(self) -> None:
        self._monitor.stop()
        self._say(None, "", [])
        os._exit(0)

    def _say(self, status: int | None, error: str, left: list[str]) -> None:
        """Tell what came of a run."""
        # Most runs go the same way as one before: then what is on the tape is the same, to the last byte.
        taped = self._reader.peek()
        key = taped, status, error, tuple(left)
        events: Sequence[Event] = ()
        if taped and not self._tells_events and key in self._judged:
            self._reader.skip(len(taped))
        else:
            events = self._reader.new_events()
            self._reader.give_up_late()
            self._judged[key] = judge(events, status, error, left)
        self._write(
            {
                "point": self._point,
                "verdict": self._judged[key],
                "status": status,
                "count": self._monitor.count,
                "raised": self._monitor.raised,
                "landed": self._landed,
                "real": self._clock.is_real,
                "events": _lines(events) if self._tells_events else [],
            }
        )

    def _write(self, row: dict[str, Any]) -> None:
        data = json.dumps(row).encode() + b"\n"
        while data:
            data = data[os.write(self._tell, data) :]

    def _wait_for_threads(self) -> None:
        """As Python does at the end of a process."""
        if threading.active_count() > 1:
            concurrent.futures.thread._python_exit()
            for thread in threading.enumerate():
                if thread.ident and not thread.daemon and thread is not threading.main_thread():
                    thread.join()  # one without a number was interrupted before it was started


def _below_the_runner(frame: FrameType) -> Iterator[FrameType]:
    """Frames of the program's own that run what a loop runs, and the runner if that is its own; innermost first."""
    for below in frames_below(frame):
        if is_own(below.f_code.co_filename):
            yield below
        if is_entry(below.f_code):
            return


def _lines(events: Iterable[Event]) -> list[str]:
    return [line_of_event(event).decode() for event in events]


def file_in_memory() -> int:
    """The descriptor of an empty file that is nowhere on a disk, if the system can do that."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("cancelkit", os.MFD_CLOEXEC)
    import tempfile

    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
