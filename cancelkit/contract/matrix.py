"""The matrix: who keeps which promise of the contract. As text, as Markdown, as JSON."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from cancelkit.contract.check import Verdict
from cancelkit.errors import CancelkitError

KEPT, BROKEN = "+", "x"

_INSTALL = "pip install 'cancelkit[peers]'"


@dataclass(frozen=True)
class Column:
    """What was found out about one implementation.

    Attributes:
        name: what it is called.
        run_tasks: `module:name` of its function.
        runner: likewise.
        version: of the library that it is made with; empty if that is Python's own or this kit.
        verdicts: one for each promise; none if the library is not installed.
    """

    name: str
    run_tasks: str
    runner: str
    version: str = ""
    verdicts: tuple[Verdict, ...] = ()

    @property
    def broken(self) -> tuple[Verdict, ...]:
        """The promises that it does not keep."""
        return tuple(verdict for verdict in self.verdicts if verdict.verdict == "broken")

    @property
    def title(self) -> str:
        """Its name, with the library's version."""
        return f"{self.name} {self.version}".rstrip()

    def command(self, promise: str) -> str:
        """The command that shows whether it keeps a promise."""
        words = ["cancelkit", "check", self.run_tasks, "--runner", self.runner, "--only", promise]
        return shlex.join(words)


@dataclass(frozen=True)
class Matrix:
    """Implementations, and which promise each of them keeps.

    Attributes:
        python: the version that they were run with.
        promises: their ids, in order.
        columns: one for each implementation.
    """

    python: str
    promises: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def compared(self) -> tuple[Column, ...]:
        """Those that were there."""
        return tuple(column for column in self.columns if column.verdicts)

    @property
    def missing(self) -> tuple[Column, ...]:
        """Those whose library is not installed."""
        return tuple(column for column in self.columns if not column.verdicts)

    def rows(self) -> Iterator[tuple[str, tuple[Verdict, ...]]]:
        """Each promise, and what became of it in each column that was compared."""
        for number, promise in enumerate(self.promises):
            yield promise, tuple(column.verdicts[number] for column in self.compared)

    def __str__(self) -> str:
        width = max(map(len, self.promises), default=0)
        numbers = range(1, len(self.compared) + 1)
        lines = [f"{'':<{width}}{''.join(f'{number:>4}' for number in numbers)}"]
        for promise, verdicts in self.rows():
            lines.append(f"{promise:<{width}}{''.join(f'{_sign(verdict):>4}' for verdict in verdicts)}")
        lines += ["", f"{KEPT} kept, {BROKEN} broken, on Python {self.python}"]
        for number, column in zip(numbers, self.compared, strict=True):
            kept = len(column.verdicts) - len(column.broken)
            lines.append(f"{number:>3} {column.title}: {kept} of {len(column.verdicts)} kept")
        lines += [f"    {column.name}: not installed ({_INSTALL})" for column in self.missing]
        return "\n".join(lines)

    def commands(self) -> str:
        """For each broken promise the command that shows it, a line each."""
        lines = (column.command(verdict.id) for column in self.compared for verdict in column.broken)
        return "\n".join(lines)

    def markdown(self) -> str:
        """The same as a table in Markdown, with the commands under it."""
        head = ["promise", *(column.title for column in self.compared)]
        lines = [f"| {' | '.join(head)} |", f"|---|{':---:|' * len(self.compared)}"]
        for promise, verdicts in self.rows():
            cells = (verdict.verdict if verdict.verdict == "kept" else f"**{verdict.verdict}**" for verdict in verdicts)
            lines.append(f"| {promise} | {' | '.join(cells)} |")
        lines += ["", f"Python {self.python}."]
        lines += [f"{column.name}: not installed (`{_INSTALL}`)." for column in self.missing]
        for column in self.compared:
            if column.broken:
                lines += ["", f"Broken by {column.title}; each command shows it:", ""]
                lines += [f"- {verdict.id}: `{column.command(verdict.id)}`" for verdict in column.broken]
        return "\n".join(lines)

    def as_json(self) -> str:
        """All of it, with the evidence."""
        columns = {
            column.name: {
                "target": column.run_tasks,
                "runner": column.runner,
                "version": column.version,
                "installed": bool(column.verdicts),
                "promises": {v.id: {"verdict": v.verdict, "why": v.why} for v in column.verdicts},
            }
            for column in self.columns
        }
        return json.dumps({"python": self.python, "promises": self.promises, "implementations": columns}, indent=2)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `as_json` gave.

        Raises:
            CancelkitError: it is something else.
        """
        try:
            whole = json.loads(text)
            columns = tuple(_column(name, row) for name, row in whole["implementations"].items())
            matrix = cls(str(whole["python"]), tuple(map(str, whole["promises"])), columns)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CancelkitError(
                f"this is no matrix as `cancelkit compare --json` prints it: {type(error).__name__}: {error}"
            ) from error
        for column in matrix.compared:
            if tuple(verdict.id for verdict in column.verdicts) != matrix.promises:
                raise CancelkitError(f"this is no matrix: the promises of {column.name!r} are not those of the others")
        return matrix


def _sign(verdict: Verdict) -> str:
    return KEPT if verdict.verdict == "kept" else BROKEN


def _column(name: str, row: Any) -> Column:
    verdicts = []
    for id_, verdict in row["promises"].items():
        if verdict["verdict"] not in ("kept", "broken"):
            raise ValueError(f"{verdict['verdict']!r} is no verdict")
        verdicts.append(Verdict(id_, verdict["verdict"], str(verdict["why"])))
    return Column(name, str(row["target"]), str(row["runner"]), str(row["version"]), tuple(verdicts))
