"""Leaves something behind when it ends: python leaves.py WHAT."""

# It does wrong things on purpose.
# ruff: noqa: ASYNC220, ASYNC222, ASYNC230, ASYNC240, SIM115

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

kept: list[Any] = []


async def nothing() -> None:
    """Have one of each, and put it back."""
    loop = asyncio.get_running_loop()
    with tempfile.TemporaryDirectory() as folder, Path(folder, "file").open("w"), socket.socket():
        for descriptor in os.pipe():
            os.close(descriptor)
        await loop.run_in_executor(None, print, "in a thread")
        thread = threading.Thread(target=print)
        thread.start()
        thread.join()
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
        await process.wait()
        await asyncio.create_task(asyncio.sleep(0))


async def a_file() -> None:
    """Keep a file open."""
    kept.append(Path(__file__).open())


async def a_socket() -> None:
    """Keep a socket open that listens."""
    kept.append(socket.create_server(("127.0.0.1", 0)))


async def a_pair_of_sockets() -> None:
    """Keep sockets open that have no address."""
    kept.append(socket.socketpair())


async def a_pipe() -> None:
    """Keep a pipe open."""
    kept.append(os.pipe())


async def a_thread() -> None:
    """Leave a thread that is not waited for."""
    threading.Thread(target=threading.Event().wait, name="waits for ever", daemon=True).start()


async def a_thread_that_ends() -> None:
    """Leave a thread that Python waits for before it ends."""
    threading.Thread(target=os.system, args=("sleep 0.2",), name="waits a moment").start()


async def a_child() -> None:
    """Leave a process."""
    kept.append(subprocess.Popen(["sleep", "1000"]))


async def a_child_that_has_ended() -> None:
    """Leave a process that nobody has waited for."""
    read, write = os.pipe()
    if os.fork() == 0:
        os._exit(0)
    os.close(write)
    os.read(read, 1)  # until its end
    os.close(read)


async def a_temporary_file() -> None:
    """Leave a file in a folder, both of them temporary."""
    Path(tempfile.mkdtemp(prefix="odd\n"), "file").write_text("")


async def a_task() -> None:
    """Leave a task in a loop that is never closed."""
    loop = asyncio.new_event_loop()
    kept.extend([loop, loop.create_task(asyncio.sleep(1000), name="forgotten")])


async def a_coroutine() -> None:
    """Make a coroutine, and never await it."""
    asyncio.sleep(0)  # type: ignore[unused-coroutine]


async def an_error() -> None:
    """Leave a task whose error nobody looks at."""

    async def fails() -> None:
        raise LookupError

    task = asyncio.create_task(fails(), name="fails")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del task


async def no_chance() -> None:
    """Leave a file open, at once and without a word."""
    await a_file()
    os._exit(0)


async def a_copy() -> None:
    """Fork: what the copy has and does is not counted."""
    pid = os.fork()
    if pid == 0:
        await a_file()
        sys.exit()
    os.waitpid(pid, 0)


if __name__ == "__main__":
    what = globals()[sys.argv[1]]
    asyncio.run(what())
