"""Recorded runs: what stands in for an experiment where no process may be started, or none be sent a signal.

Some hubs forbid that. In a notebook, an experiment of the course shows then what came of it when it was recorded; any
other is an error that says why. Nowhere else: a test must not pass on what came of a run long ago.

A run is known by what decides about it: the text of the program, its arguments, the moments and the signals.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from cancelkit.errors import ForbiddenError

T = TypeVar("T")

SHIPPED = Path(__file__).parents[1] / "course" / "recorded"
"""The archives that come with the kit: one for each notebook."""


class _State:
    """What this process does about recorded runs.

    Attributes:
        may_stand_in: whether they stand in for runs that are forbidden.
        keep_in: a folder in which what comes of runs is kept, to be shipped; None for nowhere.
        shown: how many have stood in so far.
        why: why the last of them had to.
    """

    may_stand_in = False
    keep_in: Path | None = None
    shown = 0
    why = ""


state = _State()


def made(
    known_by: Callable[[], tuple[Sequence[object], Sequence[str]]],
    run: Callable[[], T],
    to_text: Callable[[T], str],
    from_text: Callable[[str], T],
) -> T:
    """Make a run; or let what was recorded of it stand in if it is forbidden.

    Args:
        known_by: gives words that tell this run from any other, made of what JSON can say; and the names of files that
            may turn up in them, and in what comes of it. It is only asked if something recorded is needed, or kept.
        run: makes it.
        to_text: what comes of it, in writing.
        from_text: the other way round.

    Raises:
        ForbiddenError: it is forbidden, and nothing may stand in, or nothing was recorded.
    """
    known = _known(known_by) if state.keep_in is not None else None  # before it, for it may write files that it names
    try:
        result = run()
    except ForbiddenError as error:
        if not state.may_stand_in:
            raise
        key, places = known or _known(known_by)
        archive = _archives().get(key)
        if archive is None:
            raise ForbiddenError(f"{error}; and no run of exactly this was recorded") from None
        state.shown += 1
        state.why = str(error)
        with zipfile.ZipFile(archive) as file:
            return from_text(_placed(file.read(key).decode(), places))
    if state.keep_in is not None and known is not None:
        key, places = known
        (state.keep_in / key).write_text(_unplaced(to_text(result), places), encoding="utf-8")
    return result


def _known(known_by: Callable[[], tuple[Sequence[object], Sequence[str]]]) -> tuple[str, list[tuple[str, str]]]:
    """The name of a run, and the folders that may turn up in it."""
    words, files = known_by()
    places = list(_places(files))
    return _key(words, places), places


def content(word: str) -> str:
    """What a word of a command line stands for: if it names a file, also as file.py:function, what is in there."""
    path, colon, name = word.rpartition(":") if ":" in word else (word, "", "")
    for file in (path, f"{path}.py"):
        with contextlib.suppress(OSError, ValueError):
            return f"{hashlib.sha256(Path(file).read_bytes()).hexdigest()}{colon}{name}"
    return word


def _key(words: Sequence[object], places: Sequence[tuple[str, str]]) -> str:
    """A name for a run: the same for the same words, wherever the files are that they name."""
    return hashlib.sha256(_unplaced(json.dumps(words), places).encode()).hexdigest()[:24]


@functools.cache
def _archives() -> dict[str, Path]:
    """In which archive each run is."""
    found = {}
    for archive in sorted(SHIPPED.glob("*.zip")):
        with zipfile.ZipFile(archive) as file:
            found.update(dict.fromkeys(file.namelist(), archive))
    return found


def _places(files: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Folders, the longest first, and what they are called in what is shipped."""
    folders = {
        "kit": Path(__file__).parents[1],
        "here": Path.cwd(),
        "above": Path.cwd().parent,
        "python": Path(os.__file__).parent,
        "prefix": Path(sys.prefix),
        "temp": Path(tempfile.gettempdir()),
    }
    named = [Path(word.rpartition(".py:")[0] + ".py" if ".py:" in word else word).parent for word in files]
    folders |= {f"beside {n}": folder for n, folder in enumerate(named, 1) if folder.is_absolute()}
    for name, folder in sorted(folders.items(), key=lambda item: -len(str(item[1]))):
        for spelled in dict.fromkeys((str(folder), str(folder.resolve()))):
            if spelled != os.sep:
                yield spelled, f"\N{MATHEMATICAL LEFT ANGLE BRACKET}{name}\N{MATHEMATICAL RIGHT ANGLE BRACKET}"


def _unplaced(text: str, places: Sequence[tuple[str, str]]) -> str:
    for folder, name in places:
        text = text.replace(folder, name)
    return text


def _placed(text: str, places: Sequence[tuple[str, str]]) -> str:
    for folder, name in places:
        text = text.replace(name, folder)
    return text
