"""`%%interrupt`: the text of a cell becomes a program, is interrupted, and what came of it appears under the cell."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from cancelkit.errors import CancelkitError
from cancelkit.lab import Experiment, Moments, Outcome, perform_all, signals_at
from cancelkit.lab.importing import importing_from
from cancelkit.lab.moments import parse_signal
from cancelkit.notebook.displays import show

THIS_CELL = "this cell"
"""What a traceback calls the file that the cell's text was written to."""


class CellError(Exception):
    """An experiment of a cell could not be made; shown without a traceback, for it says what there is to say."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


@magics_class
class InterruptMagic(Magics):
    """The magic, in a notebook's kernel."""

    @magic_arguments()
    @argument("program", nargs="?", help="the path of a program; for %%%%interrupt it is the cell's text")
    @argument("arguments", nargs=argparse.REMAINDER, help="the program's own arguments")
    @argument("--when", default="", help="when to send the signal: active=2,queued=3; without it, none is sent")
    @argument("--then", action="append", default=[], help="when to send another; may be given again")
    @argument("--signal", action="append", default=[], help="INT (the default), TERM, HUP; once for each moment")
    @argument("--deadline", type=float, default=30.0, help="seconds until the program is ended and called hung (30)")
    @argument("--expect", type=int, action="append", help="the exit status that is right; may be given again")
    @argument("--title", default="", help="what stands above the picture")
    @argument("--as", dest="name", help="a name for the outcome: once, for example")
    @argument("--stderr", action="store_true", help="show the program's stderr, also if it ended as it should")
    @argument("--quiet", action="store_true", help="do not show what the program printed")
    @line_cell_magic
    def interrupt(self, line: str, cell: str | None = None) -> None:
        """Run a program in a process of its own, send it signals at exact moments, and show what came of it.

        `%%interrupt --when active=2` runs the text of the cell, `%interrupt --when active=2 program.py` a file. What
        the program printed comes first, then the states of its tasks in words, then its timeline.
        """
        options = parse_argstring(InterruptMagic.interrupt, line)
        if (cell is None) == (options.program is None):
            raise UsageError("give %interrupt the path of a program, or %%interrupt the text of one under it")
        if options.name is not None and not options.name.isidentifier():
            raise UsageError(f"--as {options.name}: that is no name that a variable can have")
        with _program_of(options.program, cell) as program:
            outcome = _performed(_experiment(program, options))
            _show(outcome, str(program) if cell is not None else "", options)
        if options.name is not None:
            self.shell.user_ns[options.name] = outcome  # type: ignore[union-attr]


def _experiment(program: Path, options: argparse.Namespace) -> Experiment:
    try:
        signals = [parse_signal(word) for word in options.signal]
        moments = " then ".join(filter(None, (_unquoted(text) for text in (options.when, *options.then))))
        pairs = signals_at(Moments.parse(moments), signals) if moments else ()
        return Experiment(program, pairs, list(map(_unquoted, options.arguments)), options.deadline, options.expect)
    except CancelkitError as error:
        raise UsageError(str(error)) from None


def _unquoted(word: str) -> str:
    """What a shell would make of a word; parse_argstring leaves the quotes around it."""
    return "".join(shlex.split(word)) if word[:1] in ("'", '"') and word[-1:] == word[:1] else word


def _performed(experiment: Experiment) -> Outcome:
    try:
        (outcome,) = perform_all([experiment], may_miss=True)
    except CancelkitError as error:
        raise CellError(f"{type(error).__name__}: {error}") from None
    return outcome


def _show(outcome: Outcome, file: str, options: Any) -> None:
    if not options.quiet:
        print(outcome.stdout, end="")  # noqa: T201 - into the cell's output
    is_as_expected = outcome.missed is None and outcome.returncode in outcome.experiment.expected
    if outcome.stderr and (options.stderr or not is_as_expected):
        said = outcome.stderr.replace(file, THIS_CELL) if file else outcome.stderr
        print(said, end="", file=sys.stderr)  # noqa: T201
    if outcome.missed is not None:
        number = len(outcome.timeline.signals) + 1
        states = outcome.timeline or "it made no task"
        raise CellError(f"signal {number} was not sent, as {outcome.missed} had not come: {outcome.ended}\n{states}")
    print(outcome)  # noqa: T201
    show(outcome, _unquoted(options.title))


@contextlib.contextmanager
def _program_of(path: str | None, cell: str | None) -> Iterator[Path]:
    """The program as a file; one from a cell can import what the notebook can."""
    if cell is None:
        yield Path(_unquoted(str(path)))
        return
    with tempfile.TemporaryDirectory(prefix="cancelkit-") as folder, importing_from(Path.cwd()):
        program = Path(folder, "cell.py")
        program.write_text(f"\n{cell}", encoding="utf-8")  # in place of the magic's line: the others keep their numbers
        yield program
