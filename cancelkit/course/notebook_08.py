"""The exercises of notebook 08, on testing: what a reader writes are tests, and services are what they are tried on.

A right test passes on a service that is in order, and fails on each of some that are broken: on an assertion, and in an
experiment in which the fault shows. Run as a program, this module has pytest run one file of tests, and says what came
of them; so each service has a process of its own, with a deadline.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cancelkit.lab
from cancelkit.course import runs
from cancelkit.course.exercises import Exercise, Judge, Verdict
from cancelkit.lab import Experiment, Outcome, perform_all


class _Service(NamedTuple):
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


def tried_on(*services: _Service) -> Judge:
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


def _experiment(folder: Path, service: _Service, text: str) -> Experiment:
    """Pytest, and no signal, on the tests and one service."""
    folder.mkdir()
    tests, program = folder / "test_answer.py", folder / "service.py"
    tests.write_text(text, encoding="utf-8")
    program.write_text(service.text, encoding="utf-8")
    # The program stands in the command line because by that a recorded run is known.
    return Experiment(__file__, (), [str(runs.DEADLINE / 2), str(tests), str(program)], 3 * runs.DEADLINE)


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


def _verdicts(service: _Service, tests: Sequence[_Test]) -> Iterator[Verdict]:
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


def _wrong_reason(service: _Service, test: _Test) -> str:
    """Why a test that does not pass says nothing about the service; empty if it does."""
    if not test.experiments:
        return f"{test.name} does not pass, but sends no signal: {test.error}"
    if not test.by_assertion:
        return f"{test.name} fails, but not on an assertion: {test.error}"
    if not any(set(service.faults) & set(broken) for broken in test.experiments):
        return f"{test.name} fails, but where its signal lands the service does nothing wrong: {test.error}"
    return ""


class _Witness:
    """A plugin of pytest that notes what becomes of each test, and of its experiments."""

    def __init__(self, folder: Path, deadline: float) -> None:
        self.error = ""
        self.tests: list[dict[str, Any]] = []
        self._folder = folder
        self._deadline = deadline
        self._perform = cancelkit.lab.perform
        cancelkit.lab.perform = self.perform

    def perform(self, experiment: Experiment) -> Outcome:
        """Perform an experiment for a test, with no more patience than there is here, and note what came of it."""
        noted: list[str] = []
        if self.tests and experiment.signals:
            self.tests[-1]["experiments"].append(noted)
        limit = min(experiment.deadline, self._deadline)
        outcome = self._perform(dataclasses.replace(experiment, deadline=limit))
        as_it_is = dataclasses.replace(outcome, experiment=dataclasses.replace(experiment, expect=None))
        noted += [verdict.id for verdict in as_it_is.broken]
        if outcome.hung:
            raise TimeoutError(f"{Path(experiment.program).name} had not ended after {limit:g} s, and was killed")
        return outcome

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A test begins."""
        name = nodeid.rpartition("::")[2]
        self.tests.append(
            {"name": name, "passed": False, "error": "it was skipped", "by_assertion": False, "experiments": []}
        )

    def pytest_runtest_logreport(self, report: Any) -> None:
        """A part of a test has ended."""
        if report.when == "call":
            self.tests[-1]["passed"] = report.passed
        elif report.failed:
            self.tests[-1]["passed"] = False

    def pytest_exception_interact(self, call: Any, report: Any) -> None:
        """A test, or the file as a whole, has raised something."""
        lines = str(call.excinfo.value).replace(f"{self._folder}{os.sep}", "").strip().splitlines()
        if report.when == "collect":  # the error of the file is the last line of a report
            self.error = lines[-1].removeprefix("E").strip() if lines else call.excinfo.typename
            return
        error = f"{call.excinfo.typename}: {lines[0]}" if lines else call.excinfo.typename
        is_assertion = issubclass(call.excinfo.type, AssertionError) or call.excinfo.typename == "Failed"
        self.tests[-1].update(error=error, by_assertion=is_assertion)


def main(deadline: str, tests: str) -> None:
    """Have pytest run a file of tests, and print what came of each as the last line."""
    for name in [name for name in os.environ if name.startswith("PYTEST_")]:
        del os.environ[name]
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    import pytest

    witness = _Witness(Path(tests).parent, float(deadline))
    words = ["-c", os.devnull, "--rootdir", str(Path(tests).parent), "-p", "cancelkit.pytest_plugin"]
    pytest.main([*words, "-p", "no:cacheprovider", "-p", "no:terminal", tests], [witness])
    print(json.dumps({"error": witness.error, "tests": witness.tests}))  # noqa: T201


