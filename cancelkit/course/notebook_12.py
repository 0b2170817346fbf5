"""The exercises of notebook 12, the capstone: a runner, a `run_tasks`, and the whole contract."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from cancelkit.contract.acts import ACTS
from cancelkit.contract.promises import PROMISES
from cancelkit.course.contract import by_contract
from cancelkit.course.exercises import Exercise, Judge, Verdict
from cancelkit.course.runs import how_it_ended
from cancelkit.lab import Experiment, Outcome, perform_all
from cancelkit.lab.scenarios import Target

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

_OF_HANDLERS = {"restored": "Note with signal.getsignal what stood there, and put it back when the loop is closed."}

_CLOCKS = (
    "Two clocks start at the first signal: the loop's, for tasks that are left, and faulthandler's, for a loop that is "
    "blocked."
)
_WHO = "`get_name()` is what a task is called."
_WHERE = (
    "The outermost coroutine is not the place. Follow the chain by cr_await, and name every function on the way: the "
    "last of them may be asyncio's own."
)
_ONCE_MORE = (
    "Cancel what you have named once more: then it ends, main after it, and the loop is closed. The clock of "
    "faulthandler is for a loop that is blocked."
)
_STOPPED = "What stops faulthandler's clock when all is well? It is not to end a program that goes on after `run`."

_DEADLINE = 8.0
"""Seconds: a program that is to lose patience is called hung then."""

_HOST = """\
import time

import answer


def end(main):
    try:
        return answer.run(main)
    except BaseException as error:
        raise error.with_traceback(None) from None  # what is named is to be named by the answer


def live_on(main):
    try:
        return end(main)
    finally:
        time.sleep(6)  # longer than there may be patience
        print("lived on", flush=True)
"""
"""Runners around the answer's own."""


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
    """The whole contract and what comes of patience; but in one word as long as there is nothing that runs the jobs."""
    verdicts = list(by_contract(_OF_SIGNALS | _OF_JOBS | _OF_HANDLERS, OWN)(program))
    evidence = {verdict.evidence for verdict in verdicts}
    if len(verdicts) > 1 and len(evidence) == 1 and "" not in evidence:
        (seen,) = evidence
        hint = "First have `run` run main, and `run_tasks` the jobs, without any signal."
        yield Verdict("the contract", "it does its work", seen, hint)
        return
    yield from verdicts
    if len(verdicts) > 1:  # it could be used
        yield from _of_patience(program)


def _of_patience(program: Path) -> Iterator[Verdict]:
    """What becomes of jobs that will not end; and of a program whose jobs did, and which goes on."""
    host = program.with_name("host.py")
    host.write_text(_HOST, encoding="utf-8")
    plays = [("a cleanup hangs", "end"), ("a job blocks for ever", "end"), ("jobs queued", "live_on")]
    hangs, blocks, lives_on = perform_all(
        [_play(act, Target(f"{program}:run_tasks", f"{host}:{runner}")) for act, runner in plays], may_miss=True
    )
    found = [*_of_one_that_hangs(hangs), *_of_one_that_blocks(blocks)]
    what = next(promise.what for promise in PROMISES if promise.id == "stubborn")
    hint = found[0][1] if found else ""
    yield Verdict("the contract", f"stubborn: {what}", "; ".join(seen for seen, _ in found), hint)
    has_lived_on = "lived on" in lives_on.stdout.splitlines()
    yield Verdict(
        "a program that goes on for six seconds when `run` has been interrupted and has ended",
        "it is let go on",
        "" if has_lived_on else f"it {how_it_ended(lives_on)} meanwhile",
        _STOPPED,
    )


def _play(act: str, target: Target) -> Experiment:
    experiment = ACTS[act].experiment(target)
    return replace(experiment, deadline=max(experiment.deadline, _DEADLINE))


def _of_one_that_hangs(outcome: Outcome) -> Iterator[tuple[str, str]]:
    """What is wrong if the cleanup of job-1 never ends, each with a hint."""
    if outcome.hung:
        yield "job-1 does not end, and so the process does not either", _CLOCKS
        return
    if not _says(outcome, "job-1"):
        yield "nobody was told that it is job-1", _WHO
    if not _says(outcome, "tidy_up_for_ever"):
        yield "nobody was told where job-1 is stuck", _WHERE
    if outcome.returncode not in outcome.experiment.expected:
        yield f"a cleanup hangs: it {how_it_ended(outcome)}, in the place of the signal's status", _ONCE_MORE


def _of_one_that_blocks(outcome: Outcome) -> Iterator[tuple[str, str]]:
    """What is wrong if job-2 is in a function that never comes back."""
    if outcome.hung:
        yield "job-2 does not end, and so the process does not either", _CLOCKS
    elif not _says(outcome, "blocking_for_ever"):
        yield "nobody was told where job-2 is stuck", _CLOCKS


def _says(outcome: Outcome, word: str) -> bool:
    return re.search(rf"\b{word}\b", outcome.stderr) is not None


EXERCISES = (
    Exercise("12.1", _your_own("run", by_contract(_OF_SIGNALS, OWN))),
    Exercise("12.2", _your_own("run_tasks", by_contract(_OF_JOBS))),
    Exercise("12.3", _your_own("run", _all_sixteen)),
)
