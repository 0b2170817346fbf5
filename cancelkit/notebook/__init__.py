"""For notebooks: pictures of what was found out, each with the same in words, `%%interrupt`, `%%answer` and `%check`.

    %load_ext cancelkit

makes the magics known, and has an outcome, a timeline, a checklist, a matrix or a sweep displayed as a picture when it
is the last line of a cell. `show` displays one in the middle of a cell, under a title; `show_together` displays several
outcomes in one picture, on one time axis. Where no process may be started, or none be sent a signal, the experiments of
the course show recorded runs, and say so.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

try:
    import IPython  # noqa: F401 - not to find out in the middle of a cell
except ModuleNotFoundError:
    raise ImportError("cancelkit.notebook needs IPython: pip install 'cancelkit[course]'") from None

from cancelkit.lab import recorded
from cancelkit.notebook.commands import run_command
from cancelkit.notebook.displays import register, show, show_together
from cancelkit.notebook.exercise_magic import ExerciseMagic
from cancelkit.notebook.magic import InterruptMagic

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["load", "run_command", "show", "show_program", "show_together"]


def load(shell: InteractiveShell) -> None:
    """What `%load_ext cancelkit` does."""
    shell.register_magics(InterruptMagic, ExerciseMagic)
    register(shell.display_formatter)
    if not recorded.state.may_stand_in:
        recorded.state.may_stand_in = True
        shell.events.register("post_run_cell", _tell_of_recorded_runs)


def _tell_of_recorded_runs(_: object) -> None:
    """Say it under a cell if what it shows was not made here and now."""
    state = recorded.state
    if state.shown:
        runs = "a recorded run" if state.shown == 1 else f"{state.shown} recorded runs"
        print(f"What you see comes from {runs}: {state.why}.")  # noqa: T201 - into the cell's output
        state.shown = 0


def show_program(path: str | Path) -> None:
    """Print a program without the docstring that says what to expect of it: a notebook asks for a prediction first."""
    text = Path(path).read_text(encoding="utf-8")
    first = ast.parse(text).body[0]
    has_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    lines = text.splitlines()[first.end_lineno if has_docstring else 0 :]
    print("\n".join(lines).strip())  # noqa: T201 - into the cell's output
