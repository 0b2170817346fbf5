"""A program that looks at everything it can see of its tasks, and prints it: recorded or not, it sees the same."""

import asyncio
import contextvars
import inspect
import os
import sys
import threading
from collections.abc import AsyncIterator
from typing import Any

variable = contextvars.ContextVar("variable", default="outside")
order: list[str] = []


async def waits(name: str, event: asyncio.Event) -> str:
    """Wait, and say in which order things happen."""
    order.append(f"{name} begins in {variable.get()}")
    variable.set(name)
    try:
        await event.wait()
        return name
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        assert task is not None
        order.append(f"{name} is cancelled: {error.args}, {task.cancelling()}, {task.uncancel()}")
        raise
    finally:
        await asyncio.sleep(0)
        order.append(f"{name} ends")


async def fails() -> None:
    """Fail, with a short traceback."""
    raise ValueError("on purpose")


async def counts() -> AsyncIterator[int]:
    """An async generator that is left in the middle."""
    try:
        yield 1
    finally:
        await asyncio.sleep(0)
        order.append("the generator is closed")


def describe(task: "asyncio.Task[Any]") -> None:
    """Print what a task says of itself."""
    coro = task.get_coro()
    print(type(task), type(task).__mro__[-3:], isinstance(task, asyncio.Task), asyncio.isfuture(task))
    print(
        task.get_name(),
        getattr(coro, "__qualname__", None),
        task.done(),
        task.cancelling(),
        task.get_loop().is_running(),
    )
    print([frame.f_code.co_name for frame in task.get_stack()], inspect.iscoroutine(coro))
    trail = getattr(task, "_source_traceback", None) or ()
    print([(os.path.basename(frame.filename), frame.name) for frame in trail][-3:])  # noqa: PTH119


async def main() -> None:
    """Make tasks of all kinds."""
    event = asyncio.Event()
    context = contextvars.copy_context()
    first = asyncio.create_task(waits("first", event), name="first")
    second = asyncio.create_task(waits("second", event), context=context)
    never = asyncio.create_task(waits("never", event), name="never")
    never.cancel()
    failing = asyncio.create_task(fails())
    asyncio.create_task(fails(), name="forgotten").add_done_callback(lambda task: order.append(task.get_name()))
    await asyncio.sleep(0)
    for task in (first, second, never, failing):
        describe(task)
    print(context[variable], variable.get(), len(asyncio.all_tasks()))
    first.cancel("because")
    event.set()
    print(await asyncio.gather(first, second, never, failing, return_exceptions=True))
    async for _ in counts():
        break
    if sys.version_info >= (3, 12):
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        eager = asyncio.create_task(waits("eager", asyncio.Event()), name="eager")
        order.append("after eager")
        asyncio.Task(fails(), loop=asyncio.get_running_loop(), name="forgotten and eager", eager_start=True)
        order.append("after another")
        describe(eager)
        eager.cancel()
        print(await asyncio.gather(eager, asyncio.create_task(fails()), return_exceptions=True))
    try:
        async with asyncio.timeout(0.01), asyncio.TaskGroup() as group:
            group.create_task(asyncio.Event().wait())
    except TimeoutError as error:
        order.append(repr(error))
    print(await asyncio.to_thread(threading.active_count))
    print(*order, sep="\n")


if __name__ == "__main__":
    asyncio.run(main())
    sys.exit("the end")
