"""Starting Python such that a module of ours runs before the program's first line: what both ends of that need.

The module is named in the environment, where `startup/sitecustomize.py` finds it.
"""

from __future__ import annotations

import fcntl
import json
import os
from typing import TYPE_CHECKING, Any

from cancelkit.trace.tape import FAR_UP

if TYPE_CHECKING:
    from pathlib import Path

# No pathlib, which a child would import for this alone.
_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
_STARTUP = os.path.join(_HERE, "startup")  # noqa: PTH118
_PACKAGE = os.path.dirname(os.path.dirname(_HERE))  # noqa: PTH120


def environment_for(module: str, settings: dict[str, Any]) -> dict[str, str]:
    """The environment of a Python that calls `start` of a module with these settings, before it runs its program."""
    before = os.environ.get("PYTHONPATH")
    settings = settings | {"module": module, "pythonpath": before, "package": _PACKAGE}
    return os.environ | {
        "CANCELKIT_CHILD": json.dumps(settings),
        "PYTHONPATH": os.pathsep.join([_STARTUP, *([before] if before else [])]),
    }


def as_a_path(program: Path | str) -> str:
    """A file name that Python does not take for an option."""
    name = os.fspath(program)
    return os.path.join(os.curdir, name) if name.startswith("-") else name  # noqa: PTH118 - Path drops the dot


def move_far_up(descriptor: int) -> int:
    """Move a descriptor out of the program's way; programs started by the program do not get it.

    Raises:
        OSError: the limit of open files is too low for that.
    """
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, FAR_UP)
    os.close(descriptor)
    return moved
