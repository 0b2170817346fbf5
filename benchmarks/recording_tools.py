"""One measurement: a piece of work under a tool, in this process, which is there for nothing else.

    python recording_tools.py TOOL WORK     prints a measurement as JSON
    python recording_tools.py sizes WORK    prints the size of a record of that work

What is timed is one `asyncio.run`, after another one of the same work that no tool watches. Starting and stopping the
tool is not timed, nor what it does afterwards with what it has seen: reading back events, writing a report.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path

from recording_report import MEMORY, Measurement, Sizes
from recording_work import WORKS, Work

VIZTRACER_ENTRIES = 10_000_000
"""Room for every call, some three million; what is not filled takes no memory. The default keeps the last million."""


@dataclass(frozen=True)
class Tool:
    """Something that watches a program.

    Attributes:
        watch: what the run is done inside of; gives what knows the number of events, if anything does.
        gives: in words, what one learns of the tasks.
        package: what has to be installed for it.
        debug: whether it is asyncio's debug mode.
    """

    watch: Callable[[], AbstractContextManager[Callable[[], int] | None]]
    gives: str = ""
    package: str = ""
    debug: bool = False


@contextlib.contextmanager
def _cancelkit() -> Iterator[Callable[[], int]]:
    from cancelkit.trace import recording

    with recording() as run:
        yield lambda: len(run.record.events)


@contextlib.contextmanager
def _viztracer() -> Iterator[None]:
    from viztracer import VizTracer

    tracer = VizTracer(log_async=True, tracer_entries=VIZTRACER_ENTRIES, verbose=0)
    tracer.start()
    yield
    tracer.stop()


@contextlib.contextmanager
def _yappi(clock: str) -> Iterator[None]:
    import yappi

    yappi.set_clock_type(clock)
    yappi.start()
    yield
    yappi.stop()


TOOLS = {
    "plain": Tool(contextlib.nullcontext),
    "cancelkit": Tool(_cancelkit, "every state of every task: since when, what it waits for, where, how it ended"),
    "asyncio debug mode": Tool(
        contextlib.nullcontext, "where a task was made, callbacks that take over 0.1 s; no history", debug=True
    ),
    "viztracer log_async": Tool(
        _viztracer, "every call and return, on a line of its task; not what it waits for or how it ended", "viztracer"
    ),
    "yappi wall": Tool(
        lambda: _yappi("wall"), "calls and time of each function, its waiting included; no history", "yappi"
    ),
    "yappi cpu": Tool(lambda: _yappi("cpu"), "calls and processor time of each function; no history", "yappi"),
}
"""The first is what all are compared with, the second what this is about; the others are its peers."""


def measured(tool: Tool, work: Work) -> Measurement:
    """Do a piece of work unwatched, and then watched and timed."""
    asyncio.run(work.make(), debug=False)
    gc.collect()
    with tool.watch() as number_of_events:
        before, begun = memory(), time.perf_counter()
        asyncio.run(work.make(), debug=tool.debug)
        seconds, after = time.perf_counter() - begun, memory()
    grown = {kind: after[kind] - before[kind] for kind in after}
    return Measurement(seconds, grown, number_of_events() if number_of_events else 0)


def memory() -> dict[str, int]:
    """Bytes that this process has in memory, by kind; nothing where the system does not tell."""
    status = Path("/proc/self/status")
    rows = [line.split() for line in status.read_text().splitlines()] if status.exists() else []
    return {row[0].rstrip(":"): int(row[1]) * 1024 for row in rows if row[0].rstrip(":") in MEMORY}


def sizes(work: Work) -> Sizes:
    """Record a piece of work on a tape that one can get at, and see how long it is."""
    from cancelkit.trace.record import Record, lines_of
    from cancelkit.trace.recorder import Recorder
    from cancelkit.trace.tape import Tape
    from cancelkit.trace.tape_reader import TapeReader

    with tempfile.TemporaryFile() as file:
        recorder = Recorder(Tape(file.fileno()))
        recorder.install()
        try:
            asyncio.run(work.make())
        finally:
            recorder.uninstall()
        events = tuple(TapeReader(file.fileno()).new_events())
        tape = len(file.read().rstrip(b"\0"))
    return Sizes(len(events), tape, sum(map(len, lines_of(Record(events)))))


if __name__ == "__main__":
    _, name, title = sys.argv
    print(json.dumps(asdict(sizes(WORKS[title]) if name == "sizes" else measured(TOOLS[name], WORKS[title]))))
