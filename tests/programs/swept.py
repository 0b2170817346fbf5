"""Programs to be swept, by name: `swept.py NAME [FILE]`. Each does one thing, most of them only when interrupted."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import cancelkit
from cancelkit.trace import holding
from cancelkit.trace.reports import report


async def tidy_up(released: Callable[[], None]) -> None:
    await asyncio.sleep(0.1)
    released()


async def held() -> None:
    with holding("it") as released:
        try:
            await asyncio.sleep(1)
        finally:
            await cancelkit.finish(tidy_up(released))


async def owned() -> None:
    """Clean at every point, under cancelkit.run."""
    await cancelkit.run_tasks([held, held, held], 2)


async def lost() -> None:
    with holding("it") as released:
        try:
            await asyncio.sleep(1)
        finally:
            await asyncio.sleep(0.1)
            released()


async def lost_in_finish() -> None:
    await held()


async def interrupted() -> None:
    try:
        await asyncio.sleep(1)
    finally:
        await asyncio.sleep(0.1)


async def late() -> None:
    async def job() -> None:
        report("begun", "a job")
        await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        group.create_task(job())


async def worker() -> None:
    """Takes hold of something after the signal, in a task that began long before."""

    async def work() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(1)
        with holding("the next order") as released:
            released()

    task = asyncio.create_task(work())
    try:
        await asyncio.sleep(0.5)
    finally:
        task.cancel()
        await task


async def swallows() -> None:
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(1)


async def answers() -> None:
    try:
        await asyncio.sleep(1)
    except asyncio.CancelledError:
        raise LookupError("another error") from None


async def leaves_a_thread() -> None:
    try:
        await asyncio.sleep(1)
    except asyncio.CancelledError:
        threading.Thread(target=threading.Event().wait, args=[0.05], name="left").start()
        raise


async def hangs() -> None:
    try:
        await asyncio.sleep(1)
    except asyncio.CancelledError:
        await asyncio.get_running_loop().create_future()


async def serves() -> None:
    """Never ends by itself."""
    await asyncio.Event().wait()


async def takes_days() -> None:
    loop, woken = asyncio.get_running_loop(), []

    async def sleeper(days: float) -> None:
        await asyncio.sleep(days * 86_400)
        woken.append(days)

    begun = loop.time()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(86_400 * 2.5):
            await asyncio.gather(sleeper(3), sleeper(1), sleeper(2))
    days = (loop.time() - begun) / 86_400
    Path(sys.argv[2]).write_text(f"{woken} {days:.1f}")


async def in_a_thread() -> None:
    await asyncio.to_thread(str)


async def over_a_socket() -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello\n")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        await reader.readline()
        writer.close()
        await writer.wait_closed()


async def in_a_process() -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await process.wait()


async def differs() -> None:
    """Does something else each second time, interrupted or not."""
    path = Path(sys.argv[2])
    times = int(path.read_text() or "0")
    path.write_text(str(times + 1))
    if times % 2:
        await swallows()
    else:
        await asyncio.sleep(1)


async def when_cancelled(fault: Callable[[], object]) -> None:
    try:
        await asyncio.sleep(1)
    except asyncio.CancelledError:
        fault()
        raise


def spin() -> None:
    signal.alarm(30)
    while True:
        pass


def fork() -> None:
    if not os.fork():
        os.setsid()
        signal.alarm(60)
        os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(60)", sys.argv[2]])


def flood() -> None:
    for _ in range(64):
        os.write(1, bytes(1 << 20))


def exhaust() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    with contextlib.suppress(OSError):
        while True:
            os.open(os.devnull, os.O_RDONLY)


FAULTS: dict[str, Callable[[], object]] = {
    "segfault": lambda: ctypes.string_at(0),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "kill the parent": lambda: os.kill(os.getppid(), signal.SIGKILL),
    "exit": lambda: os._exit(0),
    "spin": spin,
    "fork": fork,
    "flood": flood,
    "exhaust": exhaust,
}

MAINS: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
    main.__name__: main
    for main in (
        owned,
        lost,
        lost_in_finish,
        interrupted,
        late,
        worker,
        swallows,
        answers,
        leaves_a_thread,
        hangs,
        serves,
        takes_days,
        in_a_thread,
        over_a_socket,
        in_a_process,
        differs,
    )
}


def before_and_after() -> None:
    """Has much to do where no loop runs."""
    for _ in range(1000):
        str()


if __name__ == "__main__":
    name = sys.argv[1]
    before_and_after()
    run = cancelkit.run if name == "owned" else asyncio.run
    run(when_cancelled(FAULTS[name]) if name in FAULTS else MAINS[name]())
    before_and_after()
