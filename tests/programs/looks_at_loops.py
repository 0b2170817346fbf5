"""Runs loops in every way there is, with tasks of every make: python looks_at_loops.py NAME."""

# What is wrong here is wrong on purpose.
# mypy: ignore-errors

import asyncio
import concurrent.futures
import contextlib
import gc
import selectors
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Coroutine, Generator
from typing import Any

Coro = Coroutine[Any, Any, Any]
said: list[str] = []


async def works(name: str, steps: int = 2) -> str:
    """Take some steps, and tidy up."""
    try:
        for step in range(steps):
            print(name, step, asyncio.current_task().get_name())  # type: ignore[union-attr]
            await asyncio.sleep(0)
        return name
    finally:
        print(name, "ends", type(asyncio.current_task()).__name__)


async def fails(name: str) -> None:
    """Take a step, and fail."""
    await asyncio.sleep(0)
    raise LookupError(name)


class Mine(asyncio.Task[Any]):
    """A task of the program's own make."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        print("making one of mine", sorted(kwargs))
        super().__init__(*args, **kwargs)
        self.made = True

    def cancel(self, msg: Any = None) -> bool:
        print("cancelling one of mine:", msg)
        traceback.print_stack(file=sys.stdout, limit=2)
        return super().cancel(msg)

    def __repr__(self) -> str:
        return f"<mine {self.get_name()}>"


class Slotted(asyncio.Task[Any]):
    """One with slots, and with an __init__ that does more than it should."""

    __slots__ = ("own",)

    def __init__(self, coro: Coro, **kwargs: Any) -> None:
        self.own = coro.cr_code.co_name  # type: ignore[attr-defined]
        with contextlib.suppress(AttributeError):
            print(self.get_name())
        super().__init__(coro, **kwargs)


class Careless(asyncio.Task[Any]):
    """One that is not made as it should be."""

    def __init__(self, coro: Coro, **kwargs: Any) -> None:
        coro.close()


def subclasses() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        mine = Mine(works("mine"), loop=loop, name="m")
        slotted = Slotted(works("slotted"), loop=loop, name="s")
        await asyncio.sleep(0)
        mine.cancel("because")
        print(await asyncio.gather(mine, slotted, return_exceptions=True), mine.made, slotted.own, vars(mine))
        print(
            Mine.__mro__[:1],
            isinstance(mine, asyncio.Task),
            mine,
            asyncio.all_tasks() - {mine, slotted} == asyncio.all_tasks(),
        )
        for act in ("done", "cancel", "get_name", "get_coro", "cancelling", "uncancel", "set_name", "__repr__"):
            careless = Careless(works("careless"), loop=loop)
            try:
                print(act, getattr(careless, act)(*["n"] * (act == "set_name")))
            except BaseException as error:
                traceback.print_exception(error, file=sys.stdout)
            del careless

    asyncio.run(main())


def factories() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        print(loop.get_task_factory())

        def factory(loop: asyncio.AbstractEventLoop, coro: Any, **kwargs: Any) -> "asyncio.Task[Any]":
            print("factory", coro.__name__, sorted(kwargs))
            traceback.print_stack(file=sys.stdout, limit=3)
            return Mine(coro, loop=loop, **kwargs)

        loop.set_task_factory(factory)
        print(loop.get_task_factory() is factory)
        print(await asyncio.create_task(works("a"), name="named"), await asyncio.gather(works("b"), works("c")))
        async with asyncio.TaskGroup() as group:
            group.create_task(works("in a group"))
        print(await asyncio.wait_for(works("in time"), 10))
        loop.set_task_factory(lambda loop, coro: Slotted(coro, loop=loop))
        print(await asyncio.create_task(works("d"), name="later named"))
        loop.set_task_factory(None)
        print(await asyncio.create_task(works("e")))

    asyncio.run(main())


def eager_factories() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(asyncio.eager_task_factory)
        print(loop.get_task_factory() is asyncio.eager_task_factory, asyncio.eager_task_factory.__qualname__)
        print(asyncio.create_task(at_once()), asyncio.create_task(at_once(), name="at once"))
        tasks = [asyncio.create_task(works(name), name=name) for name in "abc"]
        print(tasks)
        tasks[1].cancel()
        print(await asyncio.gather(*tasks, return_exceptions=True))
        asyncio.create_task(fails_at_once())
        print(gc.collect() >= 0)
        loop.set_task_factory(asyncio.create_eager_task_factory(Mine))
        print(await asyncio.create_task(works("eager and mine")))
        async with asyncio.TaskGroup() as group:
            group.create_task(works("in a group"))
            print(group.create_task(at_once()))
        direct = asyncio.Task(works("direct"), loop=loop, eager_start=True)
        print(direct, await direct)
        print(asyncio.Task(cancels_itself(), loop=loop, eager_start=True, name="itself"))
        for wrong in (None, 5):
            try:
                asyncio.Task(wrong, loop=loop, eager_start=True)  # type: ignore[arg-type]
            except TypeError as error:
                traceback.print_exception(error, file=sys.stdout)

    async def at_once() -> int:
        return 5

    async def fails_at_once() -> None:
        raise LookupError("at once")

    async def cancels_itself() -> None:
        asyncio.current_task().cancel("itself")  # type: ignore[union-attr]
        await asyncio.sleep(0)

    asyncio.run(main())
    idle = asyncio.new_event_loop()
    task = asyncio.Task(works("not running"), loop=idle, eager_start=True)
    print(task, idle.run_until_complete(task))
    idle.close()


def by_hand() -> None:
    """run_forever and run_until_complete, several times, several loops, and what goes wrong with them."""
    loops = [asyncio.new_event_loop() for _ in range(3)]
    for number, loop in enumerate(loops):
        print(loop.run_until_complete(works(f"loop {number}")))
    task = loops[0].create_task(works("forever"), name="forever")
    task.add_done_callback(lambda _: loops[0].stop())
    loops[0].run_forever()
    print(task, loops[0].is_running())
    left = loops[1].create_task(works("left", 5))
    print(loops[1].run_until_complete(works("short", 1)), left.done())
    for attempt in (
        lambda: loops[2].run_until_complete(fails("by hand")),
        lambda: loops[2].run_until_complete(left),
        lambda: loops[2].run_until_complete(loops[2].create_task(stops(loops[2]))),
        lambda: loops[2].run_until_complete(asyncio.wait_for(works("wait_for"), 10)),
        lambda: loops[2].run_until_complete(asyncio.gather(works("x"), works("y"))),
    ):
        try:
            print(attempt())
        except Exception as error:
            traceback.print_exception(error, file=sys.stdout)
    for loop in loops:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
        loop.close()
        print(loop)
    try:
        loops[0].run_until_complete(never := works("never"))
    except RuntimeError as error:
        never.close()
        traceback.print_exception(error, file=sys.stdout)


async def stops(loop: asyncio.AbstractEventLoop) -> None:
    """Stop the loop, and go on."""
    loop.stop()
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def in_threads() -> None:
    async def main(name: str) -> list[str]:
        task = asyncio.create_task(quiet(name))
        other = asyncio.create_task(asyncio.sleep(10))
        await asyncio.sleep(0)
        other.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await other
        return await asyncio.gather(task, *(quiet(f"{name}{n}") for n in range(20)))

    async def quiet(name: str) -> str:
        for _ in range(50):
            await asyncio.sleep(0)
        return name

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        print(*pool.map(asyncio.run, map(main, "abcd")), sep="\n")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="loop's own")
    thread.start()
    futures = [asyncio.run_coroutine_threadsafe(quiet(name), loop) for name in "xyz"]
    print([future.result() for future in futures], threading.active_count())
    failing = asyncio.run_coroutine_threadsafe(fails("in the thread"), loop)
    try:
        failing.result()
    except LookupError as error:
        print(repr(error))  # its traceback says whether it had to be waited for
    cancelled = asyncio.run_coroutine_threadsafe(asyncio.sleep(10), loop)
    print(cancelled.cancel())
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0.01), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def runners() -> None:
    with asyncio.Runner() as runner:
        print(runner.run(works("first")), runner.run(works("second")), runner.get_loop().is_running())
        try:
            runner.run(fails("of the runner"))
        except LookupError as error:
            traceback.print_exception(error, file=sys.stdout)
    with asyncio.Runner(loop_factory=OwnLoop) as runner:
        print(runner.run(works("own loop")), type(runner.get_loop()))
    for wrong in (lambda: runner.run(None), lambda: asyncio.run(works), lambda: asyncio.Runner().run(5)):  # type: ignore[arg-type]
        try:
            wrong()
        except Exception as error:
            traceback.print_exception(error, file=sys.stdout)


class OwnHandle(asyncio.Handle):
    """A handle that counts."""

    def _run(self) -> None:
        said.append("run")
        super()._run()  # type: ignore[misc]


class OwnLoop(asyncio.SelectorEventLoop):
    """A loop that prints what it is asked for."""

    def __init__(self) -> None:
        super().__init__(selectors.PollSelector())

    def create_task(self, coro: Any, **kwargs: Any) -> Any:
        print("own create_task", coro.__name__, sorted(kwargs))
        return super().create_task(coro, **kwargs)

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> asyncio.Handle:
        said.append(getattr(callback, "__name__", type(callback).__name__))
        return super().call_soon(callback, *args, context=context)

    def call_exception_handler(self, context: Any) -> None:
        print("own handler:", context["message"])

    def close(self) -> None:
        print("own close")
        super().close()


def loops_of_its_own() -> None:
    async def main() -> None:
        task = asyncio.create_task(works("task"))
        asyncio.get_running_loop().call_soon(int, "x")
        handle = OwnHandle(print, ("own handle",), asyncio.get_running_loop())
        asyncio.get_running_loop()._ready.append(handle)  # type: ignore[attr-defined]
        print(await task)
        forgotten = asyncio.create_task(fails("forgotten"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        del forgotten

    loop = OwnLoop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(main())
    loop.close()
    print(*said)


class Minimal(asyncio.AbstractEventLoop):
    """A loop that is no descendant of asyncio's own."""

    def __init__(self) -> None:
        self.ready: list[tuple[Any, Any, Any]] = []
        self.closed = False

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> Any:
        self.ready.append((callback, args, context))

    def call_exception_handler(self, context: Any) -> None:
        print("minimal handler", context["message"])

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True

    def is_closed(self) -> bool:
        return self.closed

    def time(self) -> float:
        return time.monotonic()

    def create_future(self) -> Any:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, **kwargs: Any) -> Any:
        return asyncio.Task(coro, loop=self, **kwargs)

    def run_until_complete(self, future: Any) -> Any:
        task = self.create_task(future)
        asyncio._set_running_loop(self)
        while self.ready and not task.done():
            callback, args, context = self.ready.pop(0)
            context.run(callback, *args)
        asyncio._set_running_loop(None)
        return task.result()


