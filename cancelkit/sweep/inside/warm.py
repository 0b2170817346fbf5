"""The warm process: has the program ready, and forks a process for each run, or for many.

    python -m cancelkit.sweep.inside.warm LINK

LINK is the descriptor of a socket. A line of JSON comes over it with what is to be run, and then one for each request.
What the runs tell is handed on line by line; after the last of them comes how the process ended that made them. The
end of the link is an order to end.
"""

from __future__ import annotations

import functools
import gc
import json
import os
import select
import shutil
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from cancelkit.lab import workplace
from cancelkit.lab.supervisor import adopt_orphans, kill_descendants, kill_group
from cancelkit.sweep.inside import checks
from cancelkit.sweep.inside import steps as inside_steps
from cancelkit.sweep.inside.checks import Monitor, Spot
from cancelkit.sweep.inside.child import Child, file_in_memory
from cancelkit.sweep.inside.clock import Clock
from cancelkit.sweep.inside.play import Player
from cancelkit.sweep.inside.practice import Practice
from cancelkit.sweep.inside.spots import SpotMonitor
from cancelkit.sweep.inside.steps import SpotSteps, StepMonitor
from cancelkit.sweep.inside.tasks import install_with_numbers
from cancelkit.trace import steps, tape
from cancelkit.trace.place import dier
from cancelkit.trace.recorder import Recorder
from cancelkit.trace.starting import move_far_up
from cancelkit.trace.tape_reader import TapeReader

_SECONDS_TO_PRACTISE = 2.0
"""That much patience with a program that may not end when it is interrupted. It decides about speed alone."""

_AS_BEFORE, _NOT_AS_BEFORE = 70, 71
"""What a copy of the process has to say, by its exit status."""


