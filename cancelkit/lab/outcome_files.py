"""Outcomes in files: a record of what was recorded, with all the rest in its first line.

So what can read a record can read an outcome. Nothing that is read is ever evaluated.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cancelkit.errors import BadMomentError, BadRecordError, CancelkitError
from cancelkit.lab.experiment import Experiment
from cancelkit.lab.moments import Moment, parse_signal
from cancelkit.lab.outcome import Leak, Outcome
from cancelkit.lab.server import Visit
from cancelkit.trace.files import replacing
from cancelkit.trace.lines import check, parsed
from cancelkit.trace.record import Record, lines_of, parse_record

_MEMBERS: Mapping[str, type] = {
    "arguments": list,
    "signals": list,
    "deadline": float,
    "pace": float,
    "returncode": int,
    "hung": bool,
    "stdout": str,
    "stderr": str,
    "stacks": str,
    "left": list,
    "visits": list,
}


def save_outcome(outcome: Outcome, path: str | os.PathLike[str]) -> None:
    """Write an outcome to a file. What was there before stays as it was if that fails.

    Raises:
        CancelkitError: the file cannot be written.
    """
    with replacing(path) as file:
        file.writelines(lines_of_outcome(outcome))


def lines_of_outcome(outcome: Outcome) -> Iterator[bytes]:
    """The lines of an outcome's file."""
    experiment = outcome.experiment
    rest: dict[str, Any] = {
        "arguments": list(experiment.arguments),
        "signals": [[str(moment), signum.name] for moment, signum in experiment.signals],
        "deadline": float(experiment.deadline),
        "pace": float(experiment.pace),
        "returncode": outcome.returncode,
        "hung": outcome.hung,
        "stdout": outcome.stdout,
        "stderr": outcome.stderr,
        "stacks": outcome.stacks,
        "left": [list(leak) for leak in outcome.left_outside],
        "visits": [list(visit) for visit in outcome.visits],
    }
    if experiment.expect is not None:
        rest["expect"] = sorted(experiment.expected)
    record = Record(outcome.events, os.fspath(experiment.program), platform.python_version())
    return lines_of(record, {"outcome": rest})


def load_outcome(path: str | os.PathLike[str]) -> Outcome:
    """Read an outcome from a file.

    Raises:
        CancelkitError: the file cannot be read.
        BadRecordError: it is no outcome, or one that was cut off, or of a version that is not known here.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise CancelkitError(f"cannot read {os.fspath(path)!r}: {error.strerror or error}") from error
    return parse_outcome(data, os.fspath(path))


def parse_outcome(data: bytes, name: str) -> Outcome:
    """Read an outcome from the bytes of a file, which errors call by `name`.

    Raises:
        BadRecordError: as for `load_outcome`.
    """
    record = parse_record(data, name)
    if any("cut off" in note for note in record.notes):
        raise BadRecordError(f"{name} is no whole outcome: {'; '.join(record.notes)}")
    rest = parsed(data.partition(b"\n")[0]).get("outcome")
    if not isinstance(rest, dict):
        raise BadRecordError(f"{name} is a record and no outcome: read it with cancelkit.trace.record.read_record")
    try:
        check(rest, _MEMBERS, {"expect": list})
        experiment = Experiment(
            record.program,
            [(Moment.parse(moment), parse_signal(signum)) for moment, signum in _rows(rest, "signals")],
            rest["arguments"],
            rest["deadline"],
            rest.get("expect"),
            rest["pace"],
        )
        left, visits = _rows(rest, "left"), _rows(rest, "visits")
    except (BadRecordError, BadMomentError, CancelkitError) as error:
        raise BadRecordError(f"{name}, line 1: {error}") from None
    return Outcome(
        experiment,
        rest["returncode"],
        rest["hung"],
        rest["stdout"],
        rest["stderr"],
        rest["stacks"],
        record.events,
        tuple(Leak(*row) for row in left),
        tuple(Visit(*row) for row in visits),
    )


def _rows(rest: Mapping[str, Any], name: str) -> list[tuple[str, str]]:
    """Rows of two strings each."""
    rows = rest[name]
    for row in rows:
        if not (isinstance(row, list) and len(row) == 2 and all(isinstance(word, str) for word in row)):
            raise BadRecordError(f"{name!r} has {row!r}, which is not two strings")
    return [(first, second) for first, second in rows]
