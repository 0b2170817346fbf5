"""A process that makes an experiment and is sent a signal in the middle of it, once per line of the lab that runs.

python experimenter.py SIGNAL FIRST STEP: a process is forked for the FIRSTth line, and for every STEPth after it,
which sends the signal to itself before that line, counted as they are run first. For each there is one line of
output: how it ended, and what it left of children, descriptors and handlers. When a forked process was killed, that
is followed by a wait, without limit, for the end of every process that it had started.
"""

import contextlib
import itertools
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from cancelkit.lab import Experiment, perform
from cancelkit.lab.moments import Moment

Tracer = Callable[[FrameType, str, Any], Any]

PROGRAM = Path(__file__).with_name("misbehave.py")
EXPERIMENT = Experiment(PROGRAM, [(Moment.parse("active=1"), signal.SIGINT)], ["ends_only_on_sigint"], deadline=100)


def tracer(line: int, signum: int, seen: set[tuple[str, int]]) -> Tracer:
    """A function for sys.settrace that sends this process a signal before a line of the lab."""

    def trace(frame: FrameType, event: str, _: Any) -> Tracer | None:
        if "/lab/" not in frame.f_code.co_filename:
            return None
        place = frame.f_code.co_filename, frame.f_lineno
        if event == "line" and place not in seen:
            seen.add(place)
            if len(seen) == line:
                sys.settrace(None)
                os.kill(os.getpid(), signum)
        return trace

    return trace


def experiment(line: int, signum: int) -> bool:
    """Make the experiment with a signal at a line; return whether there was such a line."""
    descriptors = sorted(Path("/proc/self/fd").iterdir())
    seen: set[tuple[str, int]] = set()
    sys.settrace(tracer(line, signum, seen))
    end = "returned"
    try:
        perform(EXPERIMENT)
    except BaseException as error:
        end = type(error).__name__
    sys.settrace(None)
    left = [
        Path(f"/proc/self/task/{os.getpid()}/children").read_text(),
        "descriptors" if sorted(Path("/proc/self/fd").iterdir()) != descriptors else "",
        "a handler" if signal.getsignal(signal.SIGINT) is not signal.default_int_handler else "",
    ]
    was_there = len(seen) >= line
    print(f"line {line}: {end if was_there else 'there is none'}; left:", *filter(None, left), flush=True)
    return was_there


def born_with(marker: str) -> list[str]:
    """The processes that had a marker in their environment from the beginning."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if marker.encode() in (process / "environ").read_bytes():
                found.append(process.name)
    return found


def in_a_fork(line: int, signum: int) -> bool:
    marker = f"experiment {os.getpid()} {line}"
    pid = os.fork()
    if pid == 0:
        os.environ["MARKER"] = marker
        os._exit(0 if experiment(line, signum) else 1)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status < 0:
        died = time.monotonic()
        while born_with(marker):
            time.sleep(0.005)  # a look at /proc: nobody is left who could tell
        print(f"line {line}: killed by {signal.Signals(-status).name}; left: ", end="")
        print(f"(nothing after {time.monotonic() - died:.2f} s)", flush=True)
    return status != 1


if __name__ == "__main__":
    for number in itertools.count(int(sys.argv[2]), int(sys.argv[3])):
        if not in_a_fork(number, signal.Signals[sys.argv[1]]):
            break
