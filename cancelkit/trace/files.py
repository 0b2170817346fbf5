"""Writing a file so that half of a new one never takes the place of a good old one."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from cancelkit.errors import CancelkitError

_DESCRIPTORS = ("/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/")
"""Names of what is open already: also where it is a regular file, another one must not take its place."""


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Give a file to write to, which takes the place of what is at `path` when the block has ended well.

    What is no regular file, such as a pipe or a terminal, is written to as it is.

    Raises:
        CancelkitError: it cannot be written. A regular file at `path` is what it was before.
    """
    try:
        if _is_written_as_it_is(Path(path)):
            with Path(path).open("ab") as file:
                yield file
            return
        target = Path(path).resolve()  # a link goes on to lead there
        draft = target.with_name(f".{os.urandom(8).hex()}.partial")
        with draft.open("xb") as file:
            try:
                yield file
                file.close()
                draft.replace(target)
            except BaseException:
                draft.unlink()
                raise
    except OSError as error:
        raise CancelkitError(f"cannot write {os.fspath(path)!r}: {error.strerror or error}") from error


def _is_written_as_it_is(path: Path) -> bool:
    try:
        return not stat.S_ISREG(path.stat().st_mode) or str(path).startswith(_DESCRIPTORS)
    except FileNotFoundError:
        return False
