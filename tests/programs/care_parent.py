"""A process that makes experiments on one of the functions of misbehave.py, and is to be ended in the middle of it.

python care_parent.py HOW NAME [STEPS MEBIBYTES]: HOW is one of the functions here. When the experiments are over, their
outcomes are printed, a line of JSON each, with the most memory that this process has had.
"""

import asyncio
import json
import re
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from cancelkit.lab import (
    Experiment,
    Outcome,
    before_start,
    launched,
    perform,
    perform_all,
    perform_all_async,
    perform_async,
    signals_at,
)

PROGRAM = Path(__file__).with_name("misbehave.py")


def endless() -> Experiment:
    """One whose moment never comes."""
    return Experiment(PROGRAM, signals_at("active=100"), sys.argv[2:], deadline=1000)


def one() -> Sequence[Outcome]:
    return [perform(endless())]


def several() -> Sequence[Outcome]:
    return perform_all([endless()] * 3, at_once=2)


def one_awaited() -> Sequence[Outcome]:
    return [asyncio.run(perform_async(endless()))]


def several_awaited() -> Sequence[Outcome]:
    return asyncio.run(perform_all_async([endless()] * 3, at_once=2))


def one_by_hand() -> Sequence[Outcome]:
    """In a loop that nobody brings to an end when it is broken."""
    return [asyncio.new_event_loop().run_until_complete(perform_async(endless()))]


def one_at_its_moment() -> Sequence[Outcome]:
    return [perform(Experiment(PROGRAM, signals_at("active=1"), sys.argv[2:], deadline=1000))]


def one_that_was_told() -> Sequence[Outcome]:
    """All its signals have been sent before its first line; its record may have so many MiB."""
    launched.LIMIT_OF_RECORD = int(sys.argv[4]) << 20
    return [perform(Experiment(PROGRAM, [(before_start, signal.SIGWINCH)], sys.argv[2:], deadline=1000))]


def most_memory() -> int:
    """In kilobytes. Other than in what `resource` tells there is nothing in it of the process that has started this."""
    found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1])


HOW: dict[str, Callable[[], Sequence[Outcome]]] = {
    make.__name__: make
    for make in (one, several, one_awaited, several_awaited, one_by_hand, one_at_its_moment, one_that_was_told)
}

if __name__ == "__main__":
    began = time.monotonic()
    for outcome in HOW[sys.argv[1]]():
        told = {
            "ended": outcome.ended,
            "events": len(outcome.events),
            "why over": [event.detail["why"] for event in outcome.events if event.kind == "end of the record"],
            "seconds": time.monotonic() - began,
            "kilobytes": most_memory(),
        }
        print(json.dumps(told))
