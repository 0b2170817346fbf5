"""Commands that a notebook runs beside its experiments: a shell, pytest, the command line of the kit itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from cancelkit.lab import recorded
from cancelkit.lab.rights import rights_needed


def run_command(
    words: Sequence[str | Path],
    *,
    folder: str | Path = ".",
    env: Mapping[str, str] | None = None,
    writes: Sequence[Path] = (),
) -> subprocess.CompletedProcess[str]:
    """Do what `subprocess.run` does, with the output kept as text; what was recorded stands in where that is forbidden.

    Args:
        words: the command.
        folder: where it runs.
        env: what is added to the environment.
        writes: the files that it writes.

    Raises:
        ForbiddenError: no process may be started here, and nothing was recorded of this command.
        OSError: there is no such command.
    """
    command = [str(word) for word in words]
    beside = [word if word == sys.executable else os.path.join(folder, word) for word in command]  # noqa: PTH118

    def known_by() -> tuple[list[object], list[str]]:
        return ["command", *map(_meaning, command, beside), dict(env or {})], [*beside, *map(str, writes)]

    def run() -> subprocess.CompletedProcess[str]:
        with rights_needed():
            return subprocess.run(  # noqa: S603 - the reader's own command
                command, cwd=folder, env={**os.environ, **(env or {})}, capture_output=True, text=True
            )

    def to_text(done: subprocess.CompletedProcess[str]) -> str:
        files = [path.read_text(encoding="utf-8") for path in writes]
        return json.dumps([done.returncode, done.stdout, done.stderr, files])

    def from_text(text: str) -> subprocess.CompletedProcess[str]:
        returncode, stdout, stderr, files = json.loads(text)
        for path, written in zip(writes, files, strict=True):
            path.write_text(written, encoding="utf-8")
        return subprocess.CompletedProcess(command, returncode, stdout, stderr)

    return recorded.made(known_by, run, to_text, from_text)


def _meaning(word: str, beside: str) -> str:
    """What a word stands for: this Python, a file's content, or itself."""
    if word == sys.executable:
        return "python"
    found = recorded.content(beside)
    return word if found == beside else found
