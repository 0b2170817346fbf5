"""Two jobs, and what one of them does when it is interrupted: the fault that the first argument names."""

import asyncio
import contextlib
import ctypes
import os
import resource
import signal
import sys
import threading
import time
from pathlib import Path

MEBIBYTE = 1 << 20


def nothing() -> None: ...


def raises() -> None:
    raise ValueError


def segfaults() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.string_at(0)


def is_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def exits() -> None:
    os._exit(0)


def forks() -> None:
    if not os.fork():
        try:
            os.setsid()
            time.sleep(60)
        finally:
            os._exit(0)


def writes_a_lot() -> None:
    for _ in range(64):
        os.write(1, b"x" * MEBIBYTE)


def opens_all_it_can() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (96, most))
    with contextlib.suppress(OSError):
        while True:
            os.open(os.devnull, os.O_RDONLY)


def leaves_a_thread() -> None:
    threading.Thread(target=threading.Event().wait, name="left", daemon=True).start()


def leaves_a_thread_that_python_waits_for() -> None:
    threading.Thread(target=time.sleep, args=(30,), name="left").start()


def spins() -> None:
    signal.alarm(30)
    while True:
        pass


def say_so() -> None:
    if "SWEPT_FAULT" in os.environ:
        Path(os.environ["SWEPT_FAULT"]).touch()


async def job(fault: str) -> None:
    try:
        await asyncio.sleep(1)
    except asyncio.CancelledError:
        if fault != "nothing":
            say_so()
        globals()[fault]()
        raise


async def main() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(job("nothing"))
        group.create_task(job(sys.argv[1]))


asyncio.run(main())
