"""Installs the recorder before a program's first line; where Python imports it from, only PYTHONPATH knows.

The tape is the open file whose descriptor CANCELKIT_TAPE tells. Nothing of this can be seen by the program.
"""

import fcntl
import os
import sys


def _start() -> None:
    from pathlib import Path

    inherited = int(os.environ.pop("CANCELKIT_TAPE"))
    here = Path(__file__).parent
    sys.path.remove(str(here))
    del os.environ["PYTHONPATH"]
    root = str(here.parents[2])
    sys.path.insert(0, root)
    from cancelkit.trace.recorder import Recorder
    from cancelkit.trace.tape import FAR_UP, Tape

    sys.path.remove(root)
    tape = fcntl.fcntl(inherited, fcntl.F_DUPFD_CLOEXEC, FAR_UP)
    os.close(inherited)
    Recorder(Tape(tape)).install()


_start()
# Python does not mind, and then there is no such module: as without us.
raise ModuleNotFoundError("No module named 'sitecustomize'", name="sitecustomize")
