"""The exercises of notebook 12, the capstone: a runner, a `run_tasks`, and the whole contract."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from cancelkit.course.contract import by_contract
from cancelkit.course.exercises import Exercise, Judge, Verdict

OWN = ":run"
"""The runner is the answer's, too."""

_OF_SIGNALS = {
    "two-signals": "A handler that raises breaks out of the loop, and one that asks twice cancels a cleanup: ask "
    "once, whichever signal comes next. A loop that sleeps has to be woken.",
    "three-signals": "As with two: later signals are counted, and change nothing.",
    "sigterm": "Nothing of Python's runs at a SIGTERM that has no handler: install yours for both.",
    "before-start": "A request that goes through the loop is in its queue behind main's first step. "
    "`task.cancel()` asks at once.",
    "closing": "Closing the loop cancels what main left behind: the handlers have to stay until that is over.",
    "honest-exit": "The first signal counts: KeyboardInterrupt for SIGINT, SystemExit(128 + its number) for another; "
    "raise it when the loop is closed.",
}

_OF_JOBS = {
    "limit": "A job keeps its place until its cleanup has ended.",
    "one-signal": "Who waits for the jobs while they clean up, and does anybody cancel them again? "
    "`asyncio.wait` hands no cancellation down.",
    "no-late-start": "Who hands out the places has to be who is cancelled: after that it starts nothing.",
    "no-leftovers": "Leave only when every task has ended and its error was taken; close a generator of jobs.",
    "failing-cleanup": "An error that is raised takes the place of the interrupt: tell the loop's exception handler.",
    "errors": "Cancel the others, wait for them, and raise an ExceptionGroup that holds the error.",
    "results": "Keep for each task the number of its job.",
    "lazy": "Ask the iterator for a job when there is a place for it, not before.",
}

_OF_PATIENCE = {
    "stubborn": "Two clocks start at the first signal: the loop's, for tasks that are left, and faulthandler's, for a "
    "loop that is blocked.",
    "restored": "Note with signal.getsignal what stood there, and put it back when the loop is closed.",
}


def _your_own(name: str, judge: Judge) -> Judge:
    """The same judge, for an answer that does not import what it is to write from the kit."""

    def own_judge(program: Path) -> Iterator[Verdict]:
        imports = (node for node in ast.walk(ast.parse(program.read_bytes())) if isinstance(node, ast.ImportFrom))
        names = {alias.asname or alias.name for node in imports for alias in node.names}
        if name in names:
            hint = "The kit's own is there to be read when yours is done."
            yield Verdict("", f"{name} is your own", "it is imported", hint)
            return
        yield from judge(program)

    return own_judge


def _all_sixteen(program: Path) -> Iterator[Verdict]:
    """The whole contract; but in one word as long as there is nothing that runs the jobs."""
    verdicts = list(by_contract(_OF_SIGNALS | _OF_JOBS | _OF_PATIENCE, OWN)(program))
    evidence = {verdict.evidence for verdict in verdicts}
    if len(verdicts) > 1 and len(evidence) == 1 and "" not in evidence:
        (seen,) = evidence
        hint = "First have `run` run main, and `run_tasks` the jobs, without any signal."
        yield Verdict("the contract", "it does its work", seen, hint)
    else:
        yield from verdicts


EXERCISES = (
    Exercise("12.1", _your_own("run", by_contract(_OF_SIGNALS, OWN))),
    Exercise("12.2", _your_own("run_tasks", by_contract(_OF_JOBS))),
    Exercise("12.3", _your_own("run", _all_sixteen)),
)
