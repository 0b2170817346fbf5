"""Answers that are tests: tried on services, some of which are broken.

A right test passes on a service that is in order, and fails on each of those that are not: on an assertion, and in an
experiment in which the fault shows. Each service has a process of its own for them, with a deadline.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from cancelkit.course import pytest_child, runs
from cancelkit.course.exercises import Judge, Verdict
from cancelkit.lab import Experiment, Outcome, perform_all


class Service(NamedTuple):
    """A service that tests are tried on.

    Attributes:
        under: what is to be said of it, in words: a service that hides the Ctrl-C.
        text: its program.
        faults: the ids of the questions of the checklist of which it breaks one; none if it is in order.
        promise: what the tests are to do on it.
        hint: what might help if they do not.
    """

    under: str
    text: str
    faults: tuple[str, ...] = ()
    promise: str = "all tests pass"
    hint: str = "It is in order: a test that fails on it is wrong, or asks for a moment that does not come."


class _Test(NamedTuple):
    """What came of one test.

    Attributes:
        name: its name.
        passed: whether it passed.
        error: why it did not pass, in words.
        by_assertion: whether that was an assertion of its own.
        experiments: of each of its experiments with a signal, which questions of the checklist are broken, whatever the
            test expected.
    """

    name: str
    passed: bool
    error: str
    by_assertion: bool
    experiments: Sequence[Sequence[str]]


def tried_on(*services: Service) -> Judge:
    """A judge that runs the tests of an answer on services, each of which they find beside them as service.py."""

    def judge(program: Path) -> Iterator[Verdict]:
        with tempfile.TemporaryDirectory(prefix="cancelkit-") as folder:
            text = program.read_text(encoding="utf-8")
            experiments = [
                _experiment(Path(folder, str(number)), service, text) for number, service in enumerate(services, 1)
            ]
            outcomes = perform_all(experiments, at_once=len(services))
        for service, outcome in zip(services, outcomes, strict=True):
            why, tests = _came_of(outcome)
            if why:
                hint = "Mend this first. A test is a function whose name begins with test_."
                yield Verdict("", "it is a file of tests", why, hint)
                return
            yield from _verdicts(service, tests)

    return judge


def _experiment(folder: Path, service: Service, text: str) -> Experiment:
    """Pytest, and no signal, on the tests and one service."""
    folder.mkdir()
    tests, program = folder / "test_answer.py", folder / "service.py"
    tests.write_text(text, encoding="utf-8")
    program.write_text(service.text, encoding="utf-8")
    # The program stands in the command line because by that a recorded run is known.
    return Experiment(pytest_child.__file__, (), [str(runs.DEADLINE / 2), str(tests), str(program)], 3 * runs.DEADLINE)


def _came_of(outcome: Outcome) -> tuple[str, list[_Test]]:
    """What came of each test; or why nothing did."""
    if outcome.hung:
        return f"the tests had not ended after {outcome.experiment.deadline:g} s", []
    said = outcome.stdout.splitlines()[-1:]
    if outcome.returncode or not said:
        return f"pytest {outcome.ended}, {(outcome.stderr.strip().splitlines() or [''])[-1]}", []
    found = json.loads(said[0])
    tests = [_Test(**test) for test in found["tests"]]
    return found["error"] or ("" if tests else "there is no test in it"), tests


def _verdicts(service: Service, tests: Sequence[_Test]) -> Iterator[Verdict]:
    failed = [test for test in tests if not test.passed]
    if not service.faults:
        seen = f"{failed[0].name} does not: {failed[0].error}" if failed else ""
        yield Verdict(service.under, service.promise, seen, service.hint)
        without = [test.name for test in tests if not test.experiments]
        seen = f"{without[0]} sends none" if without else ""
        hint = "The fixture makes the experiment: interrupt(program, when=moment)."
        yield Verdict(service.under, "each test sends a signal at a moment", seen, hint)
        return
    wrong = [why for test in failed if (why := _wrong_reason(service, test))]
    seen = "" if len(wrong) < len(failed) else wrong[0] if wrong else "all tests pass"
    yield Verdict(service.under, service.promise, seen, service.hint)


def _wrong_reason(service: Service, test: _Test) -> str:
    """Why a test that does not pass says nothing about the service; empty if it does."""
    if not test.experiments:
        return f"{test.name} does not pass, but sends no signal: {test.error}"
    if not test.by_assertion:
        return f"{test.name} fails, but not on an assertion: {test.error}"
    if not any(set(service.faults) & set(broken) for broken in test.experiments):
        return f"{test.name} fails, but where its signal lands the service does nothing wrong: {test.error}"
    return ""
