"""What happens in a child before the program's first line: the supervisor, the signals, the recorder, the gate."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any, NoReturn

from cancelkit.trace.starting import move_far_up

STACK_DUMP = getattr(signal, "SIGRTMAX", signal.SIGUSR2)
"""The signal at which a child writes the stacks of its threads, however stuck it is."""


def start(settings: dict[str, Any]) -> None:
    """Become the program that is to be interrupted; the process that was becomes its supervisor."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    told = _fork_from_supervisor(settings)
    os.setsid()
    _reset_signals()
    control, record, stacks = (move_far_up(settings[name]) for name in ("control", "record", "stacks"))
    _install(settings, control, record, stacks)
    if not os.read(told, 1):
        os._exit(70)  # nobody watches: never go on to run the program
    os.close(told)


def _install(settings: dict[str, Any], control: int, record: int, stacks: int) -> None:
    # Imported only here, so that the supervisor gets ready on another core meanwhile, and is a small process.
    import faulthandler

    from cancelkit.lab import workplace
    from cancelkit.lab.census import Census
    from cancelkit.lab.gate import Gate
    from cancelkit.lab.moments import Moment
    from cancelkit.trace.recorder import Recorder
    from cancelkit.trace.tape import Tape
    from cancelkit.trace.tape_reader import TapeReader

    faulthandler.register(STACK_DUMP, file=stacks, all_threads=True)
    workplace.given = workplace.Workplace(settings["port"], f"{settings['folder']}/jobs")
    os.environ["TMPDIR"] = f"{settings['folder']}/tmp"  # noqa: S108 - in a folder that is the experiment's own
    recorder = Recorder(Tape(record, settings["limit"]))
    recorder.install()
    moments = [Moment(tuple(map(tuple, conditions))) for conditions in settings["moments"]]
    Gate(moments, control, recorder, TapeReader(record)).install()
    Census(recorder).install()


def _fork_from_supervisor(settings: dict[str, Any]) -> int:
    """Return in a new process, with a pipe on which it is told that it is watched over; this one stays to do that."""
    told, tell = os.pipe()
    program = os.fork()
    if program:
        for descriptor in (told, settings["control"], settings["record"], settings["stacks"]):
            os.close(descriptor)
        _supervise_or_exit(program, settings, lambda: os.write(tell, b"."))
    os.close(tell)
    os.close(settings["link"])
    return told


def _supervise_or_exit(program: int, settings: dict[str, Any], on_ready: Callable[[], Any]) -> NoReturn:
    try:
        from cancelkit.lab.supervisor import supervise

        supervise(program, settings["link"], settings["experimenter"], settings["folder"], on_ready)
    finally:
        os._exit(70)  # whatever happened, this process must never go on to run the program as well


def _reset_signals() -> None:
    """What a kernel's background task, `nohup` and a shell's `&` hand down is "ignored"; undo it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for signum in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(signum, signal.SIG_DFL)
