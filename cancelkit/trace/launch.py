"""Launching: any Python program as it is, recorded.

The record is a file without a name that the program inherits. It is read when the program has ended, in whatever way.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

from cancelkit.errors import CancelkitError, UnusableProgramError
from cancelkit.trace.events import Event, in_order
from cancelkit.trace.place import run_in_place
from cancelkit.trace.record import Record, notes_of
from cancelkit.trace.starting import as_a_path, environment_for, move_far_up
from cancelkit.trace.tape import FAR_UP, Tape
from cancelkit.trace.tape_reader import TapeReader


@dataclass(frozen=True)
class Run:
    """A program that has run: its record, and its exit status as in `Popen.returncode`."""

    record: Record
    returncode: int


def run_program(program: Path | str, arguments: Sequence[str] = ()) -> Run:
    """Run a program in the place of this process, as `python program arguments…` would, and record it.

    Only for a process that has nothing else to do meanwhile, and its main thread: the program has its streams, its
    terminal and its signals (see `place`).

    Raises:
        UnusableProgramError: there is no such file, or the system refuses to start Python with these arguments.
        CancelkitError: there is no room for a record.
    """
    name = os.fspath(program)
    # os.path, for that of Path fails where it may not look, and takes no name at all for the folder that we are in.
    if os.path.isdir(name) or not os.path.exists(name):  # noqa: PTH110, PTH112
        what = "is a directory" if os.path.isdir(name) else "does not exist"  # noqa: PTH112
        raise UnusableProgramError(
            f"cannot run {name!r}: it {what}; give the path of a Python program, or a module with -m"
        )
    return _run([as_a_path(program), *arguments], shlex.join([name, *arguments]))


def run_module(module: str, arguments: Sequence[str] = ()) -> Run:
    """Run a module in the same way, as `python -m module arguments…` would; it is Python that says if there is none.

    To look for it here would be to import the packages that it is in, into a process that is not to be theirs.
    """
    return _run(["-m", module, *arguments], shlex.join(["-m", module, *arguments]))


def end_like(returncode: int) -> NoReturn:
    """End this process as one with that status has ended: by the same signal, if it was one."""
    if returncode >= 0:
        raise SystemExit(returncode)
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # what there was to be seen was in the program's memory
    signum = -returncode
    with contextlib.suppress(OSError, ValueError):  # SIGKILL, for which nothing can be set
        signal.signal(signum, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signum})
    os.kill(os.getpid(), signum)
    raise SystemExit(128 - returncode)  # the first process of a container is not killed by its own signals


def _run(words: Sequence[str], title: str) -> Run:
    with _open_record() as file:
        returncode = _start_and_wait(words, file.fileno())
        ended = Event(time.monotonic_ns(), "exit", None, {"status": returncode})
        events = in_order([*TapeReader(file.fileno()).new_events(), ended])
        notes = list(notes_of(events))
        if not os.fstat(file.fileno()).st_size:
            notes.append("nothing was recorded: Python ended before that began, or there was no room any more")
    return Run(Record(events, title, platform.python_version(), tuple(notes)), returncode)


def _open_record() -> IO[bytes]:
    """A file for the record, where there is room for one; whatever there is not, is better known before the run."""
    try:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - for the caller to close
    except OSError as error:
        raise _unable(error.strerror) from error
    why_not = Tape(file.fileno()).why_over
    if why_not:
        file.close()
        raise _unable(why_not)
    file.truncate()
    return file


def _start_and_wait(words: Sequence[str], record: int) -> int:
    # Moved before anything of the program's runs: with stderr closed, the file has its number.
    try:
        inherited = move_far_up(os.dup(record))
    except OSError as error:
        raise _unable(error.strerror) from error
    try:
        os.set_inheritable(inherited, True)
        environment = environment_for("cancelkit.trace.child", {"record": inherited})
        return run_in_place([sys.executable, *words], environment)
    except (OSError, ValueError) as error:
        raise UnusableProgramError(f"cannot start {sys.executable} with {list(words)}: {error}") from error
    finally:
        os.close(inherited)


def _unable(why: str | None) -> CancelkitError:
    return CancelkitError(
        f"cannot record: {why}; it takes room in {tempfile.gettempdir()}, or where TMPDIR points, "
        f"and a limit of open files (ulimit -n) above {FAR_UP}"
    )