def foreign_loops() -> None:
    loop = Minimal()
    print(loop.run_until_complete(works("foreign")))
    try:
        loop.run_until_complete(fails("foreign"))
    except LookupError as error:
        traceback.print_exception(error, file=sys.stdout)
    loop.close()


def awaitables() -> None:
    class Awaitable:
        def __await__(self) -> Generator[Any, None, str]:
            yield from asyncio.sleep(0).__await__()
            return "awaitable"

    async def generates() -> Any:
        for number in range(3):
            await asyncio.sleep(0)
            yield number

    async def closes_early() -> None:
        try:
            async for number in generates():
                if number:
                    break
        finally:
            await asyncio.sleep(0)

    async def main() -> None:
        print(await Awaitable(), await asyncio.ensure_future(Awaitable()))
        print([number async for number in generates()], await anext(generates()))
        await closes_early()
        generator = generates()
        print(await asyncio.create_task(generator.asend(None)))  # codespell:ignore asend
        await generator.aclose()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            print(await asyncio.to_thread(lambda: "thread"))
        condition = asyncio.Condition()
        async with condition:
            print(await asyncio.wait_for(condition.wait_for(lambda: True), 10))
        queue: asyncio.Queue[int] = asyncio.Queue(1)
        getter = asyncio.create_task(queue.get())
        await queue.put(5)
        print(await getter, await asyncio.wait([asyncio.create_task(works("w"))], timeout=10) is None)
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", "print(5)", stdout=-1)
        print(await process.communicate(), process.returncode)
        shielded = asyncio.create_task(asyncio.shield(asyncio.sleep(0)))  # type: ignore[arg-type]
        await asyncio.gather(shielded, return_exceptions=True)

    attempts: list[Callable[[], Any]] = [lambda: asyncio.run(main()), lambda: asyncio.run(closes_early())]
    for attempt in attempts:
        try:
            print(attempt())
        except Exception as error:
            traceback.print_exception(error, file=sys.stdout)


if __name__ == "__main__":
    gc.disable()  # when it collects depends on how much is made
    globals()[sys.argv[1]]()
