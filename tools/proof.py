"""What takes hours: `make proof`, or some of its parts: `python tools/proof.py notebooks kills`.

While every core is kept busy with something else, for a verdict that depends on how fast the machine is would change:

    tests      every test, three times
    notebooks  every notebook against its stored outputs, five times, on every Python that is set up for them
    scenarios  every scenario on every pattern, twenty times
    contract   the kit's own contract, twenty times on every Python that is found
    kills      a program that is killed at hundreds of random moments

and then, in peace:

    sweeps     the table of what a sweep finds, on every Python that is found
    cpython    CPython's own tests of asyncio, plain and recorded, on every Python that is found

Each part writes what came of it, with date and versions, to benchmarks/results/proof/PART.txt. The exit status is 1 if
anything failed.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "proof"
TEST_ROUNDS, NOTEBOOK_ROUNDS = 3, 5
KILLS = 500
TABLES = 20
CHECK = """
import sys
from cancelkit.contract.check import check
from cancelkit.lab.scenarios import TARGETS

report = check(TARGETS["cancelkit"]._replace(finishes=False))
sys.exit("\\n".join(map(str, report.verdicts)) if not report.all_kept else 0)
"""
SPIN = "while True: pass"


Result = tuple[bool, str]
"""Whether all went well, and a line that says what came of it."""


def main() -> int:
    """Run the parts; the exit status is 1 if anything failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help="which; all of them unless told otherwise")
    chosen = parser.parse_args().parts or list(PARTS)
    if unknown := set(chosen) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    passed = [prove(part) for part in PARTS if part in chosen]
    return 0 if all(passed) else 1


def prove(part: str) -> bool:
    """Run one part and write what came of it; whether all went well."""
    cores = os.cpu_count() or 1
    is_disturbed = part not in IN_PEACE
    beside = f"{cores} cores kept busy meanwhile" if is_disturbed else f"{cores} cores"
    today = datetime.datetime.now(datetime.UTC).date()
    lines = [f"{today}, CPython {platform.python_version()}, {platform.system()}; {beside}"]
    passed = True
    with busy(cores if is_disturbed else 0):
        for ok, line in PARTS[part]():
            passed &= ok
            lines.append(line)
            print(f"{part}: {line}", flush=True)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{part}.txt").write_text("\n".join(lines) + "\n")
    return passed


def tests() -> Iterator[Result]:
    """All tests, again and again."""
    for number in range(1, TEST_ROUNDS + 1):
        ok, line = run(sys.executable, ["-n", "2", "--dist", "loadfile", "--timeout", "600", "tests"])
        yield ok, f"round {number} of {TEST_ROUNDS}: {line}"


def notebooks() -> Iterator[Result]:
    """All notebooks, again and again, against the same stored outputs whatever the Python."""
    for number in range(1, NOTEBOOK_ROUNDS + 1):
        for python in pythons(".venv-course-3.*"):
            options = ["--nbval", "--nbval-current-env", "-n", "2", "--dist", "loadfile", "--timeout", "600"]
            ok, line = run(python, [*options, "-p", "no:cacheprovider", "notebooks"])
            yield ok, f"round {number} of {NOTEBOOK_ROUNDS}, {version(python)}: {line}"


def contracts() -> Iterator[Result]:
    """The kit's own check, again and again, under each Python; whether every promise was always kept."""
    yield from map(contract, pythons())


def contract(python: str) -> Result:
    """The same under one Python."""
    begun = time.monotonic()
    done = [subprocess.run([python, "-c", CHECK], cwd=ROOT, capture_output=True, text=True) for _ in range(TABLES)]
    for each in done:
        if each.returncode:
            print(each.stdout + each.stderr)
    kept = sum(each.returncode == 0 for each in done)
    line = f"cancelkit:run_tasks under cancelkit:run, {version(python)}: {kept} of {TABLES} times every promise kept"
    return kept == TABLES, f"{line} ({time.monotonic() - begun:.0f} s)"


def kills() -> Iterator[Result]:
    """A program that is killed at many random moments."""
    arguments = ["-p", "no:cacheprovider", "--timeout", "3600", "tests/test_trace_kills.py"]
    ok, line = run(sys.executable, arguments, CANCELKIT_KILLS=str(KILLS))
    yield ok, f"{KILLS} kills at random moments: {line}"


def scenarios() -> Iterator[Result]:
    """Every scenario on every pattern, again and again; whether the verdicts were always those written down."""
    begun = time.monotonic()
    arguments = ["-p", "no:cacheprovider", "tests/test_lab_scenarios.py"]
    same = [run(sys.executable, arguments)[0] for _ in range(TABLES)]
    line = f"every scenario on every pattern: {sum(same)} of {TABLES} times the verdicts as written down"
    yield all(same), f"{line} ({time.monotonic() - begun:.0f} s)"


def pythons(others: str = ".venv-3.*") -> list[str]:
    """This Python, and those that `make test-pythons` has set up: without any dependency, or for the notebooks."""
    return [sys.executable, *sorted(str(path) for path in ROOT.glob(f"{others}/bin/python"))]


def version(python: str) -> str:
    """Which Python it is."""
    return subprocess.run([python, "--version"], capture_output=True, text=True, check=True).stdout.strip()


def sweeps() -> Iterator[Result]:
    """The table of what a sweep finds, under each Python."""
    yield from map(swept, pythons())


def swept(python: str) -> Result:
    """The table of what a sweep finds, under one Python; whether it is as it should be."""
    begun = time.monotonic()
    done = subprocess.run([python, "tools/sweep_table.py"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        print(done.stderr)
    return done.returncode == 0, f"swept, {version(python)} ({time.monotonic() - begun:.0f} s):\n{done.stdout.rstrip()}"


def cpython() -> Iterator[Result]:
    """CPython's own tests, under each Python."""
    yield from map(compare_with_plain, pythons())


def compare_with_plain(python: str) -> Result:
    """Run CPython's own tests under one Python, plain and recorded; whether they agree, and what was said last."""
    begun = time.monotonic()
    command = [sys.executable, "tools/cpython_tests.py", "--python", python]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        print(done.stdout + done.stderr)
    last = (done.stdout.strip().splitlines() or [""])[-1]
    return done.returncode == 0, f"CPython's own tests, plain and recorded: {last} ({time.monotonic() - begun:.0f} s)"


def run(python: str, arguments: list[str], **environment: str) -> Result:
    """Run pytest once under one Python; whether it passed, and its last line without the seconds."""
    begun = time.monotonic()
    command = [python, "-m", "pytest", "-q", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ | environment)
    if done.returncode:
        print(done.stdout + done.stderr)
    last = re.sub(r" in [\d.]+s.*", "", done.stdout.strip().splitlines()[-1])
    return done.returncode == 0, f"{last} ({time.monotonic() - begun:.0f} s)"


@contextlib.contextmanager
def busy(cores: int) -> Iterator[None]:
    """Keep so many cores busy with something else."""
    with contextlib.ExitStack() as stack:
        for _ in range(cores):
            process = stack.enter_context(subprocess.Popen([sys.executable, "-c", SPIN]))
            stack.callback(process.kill)
        yield


PARTS: dict[str, Callable[[], Iterator[Result]]] = {
    "tests": tests,
    "notebooks": notebooks,
    "scenarios": scenarios,
    "contract": contracts,
    "kills": kills,
    "sweeps": sweeps,
    "cpython": cpython,
}
IN_PEACE = {"sweeps", "cpython"}
"""Parts that take very long, and whose verdicts come from a clock of their own or from a comparison."""


if __name__ == "__main__":
    sys.exit(main())
