"""The command line: reads the words, calls the lab or the recorder, prints what came of it."""

from __future__ import annotations

import io
import sys

try:
    import click
    import rich  # noqa: F401 - not to find out in the middle of a command
except ModuleNotFoundError as error:
    raise SystemExit(f"cancelkit's command line needs {error.name}: pip install 'cancelkit[lab]'") from None

import cancelkit
from cancelkit.errors import CancelkitError, UnsupportedPlatformError

try:
    from cancelkit.cli.check import check
    from cancelkit.cli.compare import compare
    from cancelkit.cli.interrupt import interrupt
    from cancelkit.cli.sweep import replay, sweep
    from cancelkit.cli.trace import trace
except UnsupportedPlatformError as error:
    raise SystemExit(str(error)) from None

COMPLETION = """
\b
The words of this command can be completed with Tab. In bash, zsh or fish, with its name in place of bash:
  eval "$(_CANCELKIT_COMPLETE=bash_source cancelkit)"
"""


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=COMPLETION)
@click.version_option(cancelkit.__version__, prog_name="cancelkit")
def cli() -> None:
    """See what becomes of the tasks of an asyncio program: as it runs, or when it is interrupted at an exact moment."""


cli.add_command(check)
cli.add_command(compare)
cli.add_command(interrupt)
cli.add_command(replay)
cli.add_command(sweep)
cli.add_command(trace)


def main() -> None:
    """Run the command line; errors of the kit are told in plain words, with exit status 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # an arrow must not fail where the locale has none
    try:
        cli()
    except CancelkitError as error:
        click.echo(f"cancelkit: {error}", err=True)
        raise SystemExit(2) from None
