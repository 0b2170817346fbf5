"""Cells of notebooks that interrupt a program: what the magic makes of them, also where there is no IPython."""

from __future__ import annotations

import argparse
import contextlib
import shlex
from pathlib import Path

from cancelkit.lab import Experiment, Outcome, perform, signals_at
from cancelkit.lab.moments import Moments, parse_signal

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"

_OPTIONS = argparse.ArgumentParser()
for each in ("--when", "--title", "--as"):
    _OPTIONS.add_argument(each)
for each in ("--then", "--signal", "--expect"):
    _OPTIONS.add_argument(each, action="append", default=[])
_OPTIONS.add_argument("--deadline", type=float, default=100)
_OPTIONS.add_argument("--quiet", action="store_true")
_OPTIONS.add_argument("program")
_OPTIONS.add_argument("arguments", nargs=argparse.REMAINDER)


def interrupt_cell(cell: str, folder: Path, *changes: tuple[str, str]) -> Outcome:
    """What comes of a cell that begins with `%%interrupt`, with something else in the place of some of its text."""
    magic, _, text = cell.partition("\n")
    assert magic.startswith("%%interrupt ")
    for old, new in changes:
        assert text.count(old) == 1, (text.count(old), old)
        text = text.replace(old, new)
    program = folder / "cell.py"
    program.write_text(f"\n{text}\n")
    return _interrupt(f"{magic} {program}")


def interrupt_line(line: str, **names: object) -> Outcome:
    """What comes of `%interrupt …` in a cell where there are these names."""
    for name, value in names.items():
        line = line.replace(f"${name}", shlex.quote(str(value)))
    return _interrupt(line.replace("\\\n", " "))


def _interrupt(line: str) -> Outcome:
    options = _OPTIONS.parse_args(shlex.split(line)[1:])
    moments = Moments.parse(" then ".join([options.when, *options.then]))
    signals = signals_at(moments, list(map(parse_signal, options.signal)))
    expect = list(map(int, options.expect)) or None
    with contextlib.chdir(NOTEBOOKS):  # where a cell is run
        return perform(Experiment(options.program, signals, options.arguments, options.deadline, expect))
