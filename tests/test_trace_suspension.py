"""What a suspended task waits for, and at which line: each kind of waiting by its name."""

from __future__ import annotations

import asyncio
import inspect
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import pytest

from cancelkit.trace import recording

pytestmark = pytest.mark.core


async def on_sleep() -> None:
    await asyncio.sleep(0.001)


async def on_sleep_of_nothing() -> None:
    await asyncio.sleep(0)


async def on_future() -> None:
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_result, None)
    await future


async def on_task() -> None:
    await asyncio.create_task(asyncio.sleep(0))


async def on_shield() -> None:
    await asyncio.shield(asyncio.create_task(asyncio.sleep(0)))


async def on_gather() -> None:
    await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))


async def on_tasks() -> None:
    await asyncio.wait([asyncio.create_task(asyncio.sleep(0))])


async def on_TaskGroup() -> None:  # noqa: N802 - named as it is reported
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(0))


async def on_Semaphore() -> None:  # noqa: N802
    semaphore = asyncio.Semaphore(0)
    asyncio.get_running_loop().call_soon(semaphore.release)
    async with semaphore:
        pass


class Slots(asyncio.BoundedSemaphore):
    """One of the program's own."""


async def on_BoundedSemaphore() -> None:  # noqa: N802
    slots = Slots(1)
    await slots.acquire()
    asyncio.get_running_loop().call_soon(slots.release)
    await slots.acquire()


async def on_Lock() -> None:  # noqa: N802
    lock = asyncio.Lock()
    await lock.acquire()
    asyncio.get_running_loop().call_soon(lock.release)
    async with lock:
        pass


async def on_Event() -> None:  # noqa: N802
    event = asyncio.Event()
    asyncio.get_running_loop().call_soon(event.set)
    await event.wait()


async def on_Condition() -> None:  # noqa: N802
    condition = asyncio.Condition()

    async def notify() -> None:
        async with condition:
            condition.notify()

    notifier = asyncio.ensure_future(notify())
    async with condition:
        await condition.wait()
    assert notifier.done()


async def on_Queue() -> None:  # noqa: N802
    queue: asyncio.Queue[int] = asyncio.PriorityQueue()
    asyncio.get_running_loop().call_soon(queue.put_nowait, 1)
    await queue.get()


async def on_Barrier() -> None:  # noqa: N802
    barrier = asyncio.Barrier(2)
    other = asyncio.ensure_future(barrier.wait())
    await barrier.wait()
    await other


async def on_thread() -> None:
    await asyncio.to_thread(int)


async def on_executor() -> None:
    await asyncio.get_running_loop().run_in_executor(None, int)


async def on_socket() -> None:
    served = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"back\n")
        writer.close()
        served.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        writer.write(b"there\n")
        await reader.readline()
        writer.close()


async def on_subprocess() -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "print()", stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    await process.stdout.read()
    await process.wait()


async def on_pipe() -> None:
    there, back = os.pipe()
    reader = asyncio.StreamReader()
    with os.fdopen(there, "rb") as file, os.fdopen(back, "wb") as other:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), file)
        loop.call_soon(other.write, b"x")
        loop.call_soon(other.close)
        await reader.read()
        transport.close()


class Waits:
    """An awaitable that yields nothing, as a bare yield in a coroutine of old did."""

    def __await__(self) -> Any:
        yield


async def on_next_step() -> None:
    await Waits()


KINDS = [
    pytest.param(name.removeprefix("on_").replace("_of_nothing", "").replace("next_step", "next step"), value, id=name)
    for name, value in list(globals().items())
    if name.startswith("on_")
]


def awaits_of(function: Callable[[], Coroutine[Any, Any, None]]) -> list[tuple[str, str, bool]]:
    """What the task of a function waited on, at which lines, and whether that was cleanup."""
    with recording() as run:
        asyncio.run(function())
    (main,) = (event.task for event in run.record.events if event.kind == "main")
    suspended = [event for event in run.record.events if event.kind == "suspended" and event.task == main]
    return [(event.detail["on"], event.detail["at"], event.detail["cleanup"]) for event in suspended]


@pytest.mark.parametrize(("name", "function"), KINDS)
def test_each_kind_of_waiting_has_its_name(name: str, function: Callable[[], Coroutine[Any, Any, None]]) -> None:
    waits = awaits_of(function)
    assert name in [on for on, _, _ in waits]
    lines, first = inspect.getsourcelines(function)
    for _, at, cleanup in waits:
        file, _, line = at.rpartition(":")
        assert file == __file__
        assert name == "next step" or first <= int(line) < first + len(lines)
        assert not cleanup


def test_the_line_is_that_of_the_innermost_await_of_the_programs_own() -> None:
    async def inner() -> None:
        await asyncio.sleep(0)

    async def outer() -> None:
        await inner()

    line = inspect.getsourcelines(inner)[1] + 1
    assert awaits_of(outer) == [("sleep", f"{__file__}:{line}", False)]


def test_one_place_is_told_from_another_whatever_is_awaited_there() -> None:
    """The same line awaits different things, and the same thing is awaited at different lines."""
    future: asyncio.Future[None]

    async def wait_for(awaitable: Awaitable[Any]) -> None:
        await awaitable

    async def numbers() -> AsyncIterator[int]:
        await asyncio.sleep(0)
        yield 1
        await future

    async def main() -> None:
        nonlocal future
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        for _ in range(2):
            await wait_for(asyncio.sleep(0))
            await wait_for(asyncio.create_task(asyncio.sleep(0)))
            await wait_for(asyncio.gather(asyncio.sleep(0)))
            await wait_for(asyncio.to_thread(int))
        loop.call_soon(loop.call_soon, future.set_result, None)
        async for _ in numbers():
            pass

    waits = [on for on, _, _ in awaits_of(main)]
    assert waits[:8] == ["sleep", "task", "gather", "thread"] * 2
    assert waits[8:] == ["sleep", "future"]


def test_code_that_is_gone_is_not_taken_for_what_came_to_lie_in_its_place() -> None:
    """Codes are known by their addresses."""

    async def main() -> None:
        for number in range(200):
            names: dict[str, Any] = {"asyncio": asyncio}
            source = "\n" * number + f"async def f():\n  {'try: pass' if number % 2 else 'if True: pass'}\n"
            source += "  finally: await asyncio.sleep(0)\n" if number % 2 else "  await asyncio.sleep(0)\n"
            exec(compile(source, f"/nowhere/{number}.py", "exec"), names)
            await names["f"]()

    assert [at for _, at, _ in awaits_of(main)] == [f"/nowhere/{n}.py:{n + 3}" for n in range(200)]
