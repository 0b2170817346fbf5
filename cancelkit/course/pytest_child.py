"""A program that has pytest run one file of tests, and prints what came of them.

    python pytest_child.py DEADLINE TESTS ...

DEADLINE is how many seconds an experiment of a test may take. The last line of the output is JSON: {"error": what is
wrong with the file as a whole, if anything is, "tests": [...]}.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Any

import cancelkit.lab
from cancelkit.lab import Experiment, Outcome


class Witness:
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

    witness = Witness(Path(tests).parent, float(deadline))
    words = ["-c", os.devnull, "--rootdir", str(Path(tests).parent), "-p", "cancelkit.pytest_plugin"]
    pytest.main([*words, "-p", "no:cacheprovider", "-p", "no:terminal", tests], [witness])
    print(json.dumps({"error": witness.error, "tests": witness.tests}))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:3])
