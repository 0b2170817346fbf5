"""What is run to see what a recording costs: tasks that switch, clients of an echo server, jobs that come and go."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

HOST = "127.0.0.1"
LINE = b"0123456789abcdef" * 4 + b"\n"
CONNECTING_AT_ONCE = 50
"""Half of what asyncio lets wait for a server to accept them."""


@dataclass(frozen=True)
class Work:
    """A piece of work: what it is in words, and the coroutine that does it."""

    title: str
    make: Callable[[], Coroutine[Any, Any, object]]


async def switching(tasks: int, at_once: int = 100, switches: int = 3) -> None:
    """Tasks that do nothing but give control back: a recorder has as much to do as there can be.

    All of them are there from the start, and `at_once` of them get through a semaphore.
    """
    places = asyncio.Semaphore(at_once)
    async with asyncio.TaskGroup() as group:
        for _ in range(tasks):
            group.create_task(_switch(places, switches))


async def _switch(places: asyncio.Semaphore, switches: int) -> None:
    async with places:
        for _ in range(switches):
            await asyncio.sleep(0)


async def passing(groups: int, tasks: int = 1_000) -> None:
    """The same again and again, with new tasks: what a recorder keeps of those that have ended would pile up."""
    for _ in range(groups):
        await switching(tasks)


async def echo(clients: int, round_trips: int) -> int:
    """An echo server and its clients, all of which are connected before the first says anything.

    Returns:
        How many lines came back. By then every task of either side has ended.

    Raises:
        ConnectionError: a line came back as something else.
    """
    _allow_descriptors(2 * clients + 100)
    connecting = asyncio.Semaphore(CONNECTING_AT_ONCE)
    all_connected = asyncio.Barrier(clients)
    all_served = asyncio.Event()
    came_back, being_served = 0, clients

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal being_served
        while line := await reader.readline():
            writer.write(line)
            await writer.drain()
        writer.close()
        await writer.wait_closed()
        being_served -= 1
        if not being_served:
            all_served.set()

    async def ask(port: int) -> None:
        nonlocal came_back
        async with connecting:
            reader, writer = await asyncio.open_connection(HOST, port)
        await all_connected.wait()
        for _ in range(round_trips):
            writer.write(LINE)
            await writer.drain()
            if await reader.readline() != LINE:
                raise ConnectionError("the server has not sent back what it got")
            came_back += 1
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(serve, HOST, 0) as server, asyncio.TaskGroup() as group:
        port = server.sockets[0].getsockname()[1]
        for _ in range(clients):
            group.create_task(ask(port))
        group.create_task(all_served.wait())
    return came_back


def _allow_descriptors(number: int) -> None:
    """Let this process have so many files open at once, if it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < number:
        resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))


SWITCHING = Work(
    "20,000 tasks in a TaskGroup, 100 at a time by a semaphore, each 3 times asyncio.sleep(0)",
    lambda: switching(20_000),
)
ECHO = Work(
    "1,000 clients of an echo server in the same process, 20 round trips each over loopback",
    lambda: echo(1_000, 20),
)
PASSING = Work(
    "Memory: 100 groups of 1,000 such tasks, one group after the other, beside 10 of them",
    lambda: passing(100),
)
PASSING_BRIEFLY = Work("", lambda: passing(10))
WORKS = {"switching": SWITCHING, "echo": ECHO, "passing": PASSING, "passing briefly": PASSING_BRIEFLY}
