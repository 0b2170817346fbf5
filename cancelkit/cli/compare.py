"""`cancelkit compare`: who keeps which promise of the contract."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from cancelkit.cli.files import check_can_draw, dark_option, write_picture
from cancelkit.contract.compare import IMPLEMENTATIONS
from cancelkit.contract.compare import compare as compare_all
from cancelkit.contract.matrix import Matrix
from cancelkit.contract.promises import PROMISES

EXAMPLES = """
\b
Examples:
  Everything that is installed, which takes a few minutes:
    cancelkit compare
  The kit and two others, on three promises:
    cancelkit compare --among cancelkit --among aiojobs --among anyio --only one-signal --only sigterm --only closing
  For a page on the web, and as a picture:
    cancelkit compare --as markdown --plot matrix.svg
"""


@click.command(epilog=EXAMPLES)
@click.option(
    "--among",
    type=click.Choice(list(IMPLEMENTATIONS)),
    multiple=True,
    help="Compare this implementation, and no other that is not named as well.",
)
@click.option(
    "--only",
    type=click.Choice([promise.id for promise in PROMISES]),
    multiple=True,
    help="Compare on this promise, and on no other that is not named as well.",
)
@click.option(
    "--as",
    "form",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
    help="What to print; json has the evidence as well.",
)
@click.option("--plot", type=click.Path(path_type=Path), help="Draw the matrix to this file: .png, .svg or .pdf.")
@dark_option
def compare(among: Sequence[str], only: Sequence[str], form: str, plot: Path | None, *, dark: bool) -> None:
    """Compare what people use to run jobs under a limit: which promise of the shutdown contract does each keep?

    What is printed: the matrix, and for each promise that is broken the command that shows it. A library that is not
    installed is said to be so.
    """
    if plot is not None:
        check_can_draw(plot)
    try:
        matrix = compare_all(among, [promise for promise in PROMISES if not only or promise.id in only])
    except KeyboardInterrupt:
        click.echo("cancelkit: interrupted; nothing is left of the programs", err=True)
        raise SystemExit(130) from None
    click.echo({"text": _page, "markdown": Matrix.markdown, "json": Matrix.as_json}[form](matrix))
    if plot is not None:
        from cancelkit.plot.matrix import draw_matrix
        from cancelkit.plot.style import DARK, LIGHT

        write_picture(draw_matrix(matrix, DARK if dark else LIGHT), plot)


def _page(matrix: Matrix) -> str:
    commands = matrix.commands()
    return f"{matrix}\n\nWhat is broken, and the command that shows it:\n{commands}" if commands else str(matrix)
