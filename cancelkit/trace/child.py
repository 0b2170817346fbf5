"""What happens before the first line of a program that `cancelkit trace` runs: the recorder is installed, no more."""

from __future__ import annotations

import os
from typing import Any

from cancelkit.trace.recorder import Recorder
from cancelkit.trace.tape import Tape


def start(settings: dict[str, Any]) -> None:
    """Record this process to the descriptor that it was started with; programs started by it do not get that."""
    os.set_inheritable(settings["record"], False)
    Recorder(Tape(settings["record"])).install()
