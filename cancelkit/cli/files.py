"""Files that the commands write: looked at before there is something to write, and written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cancelkit.errors import CancelkitError
from cancelkit.trace.timeline import Timeline

if TYPE_CHECKING:
    from matplotlib.figure import Figure

dark_option = click.option("--dark", is_flag=True, help="Draw on a dark page.")


def check_can_write(option: str, path: Path) -> None:
    """Refuse, in words of the command line, a file that cannot be written."""
    folder = path.parent
    if not folder.is_dir():
        raise click.UsageError(f"{option} {path}: there is no folder {folder}")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise click.UsageError(f"{option} {path}: writing there is not permitted")


def check_can_draw(path: Path) -> None:
    """Refuse a picture that cannot be drawn."""
    if path.suffix not in (".png", ".svg", ".pdf"):
        raise click.UsageError(f"--plot {path}: the name must end in .png, .svg or .pdf")
    check_can_write("--plot", path)
    try:
        import matplotlib  # noqa: F401 - it takes a while to import, and only this needs it
    except ModuleNotFoundError as error:
        raise click.UsageError(f"--plot needs {error.name}: pip install 'cancelkit[lab]'") from None


def draw_timeline(timeline: Timeline, title: str, ended: str, path: Path, *, dark: bool) -> None:
    """Draw a timeline to a file.

    Raises:
        CancelkitError: the file cannot be written.
    """
    from cancelkit.plot.style import DARK, LIGHT
    from cancelkit.plot.timelines import Panel, draw

    write_picture(draw(Panel(timeline, title, ended), DARK if dark else LIGHT), path)


def write_picture(figure: Figure, path: Path) -> None:
    """Write a picture to a file.

    Raises:
        CancelkitError: it cannot be written.
    """
    from cancelkit.plot.timelines import save

    try:
        save(figure, path)
    except OSError as error:
        raise CancelkitError(f"cannot write the picture {path}: {error.strerror}") from error
