# mypy: ignore-errors
# It does wrong things on purpose.
"""Raises errors of all kinds in all places: python raises.py PLACE ERROR."""

import asyncio
import contextvars
import os
import signal
import sys
from collections.abc import Callable
from typing import Any


class Odd(BaseException):
    """Not an Exception, and neither KeyboardInterrupt nor SystemExit."""


ERRORS: dict[str, Callable[[], BaseException]] = {
    "ValueError": lambda: ValueError("on purpose"),
    "KeyboardInterrupt": KeyboardInterrupt,
    "SystemExit": lambda: SystemExit(5),
    "CancelledError": lambda: asyncio.CancelledError("by hand"),
    "StopIteration": lambda: StopIteration("early"),
    "GeneratorExit": GeneratorExit,
    "Odd": lambda: Odd("odd"),
}


def fail(*_: object) -> None:
    """Raise, from one level further down."""
    raise ERRORS[sys.argv[2]]()


async def deep(levels: int) -> None:
    """Raise below so many coroutines."""
    if levels:
        await deep(levels - 1)
    fail()


async def wait_a_little() -> None:
    """Give the others a turn, and tidy up aloud."""
    try:
        await asyncio.sleep(0.01)
    finally:
        print("tidied up")


async def in_main() -> None:
    await asyncio.sleep(0)
    await deep(3)


async def in_first_step_of_main() -> None:
    fail()


async def in_task() -> None:
    other = asyncio.create_task(wait_a_little())
    task = asyncio.create_task(deep(2), name="failing")
    await asyncio.wait([task, other])
    print(task)
    await task


async def in_forgotten_task() -> None:
    task = asyncio.create_task(deep(2), name="forgotten")
    await wait_a_little()
    del task
    print("it is gone")


async def in_task_group() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(wait_a_little())
        group.create_task(deep(2))


async def in_gather() -> None:
    await asyncio.gather(wait_a_little(), deep(1), deep(2))


async def in_wait_for() -> None:
    await asyncio.wait_for(deep(2), 10)


async def in_timeout() -> None:
    async with asyncio.timeout(10):
        await asyncio.shield(deep(2))


async def in_cleanup() -> None:
    async def cleans_up() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            await asyncio.sleep(0)
            fail()

    task = asyncio.create_task(cleans_up())
    await asyncio.sleep(0)
    task.cancel("go")
    await task


async def in_except() -> None:
    try:
        await asyncio.create_task(deep(1))
    except BaseException as error:
        raise LookupError("because of that") from error


async def in_callback() -> None:
    asyncio.get_running_loop().call_soon(fail)
    await wait_a_little()


async def in_timer() -> None:
    asyncio.get_running_loop().call_later(0.001, fail)
    await wait_a_little()


async def in_callback_from_thread() -> None:
    await asyncio.to_thread(asyncio.get_running_loop().call_soon_threadsafe, fail)
    await wait_a_little()


async def in_thread() -> None:
    await asyncio.to_thread(fail)


async def in_done_callback() -> None:
    task = asyncio.create_task(asyncio.sleep(0))
    task.add_done_callback(fail, context=contextvars.Context())
    await task
    await wait_a_little()


async def in_exception_handler() -> None:
    asyncio.get_running_loop().set_exception_handler(fail)
    asyncio.get_running_loop().call_soon(print, 1, 2, 3, "sep=", object)
    asyncio.get_running_loop().call_soon(int, "x")
    await wait_a_little()


async def in_reader() -> None:
    def read() -> None:
        loop.remove_reader(told)
        fail()

    loop = asyncio.get_running_loop()
    told, tell = os.pipe()
    loop.add_reader(told, read)
    os.write(tell, b".")
    await wait_a_little()


async def in_signal_handler() -> None:
    signal.signal(signal.SIGUSR1, fail)
    signal.raise_signal(signal.SIGUSR1)


async def in_signal_handler_of_the_loop() -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, fail)
    signal.raise_signal(signal.SIGUSR1)
    await wait_a_little()


async def in_signal_handler_below_a_callback() -> None:
    signal.signal(signal.SIGUSR1, fail)
    asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGUSR1)
    await wait_a_little()


async def in_signal_handler_below_a_task() -> None:
    async def sends() -> None:
        await asyncio.sleep(0)
        signal.raise_signal(signal.SIGUSR1)

    signal.signal(signal.SIGUSR1, fail)
    await asyncio.create_task(sends())


async def in_async_generator() -> None:
    async def generator() -> Any:
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            fail()

    async for _ in generator():
        break
    await wait_a_little()


async def in_eager_step() -> None:
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    task = asyncio.create_task(deep(2), name="eager")
    print(task)
    await task


async def in_eager_step_of_eager() -> None:
    async def outer() -> None:
        await asyncio.create_task(deep(2))

    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    await asyncio.create_task(outer())


async def in_eager_task_later() -> None:
    async def later() -> None:
        await asyncio.sleep(0)
        await deep(2)

    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    await asyncio.create_task(later())


async def in_signal_handler_below_eager_step() -> None:
    async def sends() -> None:
        signal.raise_signal(signal.SIGUSR1)

    signal.signal(signal.SIGUSR1, fail)
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    await asyncio.create_task(sends())


async def in_task_factory() -> None:
    asyncio.get_running_loop().set_task_factory(fail)  # type: ignore[arg-type]
    await asyncio.create_task(asyncio.sleep(0))


async def in_name() -> None:
    class Name:
        def __str__(self) -> str:
            print("asked for its name")
            fail()
            return ""

    asyncio.Task(asyncio.sleep(0), name=Name(), loop=asyncio.get_running_loop())  # type: ignore[arg-type]


if __name__ == "__main__":
    asyncio.run(globals()[sys.argv[1]]())
    print("ended well")
