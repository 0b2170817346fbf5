"""Tokens: one run of a sweep as a word, from which it can be made again.

A token says which Python, which program with which digest, which level, and where the signals were raised: at which
instruction of which function, and the how manieth time. Nothing that it says is evaluated.
"""

from __future__ import annotations

import base64
import binascii
import json
import platform
import sysconfig
import zlib
from pathlib import Path
from typing import Any, NamedTuple

from cancelkit.errors import BadTokenError
from cancelkit.sweep.program import STAGE, Program
from cancelkit.sweep.runs import LEVELS, Run, Site, Spot
from cancelkit.sweep.verdicts import WORDS

_START = "ck1."
_LONGEST = 20_000
_ROOTS = {
    "python": Path(sysconfig.get_paths()["stdlib"]),
    "cancelkit": STAGE.parents[1],
}
"""Folders that are elsewhere on another machine, by what a token calls them."""


class Token(NamedTuple):
    """What a token says: a program, how it was swept, where the signals were raised, and the verdict."""

    program: Program
    level: str
    spots: tuple[Spot, ...]
    verdict: str


def token_of(program: Program, level: str, run: Run) -> str:
    """A run as a token."""
    spots = [[_short(site.file, program), *site[1:], time] for site, time in run.raised]
    arguments = [_short_word(word, program) for word in program.arguments]
    said = {
        "python": platform.python_version(),
        "title": program.title,
        "path": _short(program.path, program),
        "arguments": arguments,
        "digest": program.digest(_files(run.raised)),
        "level": level,
        "spots": spots,
        "verdict": run.verdict.word,
    }
    packed = zlib.compress(json.dumps(said, separators=(",", ":")).encode(), 9)
    return _START + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def read_token(token: str) -> Token:
    """What a token says.

    Raises:
        BadTokenError: it is no token, or not of this Python and this program.
    """
    said = _unpacked(token)
    if said["python"] != platform.python_version():
        raise BadTokenError(
            f"the token is of Python {said['python']}, and this is {platform.python_version()}: points differ between "
            "versions, so it can only be replayed there"
        )
    folder = str(Path.cwd())
    arguments = tuple(_long_word(word, folder) for word in said["arguments"])
    program = Program(said["title"], _long(said["path"], folder), arguments, folder)
    spots = tuple(
        Spot(Site(_long(file, folder), function, *numbers), time) for file, function, *numbers, time in said["spots"]
    )
    try:
        digest = program.digest(_files(spots))
    except OSError as error:
        raise BadTokenError(f"the token is of {program.title}, and {error.filename!r} is not there") from error
    if digest != said["digest"]:
        raise BadTokenError(
            f"{program.title} has changed since the token was made (its digest is {digest}, the token's "
            f"{said['digest']}): sweep it again"
        )
    return Token(program, said["level"], spots, said["verdict"])


def _unpacked(token: str) -> dict[str, Any]:
    said: Any = None
    try:
        if token.startswith(_START):
            data = token.removeprefix(_START)
            unpacker = zlib.decompressobj()
            packed = base64.b64decode(data + "=" * (-len(data) % 4), altchars=b"-_", validate=True)
            text = unpacker.decompress(packed, _LONGEST)
            said = json.loads(text) if b"\\u0000" not in text else None  # no name of a file has that
    except (binascii.Error, zlib.error, ValueError, RecursionError):
        pass
    if not _is_well_formed(said):
        raise BadTokenError(f"{token[:40]!r} is no token of a sweep: it would start with {_START}, and be whole")
    return said  # type: ignore[no-any-return]


def _is_well_formed(said: Any) -> bool:
    words = ("python", "title", "path", "digest", "level", "verdict")
    if not isinstance(said, dict) or not all(isinstance(said.get(word), str) for word in words):
        return False
    spots, arguments = said.get("spots"), said.get("arguments")
    if not isinstance(arguments, list) or not all(isinstance(word, str) for word in arguments):
        return False
    if not isinstance(spots, list) or not 1 <= len(spots) <= 3:
        return False
    shape = [str, str, int, int, int, int]
    are_spots = all(isinstance(spot, list) and [type(part) for part in spot] == shape for spot in spots)
    return are_spots and said["level"] in LEVELS and said["verdict"] in WORDS


def _files(spots: tuple[Spot, ...]) -> list[str]:
    """The files of the program's own that signals were raised in."""
    return [spot.site.file for spot in spots if spot.site.is_own]


def _short(file: str, program: Program) -> str:
    for name, root in (*_ROOTS.items(), (".", Path(program.folder))):
        if Path(file).is_relative_to(root):
            return f"{name}:{Path(file).relative_to(root)}"
    return f"/:{file}"


def _long(name: str, folder: str) -> str:
    root, _, rest = name.partition(":")
    if rest.startswith("<"):  # what was made of a string
        return rest
    return str({**_ROOTS, ".": Path(folder)}.get(root, Path("/")) / rest)


def _short_word(word: str, program: Program) -> str:
    home, colon, name = word.rpartition(":")
    return f"@{_short(home, program)}{colon}{name}" if home.startswith("/") else f"={word}"


def _long_word(word: str, folder: str) -> str:
    if not word.startswith("@"):
        return word[1:]
    home, colon, name = word[1:].rpartition(":")
    return f"{_long(home, folder)}{colon}{name}"
