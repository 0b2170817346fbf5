"""`cancelkit trace`: any program, run as it is, and what its tasks did."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from cancelkit.cli.files import check_can_draw, check_can_write, dark_option, draw_timeline
from cancelkit.cli.printing import Page, print_timeline
from cancelkit.errors import CancelkitError
from cancelkit.lab.outcome import describe_status
from cancelkit.trace.chrome import write_chrome
from cancelkit.trace.launch import Run, end_like, run_module, run_program
from cancelkit.trace.record import write_record

EXAMPLES = """
\b
Examples:
  Run a program and see what its tasks did; press Ctrl-C whenever you like:
    cancelkit trace scripts/task_group.py
  All that comes after the program is the program's:
    cancelkit trace --plot timeline.png service.py --port 8080 --save
  A module, as python -m runs it; and what it was, kept:
    cancelkit trace --save run.jsonl -m package.service --port 8080
  Open the file in ui.perfetto.dev:
    cancelkit trace --chrome trace.json scripts/task_group.py
  What is for Python itself goes into variables:
    PYTHONDEVMODE=1 cancelkit trace service.py
"""

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(epilog=EXAMPLES, context_settings={"allow_interspersed_args": False})
@click.option("--save", type=_FILE, help="Keep the record: JSON Lines, one event a line.")
@click.option("--plot", type=_FILE, help="Draw the timeline: .png, .svg or .pdf.")
@dark_option
@click.option("--chrome", type=_FILE, help="Write a trace that ui.perfetto.dev and chrome://tracing open.")
@click.option("-m", "is_module", is_flag=True, help="PROGRAM is the name of a module, as for python -m.")
@click.argument("program", type=click.Path())
@click.argument("arguments", nargs=-1, type=click.Path())
def trace(
    program: str,
    arguments: Sequence[str],
    *,
    is_module: bool,
    save: Path | None,
    plot: Path | None,
    dark: bool,
    chrome: Path | None,
) -> None:
    """Run PROGRAM with its ARGUMENTS, unchanged, and then say what its asyncio tasks did.

    It has the terminal, the streams and the signals that it has when python runs it. What is said afterwards goes to
    stderr: the states of each task in order, on which states each signal landed, and how the program ended. The exit
    status is the program's, or 2 if the program was not run, or ended well and a file cannot be written.
    """
    if plot is not None:
        check_can_draw(plot)
    for option, path in (("--save", save), ("--chrome", chrome)):
        if path is not None:
            check_can_write(option, path)
    run = run_module(program, arguments) if is_module else run_program(program, arguments)
    ended = describe_status(run.returncode)
    try:
        _say(_summary(run, ended))
        written = [
            _write(save, lambda path: write_record(run.record, path)),
            _write(plot, lambda path: draw_timeline(run.record.timeline, Path(program).name, ended, path, dark=dark)),
            _write(chrome, lambda path: write_chrome(run.record, path)),
        ]
    except KeyboardInterrupt:
        _say("cancelkit: interrupted before everything was written\n")
        end_like(-signal.SIGINT)
    end_like(run.returncode or (0 if all(written) else 2))


def _summary(run: Run, ended: str) -> str:
    page, timeline = Page(sys.stderr), run.record.timeline
    if not timeline.lanes:
        page.print("no asyncio task was made (a loop written in C, with tasks of its own, is not seen)")
    print_timeline(page, timeline)
    page.print(f"the program: {ended}")
    for note in run.record.notes:
        page.print(f"missing: {note}")
    return str(page)


def _write(path: Path | None, write: Callable[[Path], None]) -> bool:
    """Write a file, if it is wanted, and say so; whether that went well."""
    if path is None:
        return True
    try:
        write(path)
    except CancelkitError as error:
        _say(f"cancelkit: {error}\n")
        return False
    _say(f"written: {path}\n")
    return True


def _say(text: str) -> None:
    """Write to stderr, if there is one that takes it: the program's status is to be passed on in any case."""
    if sys.stderr is None:
        return
    with contextlib.suppress(OSError):
        os.set_blocking(2, True)  # it is the program's as well, which may have thought otherwise
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        sys.stderr = None  # or Python would try again at the end, and make that its own exit status
