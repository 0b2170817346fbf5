"""Every test and every notebook, again and again, while every core is kept busy: `make proof`.

A verdict that depends on how fast the machine is would change here. Writes what came of it, with date and versions, to
benchmarks/results/proof.txt, and fails if any round failed.
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
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "proof.txt"
SUITES = {
    "tests": ["-n", "2", "--dist", "loadfile", "tests"],
    "notebooks": ["--nbval", "--nbval-current-env", "notebooks"],
}
SPIN = "while True: pass"


def main() -> int:
    """Run the rounds and write the result; the exit status is 1 if any of them failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="how often (3)")
    rounds = parser.parse_args().rounds
    cores = os.cpu_count() or 1
    today = datetime.datetime.now(datetime.UTC).date()
    lines = [f"{today}, CPython {platform.python_version()}, {platform.system()}; {cores} cores kept busy meanwhile"]
    passed = True
    with busy(cores):
        for number in range(1, rounds + 1):
            for suite, arguments in SUITES.items():
                ok, line = run(arguments)
                passed &= ok
                lines.append(f"round {number} of {rounds}, {suite}: {line}")
                print(lines[-1], flush=True)
    RESULTS.write_text("\n".join(lines) + "\n")
    return 0 if passed else 1


def run(arguments: list[str]) -> tuple[bool, str]:
    """Run pytest once; whether it passed, and its last line without the seconds."""
    begun = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
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
