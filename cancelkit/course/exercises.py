"""Exercises: what an answer has to keep, and what is said of one."""

from __future__ import annotations

import html
import itertools
import re
import tempfile
import textwrap
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from cancelkit.lab.importing import importing_from

_WIDTH = 100
"""Characters to a line, in words."""


class Verdict(NamedTuple):
    """What became of one promise.

    Attributes:
        under: the circumstances: one Ctrl-C while two jobs work.
        promise: what an answer has to keep.
        evidence: what speaks against it, in words; empty if it was kept.
        hint: what might help if it was not.
    """

    under: str
    promise: str
    evidence: str = ""
    hint: str = ""

    @property
    def is_kept(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.evidence


Judge = Callable[[Path], Iterable[Verdict]]
"""What puts an answer to the test: a Python file, which it runs in processes of their own."""


@dataclass(frozen=True)
class Exercise:
    """Something to be written by a reader.

    Attributes:
        name: the notebook's number and its own: 03.2.
        judge: what puts an answer to the test.
    """

    name: str
    judge: Judge

    def check(self, answer: str) -> Judgement:
        """Put an answer to the test. Nothing of it runs in this process, and nothing of it is left.

        Raises:
            CancelkitError: the experiments could not be made, whatever the answer.
        """
        if error := _syntax_error(answer):
            return Judgement(self.name, (Verdict("", "it is Python", error, "Mend this first: nothing was run."),))
        with tempfile.TemporaryDirectory(prefix="cancelkit-") as folder, importing_from(Path.cwd()):
            program = Path(folder, "answer.py")
            program.write_text(f"\n{answer}", encoding="utf-8")  # below the magic's line: lines keep their numbers
            return Judgement(self.name, tuple(self.judge(program)))


@dataclass(frozen=True, repr=False)
class Judgement:
    """What is said of an answer.

    Attributes:
        exercise: the name of the exercise.
        verdicts: one for each promise, in order.
    """

    exercise: str
    verdicts: tuple[Verdict, ...]

    @property
    def all_kept(self) -> bool:
        """Whether every promise was kept."""
        return bool(self.verdicts) and all(verdict.is_kept for verdict in self.verdicts)

    @property
    def in_brief(self) -> str:
        """How many were kept, in words."""
        kept = sum(verdict.is_kept for verdict in self.verdicts)
        return f"{self.exercise}: solved" if self.all_kept else f"{self.exercise}: {kept} of {len(self.verdicts)} kept"

    def __str__(self) -> str:
        lines = []
        for under, verdicts in itertools.groupby(self.verdicts, key=lambda verdict: verdict.under):
            lines += [under] if under else []
            for verdict in verdicts:
                lines += _wrapped(f"  {_word(verdict):<7} ", verdict.promise)
                if not verdict.is_kept:
                    lines += _wrapped("          seen: ", verdict.evidence)
                    lines += _wrapped("          hint: ", verdict.hint)
        return "\n".join([*lines, self.in_brief])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """The same for a page, where a hint is folded until somebody wants it."""
        parts = []
        for under, verdicts in itertools.groupby(self.verdicts, key=lambda verdict: verdict.under):
            parts += [f"<p>{_html(under)}</p>"] if under else []
            parts += ["<ul>", *map(_item, verdicts), "</ul>"]
        return "\n".join([*parts, f"<p><strong>{html.escape(self.in_brief)}</strong></p>"])


def _item(verdict: Verdict) -> str:
    item = f"<strong>{_word(verdict)}</strong> {_html(verdict.promise)}"
    if not verdict.is_kept:
        item += f"<br>seen: {_html(verdict.evidence)}"
        item += f"<details><summary>Hint</summary>{_html(verdict.hint)}</details>"
    return f"<li>{item}</li>"


def _html(words: str) -> str:
    """The words for a page; what stands between backticks as code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(words))


def _word(verdict: Verdict) -> str:
    return "kept" if verdict.is_kept else "broken"


def _wrapped(head: str, text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False)


def _syntax_error(answer: str) -> str:
    try:
        with warnings.catch_warnings(action="ignore"):
            compile(f"\n{answer}", "your answer", "exec", dont_inherit=True)
    except SyntaxError as error:
        return f"line {error.lineno}: {error.msg}" if error.lineno else str(error.msg)
    except ValueError as error:  # a null byte, up to 3.11.3
        return str(error)
    return ""
