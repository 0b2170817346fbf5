# mypy: ignore-errors
# It does wrong things on purpose.
"""Prints what is on the stack, and who calls it: python looks_at_stacks.py NAME."""

import asyncio
import contextlib
import gc
import inspect
import logging
import os
import signal
import sys
import threading
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any


def show(*_: object) -> None:
    """Print the stack in three ways."""
    traceback.print_stack(file=sys.stdout)
    for frame in inspect.stack():
        print(frame.function, os.path.basename(frame.filename), frame.lineno, frame.code_context, frame.index)  # noqa: PTH119
    depth = 0
    with contextlib.suppress(ValueError):
        while sys._getframe(depth):
            depth += 1
    print(depth)


async def shows(levels: int = 2) -> None:
    """Print the stack below some coroutines, in the first step and in a later one."""
    if levels:
        await shows(levels - 1)
        return
    show()
    await asyncio.sleep(0)
    show()


class Shows:
    """Prints the stack when it dies."""

    def __del__(self) -> None:
        show()


def in_tasks() -> None:
    async def main() -> None:
        await shows()
        await asyncio.create_task(shows())
        async with asyncio.TaskGroup() as group:
            group.create_task(shows())
        await asyncio.gather(shows(), shows(0))
        await asyncio.wait_for(shows(), 1)

    asyncio.run(main())


def in_callbacks() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        timer_is_over = asyncio.Event()
        loop.call_later(0, lambda: (show(), timer_is_over.set()))
        await timer_is_over.wait()
        loop.call_soon(show)
        loop.call_soon_threadsafe(show)
        task = asyncio.create_task(asyncio.sleep(0))
        task.add_done_callback(show)
        future = loop.create_future()
        future.add_done_callback(show)
        future.set_result(Shows())
        for _ in range(5):
            await asyncio.sleep(0)
        loop.set_exception_handler(show)
        loop.call_soon(int, "x")
        loop.create_future().set_exception(ValueError("never retrieved"))
        asyncio.create_task(asyncio.Event().wait())
        for _ in range(5):
            await asyncio.sleep(0)

    asyncio.run(main())


def of_tasks() -> None:
    async def main() -> None:
        task = asyncio.create_task(shows())
        print(task.get_stack())
        task.print_stack(file=sys.stdout)
        await asyncio.sleep(0)
        task.print_stack(file=sys.stdout)
        await task
        task.print_stack(file=sys.stdout)
        failing = asyncio.create_task(fails())
        await asyncio.wait([failing])
        failing.print_stack(file=sys.stdout)
        error = failing.exception()
        traceback.print_exception(error, file=sys.stdout)
        frames: list[FrameType] = [frame for frame, _ in traceback.walk_tb(error.__traceback__ if error else None)]
        print([(frame.f_code.co_qualname, sorted(frame.f_locals)) for frame in frames])

    async def fails() -> None:
        await asyncio.sleep(0)
        raise ValueError("on purpose")

    asyncio.run(main())


def of_warnings() -> None:
    def warn() -> None:
        for level in range(1, 12):
            warnings.warn(f"level {level}", stacklevel=level)

    async def warns() -> None:
        warn()
        await asyncio.sleep(0)
        warn()

    async def main() -> None:
        await warns()
        await asyncio.create_task(warns())
        asyncio.get_running_loop().call_soon(warn)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        warns()
        shows()
        task = asyncio.create_task(warns())
        task.cancel()

    warnings.simplefilter("always")
    asyncio.run(main())


def of_interrupts_in_tasks() -> None:
    """Everything that a traceback through the loop's frames tells, their variables apart."""

    async def interrupted() -> None:
        await asyncio.sleep(0)
        raise KeyboardInterrupt

    try:
        asyncio.run(interrupted())
    except KeyboardInterrupt as error:
        seen: BaseException | None = error
        while seen is not None:
            for frame in traceback.extract_tb(seen.__traceback__):
                print(frame.filename, frame.lineno, frame.name, frame.colno, frame.end_colno, frame.line)
            seen = seen.__context__


