"""The table of what a sweep finds: `python tools/sweep_table.py`, for the Python that runs it; part of `make proof`.

A task group and the kit's own run_tasks, each with plain cleanup and with cleanup inside `finish`: every point of one
signal, and samples of pairs and triples. Then each unsafe line is replayed, and has to have the same verdict. Fails
if one has another; or if the kit's own with `finish` loses or interrupts a cleanup, hangs, swallows a signal or exits
with a wrong status at any point; or if a task group with plain cleanup does not.
"""

from __future__ import annotations

import argparse
import datetime
import platform
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from cancelkit.errors import CancelkitError
from cancelkit.sweep import Sweep, Unsafe, replay, sweep, target_program

ROWS = {
    "task group, plain": ("cancelkit.patterns.task_group:run_tasks", False),
    "task group, finish": ("cancelkit.patterns.task_group:run_tasks", True),
    "cancelkit.run, plain": ("cancelkit:run_tasks", False),
    "cancelkit.run, finish": ("cancelkit:run_tasks", True),
}
HARM = ("hung", "crashed", "cleanup lost", "cleanup interrupted", "interrupt swallowed", "wrong exit", "unresolved")
SAMPLE = 2500
REPLAYS_AT_ONCE = 2


def main() -> int:
    """Make the table; the exit status is 1 if it is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=SAMPLE, help=f"pairs and triples of each row ({SAMPLE})")
    sample = parser.parse_args().sample
    problems = []
    today = datetime.datetime.now(datetime.UTC).date()
    print(f"{today}, CPython {platform.python_version()}, {platform.system()}")
    for row, (target, is_finished) in ROWS.items():
        for signals in (1, 2, 3):
            size = sample if signals > 1 else None
            swept = sweep(target_program(target, finish=is_finished), signals=signals, sample=size, seed=signals)
            harm = sum(swept.verdicts.get(word, 0) for word in HARM)
            others = list(differently_replayed(swept))
            counts = ", ".join(f"{count:,} {word}" for word, count in swept.verdicts.items())
            print(f"  {row}, level {swept.level}: {swept.coverage}: {counts}")
            print(
                f"    unsafe {harm / len(swept.runs):.1%}; {len(swept.unsafe)} lines replayed, {len(others)} otherwise"
            )
            problems += [f"{row}: {other}" for other in others]
            if (row == "cancelkit.run, finish") == bool(harm) and row in ("cancelkit.run, finish", "task group, plain"):
                problems.append(f"{row}, {signals} signals: {harm} of {len(swept.runs)} unsafe")
            sys.stdout.flush()
    print("  " + ("; ".join(problems) or "as it should be"))
    return 1 if problems else 0


def differently_replayed(swept: Sweep) -> Iterator[str]:
    """The unsafe lines whose first run has another verdict when it is replayed."""
    with ThreadPoolExecutor(REPLAYS_AT_ONCE) as executor:
        verdicts = executor.map(lambda line: verdict_again(swept, line), swept.unsafe)
        for line, word in zip(swept.unsafe, verdicts, strict=True):
            if word != line.verdict:
                yield f"{line.place} {line.verdict}, replayed {word}"


def verdict_again(swept: Sweep, line: Unsafe) -> str:
    """The verdict on the first run of a line, replayed."""
    try:
        return replay(swept.token(line.first)).run.verdict.word
    except CancelkitError as error:
        return str(error)


if __name__ == "__main__":
    sys.exit(main())
