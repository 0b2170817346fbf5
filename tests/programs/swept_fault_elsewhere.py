"""Sweep a program on two processes of a pool, and tell the verdicts as JSON."""

import json
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor

from cancelkit.sweep import program_at, sweep

if __name__ == "__main__":
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        swept = sweep(program_at(sys.argv[1], sys.argv[2:]), level="step", executor=executor)
    print(json.dumps([(run.point, run.verdict.word) for run in swept.runs]))
