"""`cancelkit sweep`: Ctrl-C at every point of a program; and `cancelkit replay`: at one of them once more."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from cancelkit.cli.files import check_can_draw, dark_option, write_picture
from cancelkit.cli.printing import Page, print_timeline
from cancelkit.errors import CancelkitError
from cancelkit.lab.outcome import describe_status
from cancelkit.sweep.program import Program, program_at, target_program
from cancelkit.sweep.progress import sweep_progress
from cancelkit.sweep.replay import Replayed
from cancelkit.sweep.replay import replay as replay_token
from cancelkit.sweep.result import SAID_BESIDE, Sweep
from cancelkit.sweep.sweeping import sweep as sweep_program

EXAMPLES = """
\b
Examples:
  Where is Ctrl-C unsafe in a script?
    cancelkit sweep service.py
  And twice, at 5,000 pairs of points; the map as a picture:
    cancelkit sweep service.py --signals 2 --sample 5000 --plot map.png
  Our own run_tasks on five standard jobs, with cleanup inside cancelkit.finish:
    cancelkit sweep service/jobs.py:run_tasks --finish
  Only where the signal lands in one file; arguments of the program come after --:
    cancelkit sweep service.py --only jobs.py -- --port 0

\b
A point is where Python could take a signal. Level "check" has all of them (Python 3.12 and later), level "step" those
before each callback and each wait of the loop. The program is run by a virtual clock: its sleeps and timeouts cost no
time. What is not clean is run once more, in another process, before it is reported.
The exit status is 0 if every run was clean, 1 if one was not, 2 if nothing could be swept, 130 after Ctrl-C.
"""

OF_REPLAY = """
\b
Example:
  cancelkit sweep service.py --json | jq -r '.unsafe[0].token' | xargs cancelkit replay

\b
The exit status is 0 if the verdict is that of the sweep, 1 if it is another, 2 if the token is not of this Python and
this program.
"""


@click.command(epilog=EXAMPLES)
@click.argument("program")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option("--level", type=click.Choice(["step", "check"]), help="Which points. Default: check, if Python has it.")
@click.option("--signals", type=click.IntRange(1, 3), default=1, show_default=True, help="How many in one run.")
@click.option("--sample", type=click.IntRange(1), help="Try so many points, instead of every one or 2,000 of several.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed is another sample.")
@click.option("--jobs", type=click.IntRange(1), help="How many runs at a time. Default: as many as there are cores.")
@click.option("--only", multiple=True, metavar="FILE", help="The first signal lands in this file; may be given again.")
@click.option("--runner", help="What runs a target: called with a coroutine, as asyncio.run is.")
@click.option("--finish", is_flag=True, help="The cleanup of a target's jobs is inside cancelkit.finish.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of words.")
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Draw the map: .png, .svg or .pdf.")
@dark_option
def sweep(
    program: str,
    arguments: Sequence[str],
    level: str | None,
    signals: int,
    sample: int | None,
    seed: int,
    jobs: int | None,
    only: Sequence[str],
    runner: str | None,
    *,
    finish: bool,
    as_json: bool,
    plot: Path | None,
    dark: bool,
) -> None:
    """Press Ctrl-C at every point of PROGRAM, or of path.py:function on the standard jobs, and judge each run.

    What is printed: how many runs deserve which verdict; the lines at which an interrupt is unsafe, the most unsafe
    first; and the smallest counterexample with its timeline, and a token to replay it.
    """
    found = _program(program, arguments, runner or "", finish=finish)
    if plot is not None:
        check_can_draw(plot)
    try:
        with sweep_progress() as on_progress:
            swept = sweep_program(
                found,
                level=level or "",
                signals=signals,
                sample=sample,
                seed=seed,
                only=only,
                jobs=jobs,
                on_progress=on_progress,
            )
    except KeyboardInterrupt:
        click.echo("cancelkit: interrupted before anything was tried. Nothing is left running", err=True)
        raise SystemExit(130) from None
    if only and not swept.points and swept.is_complete:
        raise click.UsageError(f"--only {', '.join(only)}: the program passes no point in there")
    click.echo(json.dumps(swept.as_json(), indent=2) if as_json else _page(swept), nl=as_json)
    if plot is not None:
        from cancelkit.plot.style import DARK, LIGHT
        from cancelkit.plot.sweep import draw_sweep

        write_picture(draw_sweep(swept, theme=DARK if dark else LIGHT), plot)
        click.echo(f"drawn: {plot}", err=True)
    if not swept.is_complete:
        click.echo(
            "cancelkit: interrupted; this is what was tried until then, and nothing is left of the rest", err=True
        )
        raise SystemExit(130)
    raise SystemExit(0 if swept.is_clean else 1)


def _program(words: str, arguments: Sequence[str], runner: str, *, finish: bool) -> Program:
    is_target = not Path(words).is_file() and all(words.rpartition(":")[::2])
    try:
        if is_target:
            if arguments:
                raise click.UsageError(f"{words} is a function, and takes no arguments: {' '.join(arguments)}")
            return target_program(words, runner, finish=finish)
        if runner or finish:
            raise click.UsageError("--runner and --finish are for a path.py:function; a program has its own")
        return program_at(words, arguments)
    except CancelkitError as error:
        raise click.UsageError(str(error)) from None


def _page(swept: Sweep) -> str:
    page = Page(sys.stdout)
    page.print(str(swept))
    page.print(f"{swept.points_per_second:,.0f} points a second; {' '.join(SAID_BESIDE)}")
    smallest = swept.smallest
    if smallest is not None and swept.is_complete:
        page.print(f"\nthe smallest counterexample: {smallest.verdict.word}, {smallest.verdict.why}")
        if replayed := swept.counterexample():
            _print_replayed(page, replayed)
            page.print(f"cancelkit replay {swept.token(smallest)}")
    return str(page)


def _print_replayed(page: Page, replayed: Replayed) -> None:
    run = replayed.run
    for number, spot in enumerate(run.raised, 1):
        page.print(f"signal {number}: at {spot.site}, in {spot.site.function}, the {spot.time}. time")
    print_timeline(page, replayed.timeline)
    page.print(f"the program: {'hung' if run.status is None else describe_status(run.status)}")


@click.command(epilog=OF_REPLAY)
@click.argument("token")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of words.")
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Draw the timeline: .png, .svg or .pdf.")
@dark_option
def replay(token: str, *, as_json: bool, plot: Path | None, dark: bool) -> None:
    """Make the run of a sweep once more that TOKEN stands for, in a new process."""
    if plot is not None:
        check_can_draw(plot)
    replayed = replay_token(token)
    run = replayed.run
    if as_json:
        told = {"program": replayed.program.title, "expected": replayed.expected, "verdict": run.verdict.word}
        click.echo(json.dumps(told | {"why": run.verdict.why, "status": run.status}, indent=2))
    else:
        page = Page(sys.stdout)
        page.print(f"{replayed.program.title}: {run.verdict.word}; the sweep said {replayed.expected}")
        page.print(run.verdict.why)
        _print_replayed(page, replayed)
        click.echo(str(page), nl=False)
    if plot is not None:
        from cancelkit.cli.files import draw_timeline

        draw_timeline(replayed.timeline, replayed.program.title, run.verdict.word, plot, dark=dark)
        click.echo(f"drawn: {plot}", err=True)
    raise SystemExit(0 if replayed.is_same else 1)
