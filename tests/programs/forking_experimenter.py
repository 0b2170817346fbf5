"""A process that makes an endless experiment, and forks, at the worst time, one that holds all descriptors open.

That one ends when stdin does.
"""

import os
import subprocess
import sys
from pathlib import Path
from signal import SIGINT
from typing import Any

from cancelkit.lab import Experiment, perform
from cancelkit.lab.moments import Moment

start = subprocess.Popen.__init__


def start_and_fork(process: "subprocess.Popen[bytes]", *args: Any, **kwargs: Any) -> None:
    """Start a process, then fork this one."""
    start(process, *args, **kwargs)
    if os.fork() == 0:
        sys.stdin.read()
        os._exit(0)


if __name__ == "__main__":
    subprocess.Popen.__init__ = start_and_fork  # type: ignore[method-assign,assignment]
    program = Path(__file__).with_name("misbehave.py")
    perform(Experiment(program, [(Moment.parse("active=100"), SIGINT)], ["loops_for_ever"], deadline=1000))
