"""`cancelkit interrupt`: a program, moments, signals; and what came of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cancelkit.cli.files import check_can_draw, dark_option, draw_timeline
from cancelkit.cli.printing import Page, print_timeline
from cancelkit.errors import BadMomentError, CancelkitError
from cancelkit.lab.experiment import Experiment, signals_at
from cancelkit.lab.moments import Moments, parse_signal
from cancelkit.lab.outcome import Outcome
from cancelkit.lab.performing import perform

EXAMPLES = """
\b
Examples:
  Press Ctrl-C when two jobs work and three wait for a slot:
    cancelkit interrupt scripts/task_group.py --when active=2,queued=3
  And once more while two clean up:
    cancelkit interrupt scripts/task_group.py --when active=2,queued=3 --then cleaning=2
  The same in one sentence; and three times, as fast as the kernel allows:
    cancelkit interrupt scripts/task_group.py --when "active=2 and queued=3 then cleaning=2"
    cancelkit interrupt scripts/task_group.py --when "active=2 then at-once then at-once"
  When it says that it is ready; and while its loop is being closed:
    cancelkit interrupt service.py --when "output=listening on"
    cancelkit interrupt scripts/leftover.py --when closing
  SIGTERM instead, and the timeline as a picture:
    cancelkit interrupt scripts/handlers.py --when begun=2 --signal TERM --plot timeline.png
  Arguments of the program come after --:
    cancelkit interrupt service.py --when active=1 -- --port 8080

\b
A moment is one condition or several, with a comma or "and" between them, all of which must hold, exactly:
  created, active, queued, cleaning, ended   so many tasks, the main one left out
  begun, holding, cleanups, halfway, cleaned so many jobs, by what they report of themselves
  before-start                               no task has taken a step
  closing                                    a loop is being closed
  output=TEXT                                it has printed TEXT; in double quotes if there is a comma in it
It is looked for whenever the program waits in its event loop; output on its own, as soon as it is printed.
For the next signal another moment follows after "then"; at-once is as soon as the signal before was received.
"""


if TYPE_CHECKING:
    _ParamType = click.ParamType[Any]
else:
    _ParamType = click.ParamType  # that of older clicks takes no argument


class _Moments(_ParamType):
    name = "moments"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Moments:
        try:
            return value if isinstance(value, Moments) else Moments.parse(value)
        except BadMomentError as error:
            self.fail(str(error), param, ctx)


class _Signal(_ParamType):
    name = "signal"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return parse_signal(value)
        except BadMomentError as error:
            self.fail(str(error), param, ctx)


@click.command(epilog=EXAMPLES)
@click.argument("program", type=click.Path(path_type=Path))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option("--when", type=_Moments(), required=True, help="When to send the signal: active=2,queued=3.")
@click.option("--then", type=_Moments(), multiple=True, help="When to send another; may be given again.")
@click.option(
    "--signal",
    "signals",
    type=_Signal(),
    multiple=True,
    help="INT (the default), TERM, HUP …; once for each moment, in the same order, or the last one goes on.",
)
@click.option(
    "--deadline",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    help="Seconds until the program is ended and called hung.",
)
@click.option(
    "--expect",
    type=int,
    multiple=True,
    help="The exit status that is right; may be given again. If not given: killed by the first signal, or 128 + it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Draw the timeline: .png, .svg or .pdf.")
@dark_option
def interrupt(
    program: Path,
    arguments: Sequence[str],
    when: Moments,
    then: Sequence[Moments],
    signals: Sequence[Any],
    deadline: float,
    expect: Sequence[int],
    *,
    as_json: bool,
    plot: Path | None,
    dark: bool,
) -> None:
    """Run PROGRAM in a process of its own and send it a signal at a moment.

    What is printed: the states of each task in order, on which states each signal landed, and how the program ended.
    The exit status is 0 if the experiment could be made, whatever came of it, and 2 if it could not.
    """
    for following in then:
        when = when.then(following)
    try:
        experiment = Experiment(program, signals_at(when, signals), arguments, deadline, expect or None)
    except CancelkitError as error:
        raise click.UsageError(str(error)) from None
    if plot is not None:
        check_can_draw(plot)
    try:
        outcome = perform(experiment)
    except KeyboardInterrupt:
        click.echo("cancelkit: interrupted; nothing is left of the program", err=True)
        raise SystemExit(130) from None
    if as_json:
        click.echo(json.dumps(_as_json(outcome), indent=2))
    else:
        _print_outcome(outcome)
    if plot is not None:
        draw_timeline(outcome.timeline, program.name, outcome.ended, plot, dark=dark)
        click.echo(f"drawn: {plot}", err=True)


def _print_outcome(outcome: Outcome) -> None:
    page = Page(sys.stdout)
    print_timeline(page, outcome.timeline)
    page.print(f"the program: {outcome.ended}")
    for verdict in outcome.checklist:
        page.print(str(verdict), "bold red" if verdict.verdict == "broken" else "")
    click.echo(str(page), nl=False)


def _as_json(outcome: Outcome) -> dict[str, Any]:
    timeline = outcome.timeline
    return {
        "program": str(outcome.experiment.program),
        "returncode": outcome.returncode,
        "ended": outcome.ended,
        "checklist": {id_: {"verdict": verdict, "why": why} for id_, verdict, why in outcome.checklist},
        "tasks": [{"name": lane.name, "states": list(lane.states)} for lane in timeline.lanes],
        "signals": [{"name": mark.name, "landed": mark.landed.as_dict()} for mark in timeline.signals],
        "leaks": [{"kind": kind, "name": name} for kind, name in outcome.leaks],
        "jobs": {
            "begun": outcome.jobs_begun,
            "cleanups_finished": outcome.cleanups_finished,
            "begun_late": [job.name for job in timeline.jobs_begun_late],
        },
        "stdout": outcome.stdout,
        "stderr": outcome.stderr,
    }
