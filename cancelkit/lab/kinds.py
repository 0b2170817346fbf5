"""Kinds of jobs: what goes well, fails, hangs, blocks or will not be cancelled, at a desk of the standard workload."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import time
from collections.abc import Awaitable, Callable

from cancelkit.lab.workload import LONG, SHORT, Desk, say
from cancelkit.lab.workplace import asked, workplace

Cleanup = Callable[[Awaitable[None]], Awaitable[None]]


async def working(desk: Desk, clean_up: Cleanup, seconds: float) -> str:
    """Work for a while, and tidy up."""
    try:
        await desk.acquire()
        await desk.work(seconds)
        return f"result of {desk.name}"
    finally:
        await clean_up(desk.tidy_up())


async def slow(desk: Desk, clean_up: Cleanup) -> str:
    """Work for longer than two short jobs, one after the other, though never for long."""
    try:
        await desk.acquire()
        for _ in range(8):
            await desk.work(SHORT[0])
        return f"result of {desk.name}"
    finally:
        await clean_up(desk.tidy_up())


async def failing(desk: Desk, clean_up: Cleanup) -> str:
    """Work for a short while, and fail."""
    try:
        await desk.acquire()
        await desk.work(SHORT[0])
        raise LookupError(f"{desk.name} fails")
    finally:
        await clean_up(desk.tidy_up())


async def failing_to_clean_up(desk: Desk, clean_up: Cleanup) -> str:
    """Work for long; the cleanup fails when all of it is done."""

    async def tidy_up_and_fail() -> None:
        await desk.tidy_up()
        raise LookupError(f"the cleanup of {desk.name} fails")

    try:
        await desk.acquire()
        await desk.work(LONG)
        return f"result of {desk.name}"
    finally:
        await clean_up(tidy_up_and_fail())


async def hanging(desk: Desk, clean_up: Cleanup) -> str:
    """Work for long; the cleanup never ends."""

    async def tidy_up_for_ever() -> None:
        say("cleanup begun", desk.name)
        await asyncio.Event().wait()

    try:
        await desk.acquire()
        await desk.work(LONG)
        return f"result of {desk.name}"
    finally:
        await clean_up(tidy_up_for_ever())


async def swallowing(desk: Desk, clean_up: Cleanup) -> str:
    """Work for long; when cancelled, work on as if nothing had happened."""
    try:
        await desk.acquire()
        with contextlib.suppress(asyncio.CancelledError):
            await desk.work(LONG)
        await desk.work(LONG)
        return f"result of {desk.name}"
    finally:
        await clean_up(desk.tidy_up())


async def blocking(desk: Desk, clean_up: Cleanup) -> str:
    """Work for long in synchronous code: nothing else runs in the meantime."""
    try:
        await desk.acquire()
        _ask_and_block(desk.name, "block")
        return f"result of {desk.name}"
    finally:
        await clean_up(desk.tidy_up())


async def blocking_for_ever(desk: Desk, clean_up: Cleanup) -> str:
    """Work in synchronous code that has no end."""
    try:
        await desk.acquire()
        print(f"{desk.name}: blocks", flush=True)  # noqa: T201
        while True:
            time.sleep(60)  # noqa: ASYNC251 - that is the point
    finally:
        await clean_up(desk.tidy_up())


async def endless(desk: Desk, clean_up: Cleanup) -> str:
    """Work until cancelled."""
    try:
        await desk.acquire()
        await asyncio.Event().wait()
        return f"result of {desk.name}"
    finally:
        await clean_up(desk.tidy_up())


async def in_thread(desk: Desk, clean_up: Cleanup) -> str:
    """Work for long in synchronous code, in a thread, which nobody can cancel."""
    try:
        await desk.acquire()
        await asyncio.to_thread(_ask_and_block, desk.name, "work")
        return f"result of {desk.name}"
    finally:
        await clean_up(desk.tidy_up())


def _ask_and_block(name: str, what: str) -> None:
    """Ask the server on a connection without a name, which holds nothing, and wait for its answer."""
    with socket.create_connection(("127.0.0.1", workplace().port)) as connection:
        print(f"{name}: blocks", flush=True)  # noqa: T201 - what a moment may wait for
        asked.append(what)
        connection.sendall(f"{what}  {LONG}\n".encode())
        connection.recv(100)


KINDS: dict[str, Callable[[Desk, Cleanup], Awaitable[str]]] = {
    "short": functools.partial(working, seconds=SHORT[0]),
    "long": functools.partial(working, seconds=LONG),
    "slow": slow,
    "failing": failing,
    "failing-cleanup": failing_to_clean_up,
    "hanging-cleanup": hanging,
    "swallowing": swallowing,
    "blocking": blocking,
    "blocking-for-ever": blocking_for_ever,
    "endless": endless,
    "thread": in_thread,
}
"""What a job of each kind does, at its desk, with a cleanup as it is or protected."""
