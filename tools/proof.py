"""Every test and every notebook, again and again, while every core is kept busy, and what takes long: `make proof`.

A verdict that depends on how fast the machine is would change here: every scenario on every pattern, twenty times; and
the kit's own contract, twenty times on every Python that is found. Then, once each: a program that is killed at
hundreds of random moments, the table of what a sweep finds, and CPython's own tests of asyncio, plain and recorded, on
every Python that is found.
Writes what came of it, with date and versions, to benchmarks/results/proof.txt, and fails if anything failed.
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
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "proof.txt"
SUITES = {
    "tests": ["-n", "2", "--dist", "loadfile", "tests"],
    "notebooks": ["--nbval", "--nbval-current-env", "notebooks"],
}
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
    """Run everything and write the result; the exit status is 1 if anything failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="how often (3)")
    rounds = parser.parse_args().rounds
    cores = os.cpu_count() or 1
    today = datetime.datetime.now(datetime.UTC).date()
    lines = [f"{today}, CPython {platform.python_version()}, {platform.system()}; {cores} cores kept busy meanwhile"]
    passed = True
    with busy(cores):
        for ok, line in chain(suites(rounds), [tables()], map(contracts, pythons()), [kills()]):
            passed &= ok
            lines.append(line)
            print(line, flush=True)
    for ok, line in chain(map(swept, pythons()), map(compare_with_plain, pythons())):
        passed &= ok
        lines.append(line)
        print(line, flush=True)
    RESULTS.write_text("\n".join(lines) + "\n")
    return 0 if passed else 1


def suites(rounds: int) -> Iterator[Result]:
    """All tests and all notebooks, again and again."""
    for number in range(1, rounds + 1):
        for suite, arguments in SUITES.items():
            ok, line = run(arguments)
            yield ok, f"round {number} of {rounds}, {suite}: {line}"


def contracts(python: str) -> Result:
    """The kit's own check, again and again, under one Python; whether every promise was always kept."""
    begun = time.monotonic()
    done = [subprocess.run([python, "-c", CHECK], cwd=ROOT, capture_output=True, text=True) for _ in range(TABLES)]
    for each in done:
        if each.returncode:
            print(each.stdout + each.stderr)
    kept = sum(each.returncode == 0 for each in done)
    version = subprocess.run([python, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    line = f"cancelkit:run_tasks under cancelkit:run, {version}: {kept} of {TABLES} times every promise kept"
    return kept == TABLES, f"{line} ({time.monotonic() - begun:.0f} s)"


def kills() -> Result:
    """A program that is killed at many random moments."""
    arguments = ["-p", "no:cacheprovider", "--timeout", "3600", "tests/test_trace_kills.py"]
    ok, line = run(arguments, CANCELKIT_KILLS=str(KILLS))
    return ok, f"{KILLS} kills at random moments: {line}"


def tables() -> Result:
    """Every scenario on every pattern, again and again; whether the verdicts were always those written down."""
    begun = time.monotonic()
    same = [run(["-p", "no:cacheprovider", "tests/test_lab_scenarios.py"])[0] for _ in range(TABLES)]
    line = f"every scenario on every pattern: {sum(same)} of {TABLES} times the verdicts as written down"
    return all(same), f"{line} ({time.monotonic() - begun:.0f} s)"


def pythons() -> list[str]:
    """The Pythons that the core is tested on: this one, and those that `make test-pythons` has set up."""
    others = sorted(str(path) for path in ROOT.glob(".venv-3.*/bin/python"))
    return [sys.executable, *others]


def swept(python: str) -> Result:
    """The table of what a sweep finds, under one Python; whether it is as it should be."""
    begun = time.monotonic()
    done = subprocess.run([python, "tools/sweep_table.py"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        print(done.stderr)
    version = subprocess.run([python, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return done.returncode == 0, f"swept, {version} ({time.monotonic() - begun:.0f} s):\n{done.stdout.rstrip()}"


def compare_with_plain(python: str) -> Result:
    """Run CPython's own tests under one Python, plain and recorded; whether they agree, and what was said last."""
    begun = time.monotonic()
    command = [sys.executable, "tools/cpython_tests.py", "--python", python]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        print(done.stdout + done.stderr)
    last = (done.stdout.strip().splitlines() or [""])[-1]
    return done.returncode == 0, f"CPython's own tests, plain and recorded: {last} ({time.monotonic() - begun:.0f} s)"


def run(arguments: list[str], **environment: str) -> Result:
    """Run pytest once; whether it passed, and its last line without the seconds."""
    begun = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", *arguments]
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


if __name__ == "__main__":
    sys.exit(main())
