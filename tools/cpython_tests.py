"""CPython's own tests of asyncio, plain and recorded, test by test: where an outcome differs, the recorder is seen.

Each module of the interpreter's `test.test_asyncio` runs twice, each time in a process of its own; in one of them the
recorder is installed before anything of the tests is imported. The exit status is 1 if a test came out differently, if
the recorder gave up, recorded nothing or left its name in what a test wrote; and 0 if there are no such tests.
"""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import json
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from cancelkit.trace.recorder import Recorder  # noqa: E402 - also in an interpreter where nothing is installed
from cancelkit.trace.tape import Tape  # noqa: E402
from cancelkit.trace.tape_reader import TapeReader  # noqa: E402

PACKAGE = "test.test_asyncio"
LIMIT = 300
"""Seconds for a module; the longest takes twenty."""

MODULES = ("test_tasks", "test_taskgroups", "test_timeouts", "test_runners", "test_locks", "test_queues")

Outcomes = dict[str, list[list[str]]]
"""By test: for it and each of its sub-tests that did not pass, which it is, how it came out, and why."""


class Collector(unittest.TestResult):
    """Keeps how each test came out."""

    def __init__(self) -> None:
        super().__init__()
        self.outcomes: Outcomes = {}

    def _keep(self, test: unittest.TestCase, outcome: str, why: str = "", which: str = "") -> None:
        self.outcomes.setdefault(test.id(), []).append([which, outcome, why])

    def addSuccess(self, test: unittest.TestCase) -> None:  # noqa: D102, N802
        self._keep(test, "ok")

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: D102, N802
        self._keep(test, f"skipped: {reason}")

    def addError(self, test: unittest.TestCase, err: Any) -> None:  # noqa: D102, N802
        self._keep(test, "error", self._exc_info_to_string(err, test))  # type: ignore[attr-defined]

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:  # noqa: D102, N802
        self._keep(test, "failed", self._exc_info_to_string(err, test))  # type: ignore[attr-defined]

    def addExpectedFailure(self, test: unittest.TestCase, err: Any) -> None:  # noqa: D102, N802
        self._keep(test, "expected failure")

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:  # noqa: D102, N802
        self._keep(test, "unexpected success")

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any) -> None:  # noqa: D102, N802
        if err is not None:
            which = re.sub(r"0x[0-9a-f]+", "0x…", str(subtest))
            outcome = "failed" if issubclass(err[0], test.failureException) else "error"
            self._keep(test, outcome, self._exc_info_to_string(err, test), which)  # type: ignore[attr-defined]


def run_tests(module: str, results: str, tape: int | None) -> None:
    """Run the tests of a module in this process, recorded if there is a tape, and write down how each came out."""
    faulthandler.dump_traceback_later(LIMIT, exit=True)
    if tape is not None:
        Recorder(Tape(tape)).install()
        asyncio.tasks._CTask = asyncio.Task  # type: ignore[attr-defined] # by which test_tasks makes its tasks
    collector = Collector()
    unittest.defaultTestLoader.loadTestsFromName(module if "." in module else f"{PACKAGE}.{module}").run(collector)
    Path(results).write_text(json.dumps(collector.outcomes))


@dataclass
class Run:
    """A module's tests in a process of their own, plain or recorded."""

    module: str
    process: subprocess.Popen[str]
    results: Path
    output: IO[str]
    tape: IO[bytes] | None = None
    wrong: list[str] = field(default_factory=list)

    @classmethod
    def begin(cls, python: str, module: str, folder: Path, *, recorded: bool) -> Run:
        """Start it."""
        place = folder / f"{module}-{'recorded' if recorded else 'plain'}"
        place.mkdir()
        results = place.with_suffix(".json")
        tape = results.with_suffix(".tape").open("w+b") if recorded else None
        output = results.with_suffix(".txt").open("w+")
        descriptors = [] if tape is None else [tape.fileno()]
        hidden = ["--child", str(results), *(f"--tape={number}" for number in descriptors)]
        command = [python, __file__, *hidden, module]
        process = subprocess.Popen(
            command,
            cwd=place,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=descriptors,
            text=True,
        )
        return cls(module, process, results, output, tape)

    def outcomes(self) -> Outcomes:
        """How each test came out; what else is wrong is noted."""
        status = self.process.wait()
        self.output.seek(0)
        said = self.output.read()
        if status or not self.results.exists():
            self.wrong.append(f"the process ended with status {status}:\n{said[-3000:]}")
            return {}
        if self.tape is not None and (ours := re.search(r'.*File ".*cancelkit/.*', said)):
            self.wrong.append(f"the recorder was seen in what the tests wrote: {ours[0].strip()}")
        outcomes: Outcomes = json.loads(self.results.read_text())
        return outcomes

    def events(self) -> int:
        """How many events were recorded."""
        assert self.tape is not None
        kinds: Counter[str] = Counter()
        for event in TapeReader(self.tape.fileno()).new_events():
            kinds[event.kind] += 1
            if event.kind == "end of the record":
                self.wrong.append(f"the recorder gave up: {event.detail.get('why')}")
        if not kinds["step"] and self.module in MODULES:
            self.wrong.append("not a step of a task was recorded")
        return kinds.total()


def compare(python: str, module: str, folder: Path) -> bool:
    """Run a module's tests plain and recorded, at the same time, and say what differs; whether nothing does."""
    plain, recorded = (Run.begin(python, module, folder, recorded=recorded) for recorded in (False, True))
    with ExitStack() as stack:
        for run in (plain, recorded):
            stack.callback(run.process.wait)
            stack.callback(run.process.kill)
        before, after, events = plain.outcomes(), recorded.outcomes(), recorded.events()
    differing = list(differences(before, after))
    print(f"{module}: {len(before)} tests, {len(differing)} differ; {events} events recorded", flush=True)
    for line in (*plain.wrong, *recorded.wrong, *differing):
        print(f"  {line}".replace("\n", "\n    "), flush=True)
    return not (plain.wrong or recorded.wrong or differing)


def differences(before: Outcomes, after: Outcomes) -> Iterator[str]:
    """What came out differently, and the traceback of it."""
    for test in sorted(before.keys() | after.keys()):
        plain, recorded = before.get(test, []), after.get(test, [])
        if [outcome[:2] for outcome in plain] != [outcome[:2] for outcome in recorded]:
            yield f"{test}\nplain: {_said(plain)}\nrecorded: {_said(recorded)}\n" + "\n".join(o[2] for o in recorded)


def _said(outcomes: list[list[str]]) -> str:
    return ", ".join(f"{which} {outcome}".strip() for which, outcome, _ in outcomes) or "not run"


def main() -> int:
    """Compare the modules; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", help=f"modules of {PACKAGE}; all of {', '.join(MODULES)}")
    parser.add_argument("--python", default=sys.executable, help="the interpreter whose tests are run (this one)")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--tape", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        run_tests(arguments.modules[0], arguments.child, arguments.tape)
        return 0
    python = str(Path(found).absolute()) if (found := shutil.which(arguments.python)) else arguments.python
    code = f"import platform, {PACKAGE}; print(platform.python_version())"
    asked = subprocess.run([python, "-c", code], capture_output=True, text=True)
    if asked.returncode:
        print(f"{python} has no {PACKAGE}: nothing to compare")
        return 0
    print(f"CPython {asked.stdout.strip()}: its own tests of asyncio, plain and recorded", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        same = [compare(python, module, Path(folder)) for module in arguments.modules or MODULES]
    return 0 if all(same) else 1


if __name__ == "__main__":
    sys.exit(main())
