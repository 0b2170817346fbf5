"""`cancelkit check`: somebody's `run_tasks`, and promise by promise what became of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import click

from cancelkit.cli.printing import Page, print_timeline
from cancelkit.contract.check import Report, runner_of, target_named
from cancelkit.contract.check import check as check_target
from cancelkit.contract.promises import PROMISES

EXAMPLES = """
\b
Examples:
  Does our own function keep what it should?
    cancelkit check service/jobs.py:run_tasks
  The kit's, under the runner that it is meant for, cancelkit.run:
    cancelkit check cancelkit:run_tasks
  Two promises only; and all of them under another runner, for a program to read:
    cancelkit check service/jobs.py:run_tasks --only sigterm --only closing
    cancelkit check service.jobs:run_tasks --runner uvloop:run --json

\b
TARGET is called as run_tasks(tasks, max_concurrent) and awaited; tasks are functions without arguments that give
coroutines, and it is to return their results. It is imported in a process of its own, never in this one.
The exit status is 0 if no promise is broken, 1 if one is, and 2 if the target cannot be used.
"""


@click.command(epilog=EXAMPLES)
@click.argument("target", metavar="TARGET")
@click.option(
    "--runner",
    help="What runs the program: called with a coroutine, as asyncio.run is, which it is unless told otherwise; "
    "for the kit's own run_tasks it is cancelkit.run.",
)
@click.option(
    "--only",
    type=click.Choice([promise.id for promise in PROMISES]),
    multiple=True,
    help="Check this promise, and no other that is not named as well.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def check(target: str, runner: str | None, only: Sequence[str], *, as_json: bool) -> None:
    """Check TARGET (path.py:function or package.module:function) against the shutdown contract, under real signals.

    What is printed: each promise, whether it was kept, and if not, what was seen that speaks against it, and where. For
    the first that was not, the timeline as well.
    """
    runner = runner or runner_of(target)
    for name in (target, runner):
        if not all(name.rpartition(":")[::2]):
            raise click.UsageError(f"{name!r} is no path.py:function or package.module:function")
    try:
        promises = [promise for promise in PROMISES if not only or promise.id in only]
        report = check_target(target_named(target, runner), promises)
    except KeyboardInterrupt:
        click.echo("cancelkit: interrupted; nothing is left of the programs", err=True)
        raise SystemExit(130) from None
    click.echo(json.dumps(_as_json(target, runner, report), indent=2) if as_json else _page(target, runner, report))
    raise SystemExit(0 if report.all_kept else 1)


def _as_json(target: str, runner: str, report: Report) -> dict[str, Any]:
    promises = {verdict.id: {"verdict": verdict.verdict, "why": verdict.why} for verdict in report.verdicts}
    return {"target": target, "runner": runner, "promises": promises}


def _page(target: str, runner: str, report: Report) -> str:
    page = Page(sys.stdout)
    page.print(f"{target} under {runner}")
    promised = {promise.id: promise.what for promise in PROMISES}
    for verdict in report.verdicts:
        is_broken = verdict.verdict == "broken"
        page.print(f"{verdict.verdict:<6}  {verdict.id}: {promised[verdict.id]}", "bold red" if is_broken else "")
        if is_broken:
            page.print(f"        {verdict.why}")
    first = next((verdict for verdict in report.verdicts if verdict.act), None)
    if first is not None:
        outcome = report.outcomes[first.act]
        page.print(f"\n{first.id} was broken here: {first.act}")
        print_timeline(page, outcome.timeline)
        page.print(f"the program: {outcome.ended}")
    return str(page).rstrip("\n")
