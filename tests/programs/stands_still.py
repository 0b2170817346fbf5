"""One task per way of waiting, each named after the state it ought to be in: cleaning, awaiting, queued, ended …

python stands_still.py: when all have come to stand still, the moment ended=2, nothing happens any more.
python stands_still.py eager: the same with eager tasks (Python 3.12 or newer).
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from typing import Any

TASKS: list[Callable[[], Coroutine[Any, Any, None]]] = []


def task(function: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], Coroutine[Any, Any, None]]:
    """Have it run as a task of its name."""
    TASKS.append(function)
    return function


async def for_ever() -> None:
    """Wait."""
    await asyncio.Event().wait()


@task
async def cleaning_in_finally() -> None:
    try:
        pass
    finally:
        await for_ever()


@task
async def cleaning_in_except() -> None:
    try:
        raise KeyError
    except KeyError:
        await for_ever()


@task
async def cleaning_in_except_star() -> None:
    try:
        raise ExceptionGroup("group", [KeyError()])
    except* KeyError:
        await for_ever()


class Manager:
    """Its exit and its aclose wait."""

    async def __aenter__(self) -> None:
        """Enter."""

    async def __aexit__(self, *_: object) -> None:
        """Wait."""
        await for_ever()

    async def aclose(self) -> None:
        """Wait."""
        await for_ever()

    def __await__(self) -> Generator[Any, None, None]:
        """Wait in an awaitable that is no coroutine."""
        return cleaning_in_finally().__await__()


@task
async def cleaning_in_aexit() -> None:
    async with Manager():
        pass


@task
async def cleaning_in_aexit_of_a_stack() -> None:
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(for_ever)


@task
async def cleaning_in_aclose() -> None:
    await Manager().aclose()


@task
async def cleaning_behind_an_awaitable() -> None:
    await Manager()


async def generator() -> AsyncIterator[int]:
    """Wait when closed."""
    try:
        yield 1
    finally:
        await for_ever()


@task
async def cleaning_in_a_generator() -> None:
    numbers = generator()
    await anext(numbers)
    await numbers.aclose()  # type: ignore[attr-defined]


@task
async def cleaning_in_a_generator_of_a_manager() -> None:
    async with contextlib.asynccontextmanager(generator)():
        pass


@task
async def cleaning_after_a_cancellation() -> None:
    me = asyncio.current_task()
    asyncio.get_running_loop().call_later(0.01, me.cancel)  # type: ignore[union-attr]
    with contextlib.suppress(asyncio.CancelledError):
        await for_ever()
    await for_ever()


@task
async def cleaning_after_a_cancelled_gather() -> None:
    me = asyncio.current_task()
    asyncio.get_running_loop().call_later(0.01, me.cancel)  # type: ignore[union-attr]
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(asyncio.get_running_loop().create_future())
    await for_ever()


try:
    import no_such_module  # type: ignore[import-not-found]  # noqa: F401
except ImportError:

    @task
    async def awaiting_in_a_function_defined_in_except() -> None:
        await for_ever()


@task
async def awaiting_in_try() -> None:
    try:
        await for_ever()
    except KeyError:
        pass
    else:
        await for_ever()
    finally:
        pass


@task
async def awaiting_after_a_timeout() -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.01):
            await for_ever()
    await for_ever()


@task
async def awaiting_in_a_group() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(for_ever(), name="awaiting in the group")


@task
async def awaiting_a_lock() -> None:
    lock = asyncio.Lock()
    await lock.acquire()
    await lock.acquire()


@task
async def queued_for_a_semaphore() -> None:
    async with asyncio.Semaphore(0):
        pass


@task
async def queued_for_a_bounded_semaphore() -> None:
    await asyncio.BoundedSemaphore(0).acquire()


@task
async def ended_in_cleanup() -> None:
    try:
        pass
    finally:
        await asyncio.sleep(0)


async def main() -> None:
    """Start them, and one that is cancelled before its first step."""
    if sys.argv[1:] == ["eager"]:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined]
    running = [asyncio.create_task(function(), name=function.__name__) for function in TASKS]
    running.append(asyncio.get_running_loop().create_task(for_ever(), name="cancelled at once"))
    running[-1].cancel()
    await asyncio.wait(running)


if __name__ == "__main__":
    asyncio.run(main())
