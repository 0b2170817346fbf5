"""Ways of waiting, one of which is to be swept: its name is the first argument. The second is a file to write to."""

import asyncio
import contextlib
import json
import socket
import sys
import threading
from pathlib import Path

import cancelkit

HOUR = 3600.0


async def hours_out_of_order() -> None:
    """Wake up in the order of the clock, whatever the order in which the waits were begun."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    woken: list[tuple[str, float]] = []

    def wake(name: str) -> None:
        woken.append((name, loop.time() - start))

    async def sleep(hours: float) -> None:
        await asyncio.sleep(hours * HOUR)
        wake("sleep")

    async def time_out(hours: float) -> None:
        try:
            async with asyncio.timeout(hours * HOUR):
                await asyncio.Event().wait()
        except TimeoutError:
            wake("timeout")

    async def wait_for(hours: float) -> None:
        try:
            await asyncio.wait_for(asyncio.Event().wait(), hours * HOUR)
        except TimeoutError:
            wake("wait_for")

    loop.call_later(40 * HOUR, wake, "call_later")
    await asyncio.gather(sleep(50), wait_for(30), time_out(20), sleep(10), sleep(10.5))
    assert [name for name, _ in woken] == ["sleep", "sleep", "timeout", "wait_for", "call_later", "sleep"]
    for (_, after), hours in zip(woken, (10, 10.5, 20, 30, 40, 50), strict=True):
        assert abs(after - hours * HOUR) < 1
    Path(sys.argv[2]).write_text(json.dumps(woken))  # noqa: ASYNC240


async def many_hours() -> None:
    """Wait for three weeks, hour by hour."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    for _ in range(21 * 24):
        await asyncio.sleep(HOUR)
    Path(sys.argv[2]).write_text(json.dumps(loop.time() - start))  # noqa: ASYNC240


async def an_hour() -> None:
    await asyncio.sleep(HOUR)


async def a_pair_in_one_process() -> None:
    """Both ends of a pair are here: nothing comes from outside."""
    here, there = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=here)
    _, other = await asyncio.open_connection(sock=there)
    asyncio.get_running_loop().call_later(HOUR, other.write, b"late\n")
    assert await reader.readline() == b"late\n"
    for end in (writer, other):
        end.close()
        await end.wait_closed()


async def waits_for_ever() -> None:
    await asyncio.Event().wait()


async def waits_for_ever_once_cancelled() -> None:
    try:
        await asyncio.sleep(HOUR)
    except asyncio.CancelledError:
        await asyncio.get_running_loop().create_future()  # for ever


async def refuses_to_end() -> None:
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()


async def a_thread() -> None:
    """Its thread has not ended when the loop waits."""
    may_end = threading.Event()
    asyncio.get_running_loop().call_later(0.01, may_end.set)
    assert await asyncio.to_thread(may_end.wait)


async def a_server() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"hello\n")
        assert await reader.readline() == b"hello\n"
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


async def a_process() -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    assert await process.wait() == 0


if __name__ == "__main__":
    name, _, runner = sys.argv[1].partition(" under ")
    (cancelkit.run if runner == "cancelkit.run" else asyncio.run)(vars()[name]())