def main() -> None:
    """Get ready, and serve requests until there are no more."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    link = socket.socket(fileno=move_far_up(int(sys.argv[1])))
    lines = _lines(link)
    settings = next(lines)
    os.chdir(settings["folder"])
    sys.path[0] = os.path.dirname(settings["path"])  # noqa: PTH120
    workplace.given = workplace.Workplace(0, settings["own folder"])
    os.environ["TMPDIR"] = settings["own folder"]
    warm = Warm(settings)
    link.sendall(b'{"ready": true}\n')
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)
    try:
        link.sendall(json.dumps({"why not": warm.get_ready(link)}).encode() + b"\n")
        for request in lines:
            warm.serve(request, link)
    except OSError:
        pass  # the other end is gone
    finally:
        shutil.rmtree(settings["own folder"], ignore_errors=True)  # nobody may be left to do it


def _lines(link: socket.socket) -> Iterator[dict[str, Any]]:
    with link.makefile("rb") as file:
        for line in file:
            yield json.loads(line)


class Warm:
    """The process that runs are forked from.

    Attributes:
        practice: has the program run in this process itself.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self._deadline = 0.0
        self._player = Player(settings["path"], settings["arguments"])
        self._die_with_parent = dier(os.getpid())
        self._is_level_step = settings["level"] == "step"
        self._clock = Clock(lambda: self.practice.on_hang())
        for module in (tape, steps, checks, inside_steps):
            setattr(module, "monotonic_ns", functools.partial(next, self._clock.ticks))  # noqa: B010
        descriptor = move_far_up(file_in_memory())
        self._recorder = Recorder(tape.Tape(descriptor))
        self._reader = TapeReader(descriptor)
        gc.disable()
        self._begin_anew = install_with_numbers(self._recorder)
        self._clock.install(self._recorder.signals)
        self._monitor: Monitor | StepMonitor | None = None
        if settings["all points"]:
            self._monitor = self._steps() if self._is_level_step else Monitor(settings["level"] == "instruction")
        if self._monitor is not None:
            self._monitor.install()
        self.practice = Practice(self._player, self._recorder, self._monitor)
        adopt_orphans()

    def get_ready(self, link: socket.socket) -> str:
        """Run the program, so that what is imported and found out on the way is there for every run.

        What might harm this process is done in a copy of it first. What is returned says why the program cannot be
        swept; nothing if it can.
        """
        practice = self.practice
        ended = self._in_a_copy(link, practice.leaves_no_thread)
        if ended is None or ended not in (_AS_BEFORE, _NOT_AS_BEFORE):
            return "it ends its own process"
        if ended == _NOT_AS_BEFORE:
            return ""  # copies would be without those threads: each run has to begin with the program's first line
        if said := practice.undisturbed():
            return f"it ends with {said}"
        if self._in_a_copy(link, practice.interrupted, _SECONDS_TO_PRACTISE) == _AS_BEFORE:
            practice.interrupted()
        self._reader.new_events()
        gc.freeze()
        return ""

    def _in_a_copy(self, link: socket.socket, action: Callable[[], bool], seconds: float | None = None) -> int | None:
        """Do something in a copy of this process; its exit status, None if it did not end in time.

        Raises:
            OSError: the other end of the link is gone.
        """
        child = os.fork()
        if child == 0:
            try:
                os.setsid()
                self._die_with_parent()
                os._exit(_AS_BEFORE if action() else _NOT_AS_BEFORE)
            finally:
                os._exit(1)
        try:
            has_ended = self._has_ended(child, link, seconds)
        finally:
            status = self._end(child)
        return status if has_ended else None

    def serve(self, request: dict[str, Any], link: socket.socket) -> None:
        """Have a request carried out in a process of its own, and hand on what it tells."""
        self._deadline = request["deadline"]
        told, tell = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.setsid()
                self._die_with_parent()
                link.close()
                os.close(told)
                self._carry_out(request, tell := move_far_up(tell))
                os._exit(0)
            except BaseException:
                os.write(tell, json.dumps({"failed": traceback.format_exc()}).encode() + b"\n")
            finally:
                os._exit(70)
        os.close(tell)
        try:
            has_hung = not (self._hand_on(told, link) and self._has_ended(child, link, self._deadline))
        finally:
            os.close(told)
            ended = self._end(child)
        link.sendall(json.dumps({"ended": ended, "hung": has_hung}).encode() + b"\n")

    def _end(self, child: int) -> int:
        """End a process and all that it has left; its exit status."""
        kill_group(child)
        _, status = os.waitpid(child, 0)
        kill_descendants()
        return os.waitstatus_to_exitcode(status)

    def _carry_out(self, request: dict[str, Any], tell: int) -> None:
        child = Child(self._player, self._recorder, self._reader, self._clock, self._begin_anew, tell)
        if self._monitor is None:
            monitor = self._at_spots([((*site,), time) for site, time in request["spots"]])
            monitor.install()
            child.run(monitor, [((), None)], with_events=True)
        elif "tasks" in request:
            child.run(self._monitor, request["tasks"], with_events=False)
        else:
            child.survey(self._monitor)

    def _steps(self) -> StepMonitor:
        return StepMonitor(self._recorder.signals, self._clock)

    def _at_spots(self, spots: list[Spot]) -> Monitor | StepMonitor:
        if self._is_level_step:
            return SpotSteps(self._recorder.signals, self._clock, spots)
        return SpotMonitor(spots, self._player.code)

    def _hand_on(self, told: int, link: socket.socket) -> bool:
        """Hand on all there is to be told; whether that came to its end, and was not too long in coming.

        Raises:
            OSError: the other end of the link is gone.
        """
        while True:
            watched: list[Any] = [told, link]
            ready, _, _ = select.select(watched, [], [], self._deadline)
            if not ready:
                return False
            if told in ready:
                data = os.read(told, 1 << 16)
                if not data:
                    return True
                link.sendall(data)
            else:  # nothing is asked for meanwhile
                raise ConnectionResetError("the link has ended")

    def _has_ended(self, child: int, link: socket.socket, seconds: float | None) -> bool:
        """Whether a process ends in time that has nothing to tell.

        Raises:
            OSError: the other end of the link is gone.
        """
        if not hasattr(os, "pidfd_open"):
            os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
            return True
        descriptor = os.pidfd_open(child)
        try:
            watched: list[Any] = [descriptor, link]
            ready, _, _ = select.select(watched, [], [], seconds)
        finally:
            os.close(descriptor)
        if link in ready and descriptor not in ready:
            raise ConnectionResetError("the link has ended")
        return bool(ready)


if __name__ == "__main__":
    main()
