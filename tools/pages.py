"""Make the printable pages: one for each pattern, and one for the kit's own `run` and `finish`, in docs/pages/.

    python tools/pages.py            make them
    python tools/pages.py --check    write nothing, and fail if a page would change

A page is made from the source as it is, from two experiments, and from the contract as it is kept here and now. A
picture stays as it was if it says the same in words, for two runs never take exactly as long.
"""

from __future__ import annotations

import argparse
import base64
import html
import inspect
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from string import Template

from cancelkit.contract.check import Report, check_all
from cancelkit.contract.promises import PROMISES
from cancelkit.lab import Experiment, Outcome, perform_all, signals_at, workload
from cancelkit.lab.scenarios import TARGETS
from cancelkit.plot.timelines import Panel, draw_grid, to_png

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs" / "pages"
PICTURE = re.compile(r'<img alt="([^"]*)" src="data:image/png;base64,([^"]*)">')
"""What a page has of a picture: what it says, and the picture."""

LONG = 35
"""Lines of code above which a page takes smaller letters."""

ONCE, TWICE = "holding=4", "holding=4 then halfway=4"


@dataclass(frozen=True)
class Sheet:
    """What a page says that nothing else knows.

    Attributes:
        name: the pattern's module, its script and its page.
        title: its heading.
        idea: in a sentence.
        enough: when it is what one needs.
        not_enough: when it is not.
        script: the program of the pictures.
    """

    name: str
    title: str
    idea: str
    enough: str
    not_enough: str
    script: str


SHEETS = (
    Sheet(
        "task_group",
        "Approach 1: the task group",
        "The block is left only when every task has ended, so nobody leaves before the cleanups are done.",
        "The work can be repeated, a lost cleanup costs nothing, and nobody presses twice.",
        "A cleanup has to complete, or a service manager sends SIGTERM, or a job must not begin after a signal.",
        "task_group",
    ),
    Sheet(
        "tracking",
        "Approach 2: tracking, with a shield",
        "Keep every task, cancel each of them once, wait for all of them, and shield the waiting.",
        "A timeout or another task may cancel you a second time, and you want to say who is cancelled when.",
        "A second Ctrl-C may come: it is no cancellation, and a shield does not keep it out.",
        "tracking",
    ),
    Sheet(
        "handlers",
        "Approach 3: signal handlers",
        "Handlers of the loop take SIGINT, SIGTERM and SIGHUP while jobs run: the first one cancels, once.",
        "Several signals have to be treated alike, more may follow, and jobs can be asked before they are cancelled.",
        "A signal may come before or after the jobs: what is not at work owns nothing.",
        "handlers",
    ),
    Sheet(
        "context_manager",
        "Approach 4: the context manager",
        "However the block is left, by its last line, an error or a cancellation, the way out cancels and waits.",
        "Jobs are started here and there, and all of them belong to one block of your program.",
        "A second Ctrl-C or SIGTERM may come, or an error of a job has to be heard before the block is left.",
        "context_manager",
    ),
    Sheet(
        "cancelkit",
        "The kit's own: run and finish",
        "run owns the signals until the loop is closed; finish keeps a cancellation out of a cleanup.",
        "Cleanups have to complete, whatever comes and however often, and the exit status has to be honest.",
        "Another library owns the signals or the loop; then give it finish, and its own way to stop.",
        "run_and_finish",
    ),
)


def main() -> int:
    """Make the pages, or only compare them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page would change")
    options = parser.parse_args()
    changed = []
    for sheet, text in pages().items():
        path = PAGES / f"{sheet.name}.html"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            changed.append(path)
            if not options.check:
                PAGES.mkdir(exist_ok=True)
                path.write_text(text, encoding="utf-8")
        print(f"{path.name}: {'changed' if path in changed else 'as it was'}")
    return 1 if options.check and changed else 0


def pages() -> dict[Sheet, str]:
    """All pages, from experiments that are made now."""
    reports = check_all([TARGETS[sheet.name]._replace(finishes=False) for sheet in SHEETS])
    programs = [ROOT / "scripts" / f"{sheet.script}.py" for sheet in SHEETS]
    outcomes = perform_all([Experiment(p, signals_at(when)) for p in programs for when in (ONCE, TWICE)])
    return {
        sheet: page(sheet, report, outcomes[2 * n : 2 * n + 2])
        for n, (sheet, report) in enumerate(zip(SHEETS, reports, strict=True))
    }


def page(sheet: Sheet, report: Report, outcomes: Sequence[Outcome]) -> str:
    """One page."""
    words = "\n\n".join(
        f"{title}\n{outcome}" for title, outcome in zip(("One Ctrl-C", "Two Ctrl-C"), outcomes, strict=True)
    )
    kept = sum(verdict.verdict == "kept" for verdict in report.verdicts)
    template = Template(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))
    return template.substitute(
        length="long" if code_of(sheet).count("\n") > LONG else "short",
        title=html.escape(sheet.title),
        idea=html.escape(sheet.idea),
        code=html.escape(code_of(sheet)),
        enough=html.escape(sheet.enough),
        not_enough=html.escape(sheet.not_enough),
        kept=f"{kept} of {len(report.verdicts)}",
        rows="\n".join(rows(report)),
        words=html.escape(words),
        picture=old_picture(sheet, words) or picture(outcomes),
        file=f"cancelkit/{'shutdown' if sheet.name == 'cancelkit' else f'patterns/{sheet.name}'}.py",
    )


def code_of(sheet: Sheet) -> str:
    """The code that a page shows: the pattern; or of the kit, whose own is longer, what one writes."""
    if sheet.name != "cancelkit":
        source = inspect.getsource(import_module(f"cancelkit.patterns.{sheet.name}"))
        return source.partition('T = TypeVar("T")\n')[2].strip()
    program = (ROOT / "scripts" / f"{sheet.script}.py").read_text(encoding="utf-8")
    job = inspect.getsource(workload.job_with_finish).strip()
    return f"{job}\n\n\n{program[program.index('from cancelkit') :].strip()}"


def rows(report: Report) -> list[str]:
    """The promises, as rows of a table: a mark, a word, and what is promised."""
    found = []
    for promise, verdict in zip(PROMISES, report.verdicts, strict=True):
        mark = "+ kept" if verdict.verdict == "kept" else "\N{MULTIPLICATION SIGN} broken"
        cells = f'<th scope="row">{promise.id}</th><td>{html.escape(promise.what)}</td>'
        found.append(f'<tr class="{verdict.verdict}"><td>{mark}</td>{cells}</tr>')
    return found


def picture(outcomes: Sequence[Outcome]) -> str:
    """The two timelines, one beside the other: a PNG, in the form that a page can hold."""
    titled = zip(outcomes, ("one Ctrl-C", "two Ctrl-C"), strict=True)
    panels = [Panel(outcome.timeline, title, outcome.ended) for outcome, title in titled]
    return base64.b64encode(to_png(draw_grid([panels]))).decode()


def old_picture(sheet: Sheet, words: str) -> str:
    """The picture that stands on the page already, if it says the same in words."""
    path = PAGES / f"{sheet.name}.html"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    found = PICTURE.search(text)
    return found[2] if found and html.unescape(found[1]) == words else ""


if __name__ == "__main__":
    sys.exit(main())
