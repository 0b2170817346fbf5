"""Answers that are a `run_tasks`: judged by promises of the shutdown contract."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from cancelkit.contract.check import check
from cancelkit.contract.promises import PROMISES
from cancelkit.course.exercises import Judge, Verdict
from cancelkit.errors import UnusableTargetError
from cancelkit.lab.scenarios import Target

_HELD = re.compile(r"(?:(?:temporary file|file|socket): [^;]*(?:; )?|\d+ more(?:; )?)+")
"""What jobs hold, one piece after the other, among what is said to be left: where it is differs from run to run."""

_ONLY_THE_STATUS = re.compile(r"(?:[^:;]+: (?:exited|killed by) [^:;,]+; expected [^:;,]+(?:; |$))+")
"""What is said of a promise if nothing but the exit status speaks against it, act by act."""

_EXIT = "honest-exit"


def by_contract(hints: Mapping[str, str], runner: str = "asyncio:run") -> Judge:
    """A judge that checks the `run_tasks` of an answer.

    Args:
        hints: what to say if a promise is broken, by the promise's id; only these are checked. Where the exit status is
            all that breaks one, and `honest-exit` is broken as well, the hint for that is given.
        runner: what it is run under: `module:name`, or `:name` for a function of the answer's own.
    """
    promises = [promise for promise in PROMISES if promise.id in hints]

    def judge(program: Path) -> Iterator[Verdict]:
        own = f"{program}{runner}" if runner.startswith(":") else runner
        try:
            report = check(Target(f"{program}:run_tasks", own), promises)
        except UnusableTargetError as error:
            why = str(error).replace(f"{program}:", "")
            yield Verdict("", "it can be used", why, "The answer is imported: it has to define the function, no more.")
            return
        is_dishonest = any((verdict.id, verdict.verdict) == (_EXIT, "broken") for verdict in report.verdicts)
        for promise, verdict in zip(promises, report.verdicts, strict=True):
            told = _HELD.sub("what jobs hold is left; ", verdict.why).removesuffix("; ")
            evidence = "" if verdict.verdict == "kept" else told.replace(str(program), "your answer")
            is_of_exit = is_dishonest and _ONLY_THE_STATUS.fullmatch(verdict.why)
            hint = hints[_EXIT if is_of_exit else promise.id]
            yield Verdict("the contract", f"{promise.id}: {promise.what}", evidence, hint)

    return judge