def _changed(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


_IN_ORDER = """\
import asyncio

import cancelkit


async def goodbye(client):
    await asyncio.sleep(0.2)
    print(f"{client}: goodbye", flush=True)


async def serve(client, slots):
    async with slots:
        print(f"{client}: served", flush=True)
        try:
            await asyncio.Event().wait()
        finally:
            await goodbye(client)


async def main():
    print("loading", flush=True)
    slots = asyncio.Semaphore(2)
    async with asyncio.TaskGroup() as group:
        for name in ("ann", "bob", "cy"):
            group.create_task(serve(name, slots), name=name)


cancelkit.run(main())
"""
"""The service *owned* of the notebook."""

_RUN = "cancelkit.run(main())"

_HIDDEN = """\
import contextlib

with contextlib.suppress(KeyboardInterrupt):
    cancelkit.run(main())"""

_LISTENING = """\
    global listener
    listener = socket.create_server(("127.0.0.1", 0))
    slots = asyncio.Semaphore(2)
"""

_ASKS_AGAIN = """\
        clients = [group.create_task(serve(name, slots), name=name) for name in ("ann", "bob", "cy")]
        asyncio.get_running_loop().add_signal_handler(2, lambda: [client.cancel() for client in clients])
"""

_INTERRUPTED = """\
asyncio.run(main())
raise KeyboardInterrupt"""

_CLIENTS = """\
        for name in ("ann", "bob", "cy"):
            group.create_task(serve(name, slots), name=name)
"""

_SLOTS = "    slots = asyncio.Semaphore(2)\n"

_FINISHED = _changed(
    _IN_ORDER,
    ("import cancelkit\n", "import cancelkit\nfrom cancelkit.trace.reports import report\n"),
    ('goodbye", flush=True)\n', 'goodbye", flush=True)\n    report("cleanup finished", client)\n'),
    (
        "            await asyncio.Event().wait()\n",
        '            if client != "ann":\n                await asyncio.Event().wait()\n',
    ),
    (
        "            await goodbye(client)",
        '            report("cleanup begun", client)\n            await cancelkit.finish(goodbye(client))',
    ),
)
"""A service whose first client leaves at once, and whose goodbyes are inside `finish`.

It reports them. Who sees tasks alone would not miss a goodbye whose task is cancelled before its first step.
"""

_TERMINATED = """\
    asyncio.get_running_loop().add_signal_handler(15, asyncio.current_task().cancel)
    slots = asyncio.Semaphore(2)
"""

_TELLS_143 = """\
try:
    asyncio.run(main())
except asyncio.CancelledError:
    raise SystemExit(143) from None"""

_DEFAULT = """\
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    slots = asyncio.Semaphore(2)
"""

EXERCISES = (
    Exercise(
        "08.1",
        tried_on(
            _Service("a service that is in order", _IN_ORDER),
            _Service(
                "a service that hides the Ctrl-C",
                _changed(_IN_ORDER, (_RUN, _HIDDEN)),
                ("exit",),
                "a test fails, as the exit status is wrong",
                "All goodbyes are said. Which of the six questions is about what the world hears?",
            ),
            _Service(
                "a service that leaves a socket open",
                _changed(_IN_ORDER, (_SLOTS, _LISTENING), ("import asyncio\n", "import asyncio\nimport socket\n")),
                ("leaks",),
                "a test fails, as a socket leaks",
                "All goodbyes are said, and the exit status is right. There are six questions, and a word for all.",
            ),
        ),
    ),
    Exercise(
        "08.2",
        tried_on(
            _Service("a service that is in order", _IN_ORDER),
            _Service(
                "a service under asyncio.run",
                _changed(_IN_ORDER, (_RUN, "asyncio.run(main())")),
                ("cleanup",),
                "a test fails, as a second Ctrl-C in the goodbyes loses them",
                "Two signals need two moments, with `then` between them. In which state is a task that says goodbye?",
            ),
            _Service(
                "a service that cancels its clients at every Ctrl-C",
                _changed(_IN_ORDER, (_CLIENTS, _ASKS_AGAIN), (_RUN, _INTERRUPTED)),
                ("cleanup",),
                "a test fails, as a second Ctrl-C in the goodbyes loses them",
                "A second signal is harmless before the goodbyes have begun. When have they?",
            ),
        ),
    ),
    Exercise(
        "08.3",
        tried_on(
            _Service("a service that is in order", _FINISHED),
            _Service(
                "a service whose goodbyes are not protected",
                _changed(_FINISHED, ("cancelkit.finish(goodbye(client))", "goodbye(client)")),
                ("cleanup",),
                "a test fails, as one Ctrl-C in an ordinary goodbye loses it",
                "While ann gets her goodbye, who is at work, and who is queued? Say nothing about ann.",
            ),
            _Service(
                "a service that owns SIGTERM, and not SIGINT",
                _changed(_FINISHED, (_SLOTS, _TERMINATED), (_RUN, _TELLS_143)),
                ("cleanup",),
                "a test fails, as a second Ctrl-C in the goodbyes loses them",
                "When two are served, and then when these two clean up.",
            ),
            _Service(
                "a service that owns SIGINT, and leaves SIGTERM to the system",
                _changed(_FINISHED, (_SLOTS, _DEFAULT), ("import asyncio\n", "import asyncio\nimport signal\n")),
                ("cleanup",),
                "a test fails, as SIGTERM ends it without a goodbye",
                "The fixture sends SIGINT unless told otherwise: signals=SIGTERM.",
            ),
        ),
    ),
)

if __name__ == "__main__":
    main(*sys.argv[1:3])