def work(number: int) -> int:
    """Do something that a tracer can count."""
    total = 0
    for i in range(number):
        total += i
    return total


def of_traced_lines() -> None:
    lines: Counter[tuple[str, int, str]] = Counter()

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != __file__:
            return None
        lines[frame.f_code.co_name, frame.f_lineno, event] += 1
        return trace

    async def main() -> None:
        task = asyncio.create_task(working())
        asyncio.get_running_loop().call_soon(work, 2)
        cancelled = asyncio.create_task(working())
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.gather(task, cancelled, return_exceptions=True)

    async def working() -> None:
        work(3)
        await asyncio.sleep(0)
        try:
            work(4)
            await asyncio.sleep(0)
        finally:
            work(5)

    sys.settrace(trace)
    threading.settrace(trace)
    asyncio.run(main())
    print(sys.gettrace() is trace)
    sys.settrace(None)
    print(*sorted(lines.items()), sep="\n")
    lines.clear()
    # A call of one of C's functions may be one of the recorder's, as that of task.cancel() is.
    sys.setprofile(lambda frame, event, arg: None if event.startswith("c_") else (trace(frame, event, arg) and None))
    asyncio.run(main())
    sys.setprofile(None)
    print(*sorted(lines.items()), sep="\n")


def of_recursion() -> None:
    def deepest() -> int:
        try:
            return 1 + deepest()
        except RecursionError:
            return 1

    async def deepest_coroutine() -> int:
        try:
            return 1 + await deepest_coroutine()
        except RecursionError:
            return 1

    async def main() -> None:
        print(deepest(), await deepest_coroutine())
        print(await asyncio.create_task(deepest_coroutine()))
        asyncio.get_running_loop().call_soon(lambda: print(deepest()))
        await asyncio.sleep(0)

    sys.setrecursionlimit(300)
    asyncio.run(main())
    print(sys.getrecursionlimit())


def of_recursion_with_tasks() -> None:
    """How deep exactly does not matter, for making a task takes a frame more; but nothing else may go wrong."""
    tasks: list[asyncio.Task[None]] = []

    def deeper_and_deeper(act: Callable[[], object]) -> None:
        act()
        deeper_and_deeper(act)

    async def main() -> None:
        waiting: asyncio.Task[Any] = asyncio.create_task(asyncio.Event().wait())
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        acts: list[Callable[[], object]] = [
            lambda: tasks.append(loop.create_task(asyncio.sleep(0))),
            lambda: tasks.append(asyncio.Task(asyncio.sleep(0), loop=loop)),
            lambda: waiting.set_name("deep"),
            waiting.cancel,
            lambda: loop.call_exception_handler({"message": "deep"}),
            lambda: signal.signal(signal.SIGUSR1, signal.SIG_IGN),
            lambda: signal.getsignal(signal.SIGUSR1),
        ]
        seen = set()
        for act in acts:
            try:
                deeper_and_deeper(act)
            except RecursionError as error:
                seen |= {frame.filename for frame in traceback.extract_tb(error.__traceback__)}
        print(*(name for name in sorted(seen) if "python3" not in name), sep="\n")
        print(len(tasks) > 100)
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)
        await asyncio.wait([waiting, *tasks])
        print(waiting, {task.done() for task in tasks})

    sys.setrecursionlimit(150)
    logging.disable()
    asyncio.run(main())


def of_eager_tasks() -> None:
    """One frame more is known; nothing else."""

    async def counts(levels: int) -> None:
        frame, stack = sys._getframe(), []
        while frame := frame.f_back:  # type: ignore[assignment]
            stack.append(frame.f_code)
        print(levels, *(code.co_qualname for code in stack if "cancelkit" not in code.co_filename))
        await asyncio.sleep(0)
        show()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(asyncio.eager_task_factory)
        await asyncio.create_task(counts(1))
        await asyncio.gather(counts(2), asyncio.create_task(counts(3)))

    asyncio.run(main())


if __name__ == "__main__":
    gc.disable()
    globals()[sys.argv[1]]()
