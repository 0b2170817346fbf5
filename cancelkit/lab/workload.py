"""The standard workload: jobs that hold something real, tidy it up, and say what becomes of it.

A job begins; it greets a server on loopback and opens a file with a half-written record: now it holds something that
must be tidied up. It works, which is to wait for the server; and then it tidies up: completes the record, says goodbye
to the server, and gives the file its final name. If its cleanup is lost, a file NAME.part is left behind, and the
server has seen it hang up without a goodbye.

The first two jobs are short and the others long, so that a timeline shows jobs that ended as they should beside those
that a signal found at work. Run two at a time, seven jobs reach a state that lasts for seconds: two have ended, two
work, three wait.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import IO

from cancelkit.lab.workplace import asked, workplace
from cancelkit.shutdown import finish
from cancelkit.trace.reports import What, report

ACQUIRE = 0.15
"""Seconds that a job needs until it holds something."""

SHORT, LONG = (0.1, 0.2), 5.0
"""Seconds of work after that: of the first two jobs, and of each of the others."""

CLEANUP = 0.3
"""Seconds that a job needs to tidy up."""


def make_jobs(count: int = 7, *, finished: bool = False) -> list[Callable[[], Awaitable[str]]]:
    """Make `count` jobs, named job-1, job-2 …; with `finished`, their cleanup is inside `cancelkit.finish`."""
    job = job_with_finish if finished else plain_job
    work = (*SHORT, *[LONG] * count)[:count]
    return [functools.partial(job, f"job-{number}", seconds) for number, seconds in enumerate(work, 1)]


async def plain_job(name: str, work: float) -> str:
    """Work for a while, then clean up in a plain `finally`, as most programs do."""
    say("begun", name)
    desk = Desk(name)
    try:
        await desk.acquire()
        await desk.work(work)
        return f"result of {name}"
    finally:
        await desk.tidy_up()


async def job_with_finish(name: str, work: float) -> str:
    """Work for a while, then clean up to the end, whatever comes."""
    say("begun", name)
    desk = Desk(name)
    try:
        await desk.acquire()
        await desk.work(work)
        return f"result of {name}"
    finally:
        await finish(desk.tidy_up())


class Desk:
    """What one job holds: a connection to the server, and a file with a record."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._part = Path(workplace().folder, f"{name}.part")
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._file: IO[str] | None = None

    async def acquire(self) -> None:
        """Greet the server, and write the first half of the record."""
        if workplace().port:
            self._streams = await asyncio.open_connection("127.0.0.1", workplace().port)
        self._file = self._part.open("w")
        await self.ask("hello", ACQUIRE)
        self._file.write(f"{self.name}: begun")
        self._file.flush()
        say("holding", self.name)

    async def work(self, seconds: float) -> None:
        """Wait for the server, which is all that there is to do."""
        await self.ask("work", seconds)

    async def ask(self, what: str, seconds: float) -> None:
        """Ask the server for something that takes a while, and wait for its answer."""
        if self._streams is None:
            await asyncio.sleep(seconds)
            return
        reader, writer = self._streams
        asked.append(what)
        writer.write(f"{what} {self.name} {seconds}\n".encode())
        while (answer := await reader.readline()) != f"{what}\n".encode():  # an older question's may come first
            if not answer:
                raise ConnectionError(f"{self.name} asked for {what}, and the server has hung up")

    async def tidy_up(self) -> None:
        """Complete the record and say goodbye: two steps that take a while, and are lost if they are interrupted."""
        say("cleanup begun", self.name)
        if self._file is not None:
            await self.ask("tidy", CLEANUP / 2)
            say("cleanup halfway", self.name)
            await self.ask("goodbye", CLEANUP / 2)
            self._file.write(", completed\n")
            self._file.close()
            self._part.rename(self._part.with_suffix(".txt"))
            if self._streams is not None:
                self._streams[1].close()
        say("cleanup finished", self.name)


def say(what: What, name: str) -> None:
    """Report it, and tell the person at the terminal."""
    report(what, name)
    print(f"{name}: {what}", flush=True)  # noqa: T201
