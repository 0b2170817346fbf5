"""A warm process, seen from outside: it is started, asked to have the program run, and ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

from cancelkit.errors import CancelkitError
from cancelkit.lab import recorded
from cancelkit.lab.outcome import describe_status
from cancelkit.lab.rights import rights_needed
from cancelkit.sweep.program import Program
from cancelkit.sweep.runs import Point, Run, Spot, Survey, run_of, survey_of
from cancelkit.sweep.verdicts import CRASHED, HUNG, UNRESOLVED, Verdict

DEADLINE = 10.0
"""Real seconds that a run may take, and thrice as long as one without a signal, if that waits in real time."""

_SECONDS_TO_START = 60.0


class _EndedError(Exception):
    """The warm process is no more."""


class Task(NamedTuple):
    """A point that is to be tried, and the spot that its first signal is expected at."""

    point: Point
    first: Spot


class Warm:
    """A warm process for one program; a context, which leaves no process behind."""

    def __init__(self, program: Program, level: str, *, all_points: bool = True) -> None:
        """With `all_points`, it can be asked for the run at any; without, only for runs at spots."""
        self._program = program
        self._settings = {"level": level, "all points": all_points}
        self._deadline = _SECONDS_TO_START
        self._seconds = 0.0  # that the last request took
        self._process: subprocess.Popen[bytes] | None = None
        self._is_closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process, and all that it has forked, for good. May be called from another thread, and again."""
        self._is_closed = True
        self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            self._link.shutdown(socket.SHUT_RDWR)
            try:
                process.wait(timeout=2)  # it ends by itself at the end of its link
            except subprocess.TimeoutExpired:
                process.kill()
            process.wait()
            self._lines.close()
            self._link.close()
            self._folder.cleanup()

    def survey(self) -> Survey:
        """What there is in a run without a signal.

        Raises:
            CancelkitError: the program cannot be run, or does not come to its end.
        """
        told, ended = self._asked({})
        if not told:
            why = f"without any signal it {self._how(ended)}"
            raise CancelkitError(f"{self._program.title} cannot be swept: {why}")
        self._deadline = DEADLINE + 3 * self._seconds
        return survey_of(told[0])

    def at(self, spots: Sequence[Spot]) -> Run:
        """The run with signals at these spots, and no other place instrumented; with its events."""
        told, ended = self._asked({"spots": spots})
        return run_of(told[0]) if told else self._fault((), ended)

    def alone(self, task: Task) -> Run:
        """The run at one point, in a process that nothing was run in before."""
        (run,) = self.together([task])
        return run

    def together(self, tasks: Sequence[Task]) -> list[Run]:
        """Runs at the first of these points, one after the other in one process: as many as it could be used for."""
        told, ended = self._asked({"tasks": tasks})
        runs = [run_of(row) for row in told]
        if ended["hung"] or ended["ended"] != 0 or not runs:
            runs += [self._fault(task.point, ended) for task in tasks[len(runs) :][:1]]
        return runs

    def _asked(self, request: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """What is told for a request, and how the process ended that was forked for it."""
        program = self._program

        def known_by() -> tuple[list[Any], list[str]]:
            words = [program.digest(), *map(recorded.content, program.arguments), self._settings, request]
            return ["sweep", *words], [program.path, *program.arguments]

        told, ended = recorded.made(known_by, lambda: self._ask(request), json.dumps, json.loads)
        return told, ended

    def _ask(self, request: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        if self._process is None:
            self._start()
        told: list[Any] = []
        begun = time.monotonic()
        try:
            self._say(request | {"deadline": self._deadline})
            while "ended" not in (row := self._row()):
                if "failed" in row:
                    raise CancelkitError(f"the sweep itself failed on {self._program.title}: {row['failed']}")
                told.append(row)
            self._seconds = time.monotonic() - begun
            return told, row
        except _EndedError:  # the program has killed its parent; the next request finds a new one
            process = self._process
            if process is None:
                raise
            status = process.wait()
            self._end()
            return told, {"ended": status, "hung": False}

    def _start(self) -> None:
        if self._is_closed:
            raise _EndedError
        self._folder = tempfile.TemporaryDirectory(prefix="cancelkit-sweep-", ignore_cleanup_errors=True)
        ours, its = socket.socketpair()
        command = [sys.executable, "-P", "-m", "cancelkit.sweep.inside.warm", str(its.fileno())]
        # A Ctrl-C in the midst of this would leave a process that nobody knows of.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            with its:
                self._process = process = self._popen(command, its)
            self._link, self._lines = ours, ours.makefile("rb")
        except CancelkitError:
            ours.close()
            self._folder.cleanup()
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        ours.settimeout(None)
        assert process.stderr is not None
        program = self._program
        settings = {"path": program.path, "arguments": program.arguments, "folder": program.folder}
        with process.stderr:
            try:
                self._say(settings | self._settings | {"own folder": self._folder.name})
                self._row()
            except _EndedError:
                said = process.stderr.read().decode(errors="replace").strip().splitlines()
                self._end()
                why = said[-1] if said else "its process ended"
                raise CancelkitError(f"{self._program.title} cannot be swept: {why}") from None
        self._practise()

    def _popen(self, command: list[str], its: socket.socket) -> subprocess.Popen[bytes]:
        try:
            with rights_needed():
                return subprocess.Popen(  # noqa: S603 - the user's own program, under this Python
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    pass_fds=[its.fileno()],
                    env=os.environ | {"PYTHONHASHSEED": "0"},
                    start_new_session=True,
                )
        except OSError as error:
            raise CancelkitError(
                f"{self._program.title} cannot be swept: no process can be started: {error}"
            ) from error

    def _practise(self) -> None:
        self._link.settimeout(_SECONDS_TO_START)
        try:
            row = self._row()
        except (_EndedError, TimeoutError):
            self._end()
            raise CancelkitError(
                f"{self._program.title} cannot be swept: without any signal it does not come to its end, or it ends "
                f"its own process; it had {_SECONDS_TO_START:g} s"
            ) from None
        self._link.settimeout(None)
        if row["why not"]:
            self._end()
            raise CancelkitError(f"{self._program.title} cannot be swept: without any signal {row['why not']}")

    def _say(self, message: dict[str, Any]) -> None:
        try:
            self._link.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise _EndedError from error

    def _row(self) -> dict[str, Any]:
        try:
            line = self._lines.readline()
        except TimeoutError:
            raise
        except (OSError, ValueError) as error:
            raise _EndedError from error
        if not line.endswith(b"\n"):
            raise _EndedError
        row: dict[str, Any] = json.loads(line)
        return row

    def _fault(self, point: Point, ended: dict[str, Any]) -> Run:
        return Run(point, Verdict(HUNG if ended["hung"] else CRASHED, f"the program {self._how(ended)}"))

    def _how(self, ended: dict[str, Any]) -> str:
        if ended["hung"]:
            return f"told nothing for {self._deadline:.0f} s"
        status = ended["ended"]
        return f"ended its process itself, with status {status}" if status >= 0 else f"was {describe_status(status)}"


def try_all(warm: Warm, tasks: Sequence[Task]) -> list[Run]:
    """A run for each of these points, that can be believed: what is not clean was so twice, in different processes."""
    firsts = _shared(warm, tasks)
    doubtful = [number for number, run in enumerate(firsts) if not run.is_clean and _is_there(run, tasks[number])]
    # The other way round, so that each comes after other runs than before.
    again = _shared(warm, [tasks[number] for number in reversed(doubtful)])
    seconds = dict(zip(reversed(doubtful), again, strict=True))
    return [
        _settled(warm, task, first, seconds.get(n)) for n, (task, first) in enumerate(zip(tasks, firsts, strict=True))
    ]


def _shared(warm: Warm, tasks: Sequence[Task]) -> list[Run]:
    """A run for each of these points, in as few processes as can be."""
    runs: list[Run] = []
    while len(runs) < len(tasks):
        runs += warm.together(tasks[len(runs) :])
    return runs


def _settled(warm: Warm, task: Task, first: Run, second: Run | None) -> Run:
    """The run at a point that can be believed: what is clean, and where it should be; or what came twice.

    A point on which two runs disagree gets processes of its own.
    """
    is_there = _is_there(first, task)
    if is_there and (first.is_clean or (second is not None and second.agrees_with(first))):
        return first
    third = warm.alone(task)
    if third.agrees_with(first) or (third.is_clean and not is_there and _is_there(third, task)):
        return third
    fourth = warm.alone(task)
    if fourth.agrees_with(third):
        return fourth
    why = f"one run: {third.verdict.word}; another: {fourth.verdict.word}"
    return fourth._replace(verdict=Verdict(UNRESOLVED, why, fourth.verdict.at))


def _is_there(run: Run, task: Task) -> bool:
    return bool(run.raised) and run.raised[0] == task.first


def try_elsewhere(program: Program, level: str, tasks: Sequence[Task]) -> list[Run]:
    """As `try_all`, with a warm process of its own: for an executor's workers."""
    with Warm(program, level) as warm:
        return try_all(warm, tasks)
