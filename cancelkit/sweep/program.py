"""What is swept: a program with its arguments, or somebody's `run_tasks` on the standard jobs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from cancelkit.contract.check import runner_of, target_named
from cancelkit.errors import CancelkitError
from cancelkit.sweep import stage

STAGE = Path(stage.__file__)


class Program(NamedTuple):
    """A program as the sweep runs it.

    Attributes:
        title: what to call it: its path, or the target's name.
        path: its file, absolute.
        arguments: what it finds in `sys.argv` after its name.
        folder: where it runs.
    """

    title: str
    path: str
    arguments: tuple[str, ...]
    folder: str

    @property
    def is_target(self) -> bool:
        """Whether it is a function that runs the standard jobs."""
        return self.path == str(STAGE)

    def digest(self, files: Iterable[str] = ()) -> str:
        """A word for what its source is: that of its own file, of the target's, and of others of its files."""
        of_target = [word.rpartition(":")[0] for word in self.arguments] if self.is_target else []
        named = {self.path, *files, *(name for name in of_target if name.endswith(".py"))}
        total = hashlib.sha256()
        for name in sorted(named):
            total.update(Path(name).read_bytes())
        return total.hexdigest()[:16]


def program_at(path: str | os.PathLike[str], arguments: Sequence[str] = ()) -> Program:
    """A program by its file.

    Raises:
        CancelkitError: there is no such file.
    """
    found = Path(path)
    if not found.is_file():
        raise CancelkitError(f"there is no program {os.fspath(path)!r}")
    return Program(os.fspath(path), str(found.resolve()), tuple(arguments), str(Path.cwd()))


def target_program(target: str, runner: str = "", *, finish: bool = False, jobs: int = stage.JOBS) -> Program:
    """Somebody's `run_tasks` (path.py:function or package.module:function) on the standard jobs.

    They are five, two at a time, each of which holds something to be tidied up; with `finish`, their cleanup is inside
    `cancelkit.finish`. They run under `asyncio.run` unless another runner is named, the kit's own under
    `cancelkit.run`.
    """
    named = target_named(target, runner or runner_of(target))
    flags = ("--finish",) if finish else ()
    arguments = (named.run_tasks, named.runner, str(jobs), *flags)
    return Program(f"{target}{' with finish' if finish else ''}", str(STAGE), arguments, str(Path.cwd()))
