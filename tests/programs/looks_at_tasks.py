# mypy: ignore-errors
# It does wrong things on purpose.
"""Prints what tasks, handles and signals say of themselves, and how they die: python looks_at_tasks.py NAME."""

import asyncio
import contextvars
import copy
import gc
import inspect
import logging
import pickle
import signal
import sys
import traceback
import warnings
import weakref
from collections.abc import Callable, Coroutine, Generator
from typing import Any

Coro = Coroutine[Any, Any, Any]


def attempt(act: Callable[[], object]) -> None:
    """Do what may go wrong, and say how, with a traceback that starts here."""
    try:
        print("gave", act())
    except BaseException as error:
        traceback.print_exception(error, file=sys.stdout)


class Mortal:
    """Says when it dies."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __del__(self) -> None:
        print(f"{self.name} dies")


def watch(thing: Any, name: str) -> None:
    """Say when a thing dies."""
    weakref.finalize(thing, print, f"{name} dies").atexit = False


def what_tasks_say() -> None:
    async def main() -> None:
        task: Any = asyncio.create_task(asyncio.sleep(0), name="task")
        print(task, repr(task), type(task), type(task).__name__, type(task).__qualname__, type(task).__module__)
        print(vars(task), [name for name in dir(task) if "cancelkit" not in name and name != "__slots__"])
        print(
            type(task) is asyncio.Task,
            isinstance(task, asyncio.Future),
            type(task).__doc__,
            type(task).__flags__ & 1 << 10,
        )
        print(task.__class__, asyncio.Task[int], task == task, bool(task), {task: 1} == {task: 1})
        print(task.cancel.__name__, task.cancel.__qualname__, task.cancel.__doc__, task.set_name.__doc__)
        print(inspect.isawaitable(task), inspect.iscoroutine(task), callable(task), hasattr(task, "nothing"))
        task.mine = "an attribute"
        print(vars(task), task.mine)
        print(asyncio.current_task(), asyncio.all_tasks() == {task, asyncio.current_task()})
        print(task.get_name(), task.get_coro().__qualname__, task.get_loop() is asyncio.get_running_loop())
        print(task._fut_waiter, task._must_cancel, task._log_destroy_pending, task._callbacks, task._state)
        print(task.cancelling(), task.uncancel(), task.cancel("why"), task.cancelling(), task._must_cancel)
        print(await asyncio.gather(task, return_exceptions=True), task, task._exception, task._cancel_message)
        task.set_name(5)
        print(task.get_name(), task.cancelled(), task.cancel())
        handle = asyncio.get_running_loop().call_soon(task.cancel)
        print(handle, task.cancel.__self__ is task)
        handle = asyncio.get_running_loop().call_soon(asyncio.create_task(waits()).cancel)
        await asyncio.sleep(0)
        print(handle)

    async def waits() -> None:
        await asyncio.Event().wait()

    asyncio.run(main())


def what_goes_wrong_with_tasks() -> None:
    async def main() -> None:
        task: Any = asyncio.current_task()
        loop = asyncio.get_running_loop()
        attempts: list[Callable[[], object]] = [
            lambda: task.nothing,
            lambda: task(),
            lambda: task + 1,
            lambda: task < task,
            lambda: len(task),
            lambda: list(task),
            lambda: task[0],
            lambda: pickle.dumps(task),
            lambda: copy.copy(task),
            lambda: copy.deepcopy(task),
            lambda: copy.deepcopy({"task": [task]}),
            lambda: asyncio.Task(),  # type: ignore[call-arg]
            lambda: asyncio.Task(None),  # type: ignore[arg-type]
            lambda: asyncio.Task(None, loop=loop),  # type: ignore[arg-type]
            lambda: asyncio.Task(5, None),  # type: ignore[call-overload]
            lambda: asyncio.Task(5, bogus=1),  # type: ignore[call-overload]
            lambda: asyncio.Task(coro=None),  # type: ignore[arg-type]
            lambda: asyncio.create_task(None),  # type: ignore[arg-type]
            lambda: loop.create_task(print),  # type: ignore[arg-type]
            lambda: asyncio.create_task(task),
            lambda: asyncio.create_task(asyncio.sleep(0), nonsense=1),  # type: ignore[call-arg]
            lambda: asyncio.ensure_future(None),  # type: ignore[arg-type]
            lambda: asyncio.run(None),  # type: ignore[arg-type]
            lambda: loop.run_until_complete(task),
            lambda: loop.run_until_complete(5),  # type: ignore[arg-type]
            lambda: loop.run_until_complete(),  # type: ignore[call-arg]
            lambda: loop.run_until_complete(Sly()),
            lambda: loop.close(),
            lambda: loop.close(1),  # type: ignore[call-arg]
            lambda: loop.call_soon(None),  # type: ignore[arg-type]
            lambda: loop.call_exception_handler(),  # type: ignore[call-arg]
            lambda: task.cancel(1, 2),
            lambda: task.cancel(nonsense=1),
            lambda: task.set_name(),
            lambda: task.set_name(Sly()),
            lambda: asyncio.create_task(asyncio.sleep(0), name=Sly()),  # type: ignore[arg-type]
            lambda: task.set_result(1),
            lambda: task.set_exception(ValueError()),
            lambda: task.result(),
            lambda: task.exception(),
            lambda: asyncio.Task.cancel(5),  # type: ignore[arg-type]
            lambda: asyncio.Task.set_name(5, 6),  # type: ignore[arg-type]
            lambda: asyncio.Task.__new__(asyncio.Task).done(),
            lambda: asyncio.Task.__new__(asyncio.Task).set_name("x"),
            lambda: signal.signal(signal.SIGINT, 5.5),  # type: ignore[arg-type]
            lambda: signal.signal(signal.SIGKILL, print),
            lambda: signal.signal(1000, print),
            lambda: signal.signal("x", print),  # type: ignore[arg-type]
            lambda: signal.signal(),  # type: ignore[call-arg]
            lambda: signal.getsignal(1000),
            lambda: signal.getsignal("x"),  # type: ignore[arg-type]
            lambda: loop.add_signal_handler(signal.SIGKILL, print),
            lambda: loop.add_signal_handler("x", print),  # type: ignore[arg-type]
            lambda: loop.add_signal_handler(2000, print),
            lambda: loop.add_signal_handler(),  # type: ignore[call-arg]
            lambda: loop.remove_signal_handler(signal.SIGHUP),
        ]
        for act in attempts:
            attempt(act)
        for wrong in (
            (),
            5,
            [],
            {"message": 5},
            {"message": Sly()},
            {"message": "m", "task": Sly()},
            {"task": Never()},
        ):
            attempt(lambda: loop.call_exception_handler(wrong))  # type: ignore[arg-type] # noqa: B023

    warnings.simplefilter("ignore")
    asyncio.run(main())
    attempt(lambda: asyncio.Task(asyncio.sleep(0)))
    attempt(lambda: asyncio.create_task(asyncio.sleep(0)))


class Sly:
    """Says what it is asked for, and has every attribute."""

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("__"):
            print(f"asked for {name}")
            return self
        raise AttributeError(name)

    def __str__(self) -> str:
        print("asked for text")
        return "sly"

    def __eq__(self, other: object) -> bool:
        print("compared")
        return False

    def __hash__(self) -> int:
        print("hashed")
        return 5

    def __bool__(self) -> bool:
        print("asked if true")
        return True

    def __call__(self, *arguments: object) -> None:
        print("called", len(arguments))


class Never(Sly):
    """Will not be made text of, nor be asked if it is true."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    def __repr__(self) -> str:
        raise RuntimeError("no text")

    def __bool__(self) -> bool:
        raise RuntimeError("neither true nor false")


def sly_things() -> None:
    """Objects that notice whoever touches them."""

    class SlyTask(asyncio.Task):  # type: ignore[type-arg]
        def __getattr__(self, name: str) -> Any:
            print("asked the task for", name)
            raise AttributeError(name)

        def done(self) -> bool:
            print("asked if done")
            return super().done()

        def get_coro(self) -> Any:
            print("asked for the coroutine")
            return super().get_coro()

        def get_name(self) -> str:
            print("asked for the name")
            return super().get_name()

        def cancelled(self) -> bool:
            print("asked if cancelled")
            return super().cancelled()

        def cancelling(self) -> int:
            print("asked if cancelling")
            return super().cancelling()

    class SlyCoroutine(Coroutine[Any, Any, Any]):
        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def __getattr__(self, name: str) -> Any:
            print("asked the coroutine for", name)
            raise AttributeError(name)

        def send(self, value: Any) -> Any:
            return self.inner.send(value)

        def throw(self, *args: Any) -> Any:
            return self.inner.throw(*args)

        def close(self) -> None:
            self.inner.close()

        def __await__(self) -> Generator[Any, Any, Any]:
            return self.inner.__await__()

    class Stepper:
        def __getattr__(self, name: str) -> Any:
            print("asked the stepper for", name)
            return 5

        def __step(self) -> None:
            print("stepped")

        def step(self) -> None:
            asyncio.get_running_loop().call_soon(self.__step)

    async def sleeps() -> int:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return 5

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(lambda loop, coro, **more: SlyTask(coro, loop=loop, **more))
        task = asyncio.create_task(sleeps())
        await asyncio.sleep(0)
        other = asyncio.create_task(sleeps())
        await asyncio.sleep(0)
        other.cancel()
        print(await asyncio.wait([task, other]) is None)
        loop.set_task_factory(None)
        Stepper().step()
        loop.call_soon(Sly())
        await asyncio.sleep(0)
        previous = signal.signal(signal.SIGUSR1, Sly())
        print(previous, type(signal.getsignal(signal.SIGUSR1)))
        signal.raise_signal(signal.SIGUSR1)
        signal.signal(signal.SIGUSR1, previous)
        loop.add_signal_handler(signal.SIGUSR1, Sly())
        signal.raise_signal(signal.SIGUSR1)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        loop.remove_signal_handler(signal.SIGUSR1)

    async def makes_sly_coroutines() -> None:
        task = asyncio.create_task(SlyCoroutine(sleeps()))
        await asyncio.sleep(0)
        print(await task)

    asyncio.run(main())
    asyncio.run(makes_sly_coroutines())


def references() -> None:
    async def main() -> None:
        task = asyncio.create_task(inner(Mortal("argument")), name="counted")
        task.add_done_callback(lambda task: print("in its callback", sys.getrefcount(task)))
        print("made", sys.getrefcount(task))
        await asyncio.sleep(0)
        print("waits", sys.getrefcount(task), sys.getrefcount(task.get_coro()))
        task.cancel()
        print("is asked", sys.getrefcount(task), sys.getrefcount(task.get_coro()))
        await asyncio.wait([task])
        print("is done", sys.getrefcount(task), len(gc.get_referrers(task)))
        future = asyncio.get_running_loop().create_future()
        future.add_done_callback(lambda future: print("in that of a future", sys.getrefcount(future)))
        future.set_result(None)
        await asyncio.sleep(0)
        print(sys.getrefcount(future), sys.getrefcount(None) > 100)

    async def inner(mortal: Mortal) -> None:
        task, coro = asyncio.current_task(), None
        coro = task.get_coro() if task is not None else None
        print("begins", sys.getrefcount(mortal), sys.getrefcount(task), sys.getrefcount(coro))
        try:
            await asyncio.sleep(10)
        finally:
            print("ends", sys.getrefcount(mortal), sys.getrefcount(task), sys.getrefcount(coro))

    asyncio.run(main())


def lifetimes() -> None:
    async def main() -> None:
        for act in (finishes, fails, fails_later, is_cancelled, takes_a_callback, waits_in_a_cycle):
            print(f"-- {act.__name__}")
            task = asyncio.create_task(act(Mortal("argument")), name=act.__name__)
            watch(task, "task")
            watch(task.get_coro(), "coroutine")
            callback = Mortal("callback")
            task.add_done_callback(lambda _, callback=callback: print("called"))  # type: ignore[misc]
            await asyncio.sleep(0)
            if act is is_cancelled:
                task.cancel()
            del task, callback
            for number in range(6):
                print("turn", number)
                await asyncio.sleep(0)
            gc.collect()
            print("collected")
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda mortal: None, Mortal("of a handle"))
        handle = loop.call_soon(lambda mortal: None, Mortal("of a cancelled handle"))
        handle.cancel()
        print("cancelled")
        loop.call_soon(print, "next handle")
        await asyncio.sleep(0)
        print("next step")

    async def finishes(mortal: Mortal) -> Mortal:
        await asyncio.sleep(0)
        return Mortal("result")

    async def fails(mortal: Mortal) -> None:
        raise LookupError(Mortal("of the error"))

    async def fails_later(mortal: Mortal) -> None:
        await asyncio.sleep(0)
        raise LookupError(Mortal("of the error"))

    async def is_cancelled(mortal: Mortal) -> None:
        await asyncio.sleep(10)

    async def takes_a_callback(mortal: Mortal) -> None:
        future = asyncio.get_running_loop().create_future()
        watch(future, "future")
        asyncio.get_running_loop().call_soon(future.set_result, Mortal("result of the future"))
        await future

    async def waits_in_a_cycle(mortal: Mortal) -> None:
        future = asyncio.get_running_loop().create_future()
        watch(future, "future")
        await future

    asyncio.run(main())
    print("loop closed")


def leftovers() -> None:
    """Every complaint there is, and in which order."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_debug(len(sys.argv) > 2)
        never_awaited()
        asyncio.create_task(fails(), name="never retrieved")
        asyncio.create_task(waits(), name="destroyed")
        loop.create_future().set_exception(LookupError("of a future"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        gc.collect()
        print("collected")
        loop.set_exception_handler(lambda loop, context: print("told", sorted(context), context["message"]))
        asyncio.create_task(fails(), name="never retrieved 2")
        asyncio.create_task(waits(), name="destroyed 2")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        gc.collect()
        loop.set_exception_handler(lambda loop, context: 1 / 0)  # type: ignore[arg-type,return-value]
        loop.call_exception_handler({"message": "to a broken handler", "what": 5})
        loop.set_exception_handler(None)
        loop.call_exception_handler({"message": "by hand", "task": asyncio.current_task()})
        asyncio.create_task(fails(), name="never retrieved 3")
        asyncio.create_task(survives(), name="survivor")
        await asyncio.sleep(0)

    async def never_awaited() -> None: ...

    async def fails() -> None:
        raise ValueError("on purpose")

    async def waits() -> None:
        await asyncio.get_running_loop().create_future()

    async def survives() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            raise LookupError("while being cancelled")

    asyncio.run(main())
    loop = asyncio.new_event_loop()
    pending = loop.create_task(waits(), name="never run")
    other = loop.create_task(waits(), name="run once")
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    print(pending, other)
    del pending, other
    gc.collect()
    print("the end")


kept: list[Any] = []


def pending_at_exit() -> None:
    async def main() -> None:
        kept.append(asyncio.create_task(asyncio.Event().wait(), name="kept"))
        kept.append(asyncio.create_task(fails(), name="failed and kept"))
        kept.append(fails())
        await asyncio.sleep(0)

    async def fails() -> None:
        raise ValueError("on purpose")

    loop = asyncio.new_event_loop()
    kept.append(loop)
    kept.append(kept)
    loop.run_until_complete(main())


def pending_at_exit_in_a_module() -> None:
    pending_at_exit()
    sys.modules["asyncio"].kept = kept  # type: ignore[attr-defined]
    sys.modules["sys"].kept = list(kept)  # type: ignore[attr-defined]


def contexts() -> None:
    variable = contextvars.ContextVar("variable", default="none")

    async def sets(value: str) -> str:
        before = variable.get()
        variable.set(value)
        await asyncio.sleep(0)
        return f"{before} {variable.get()}"

    async def main() -> None:
        variable.set("main")
        context = contextvars.copy_context()
        tasks = [asyncio.create_task(sets("a")), asyncio.create_task(sets("b"), context=context)]
        asyncio.get_running_loop().call_soon(lambda: print(variable.get(), len(contextvars.copy_context())))
        print(await asyncio.gather(*tasks), variable.get(), context[variable], len(context))
        print(sys.exc_info())
        try:
            raise ValueError
        except ValueError:
            tasks[0].cancel()
            other = asyncio.create_task(sets("c"))
            await asyncio.sleep(0)
            other.cancel()
            print(sys.exc_info()[0])

    asyncio.run(main())


def debugged() -> None:
    """What debug mode remembers of who made what."""
    logging.basicConfig(format="%(levelname)s %(message)s", stream=sys.stdout)

    def trail(thing: Any) -> None:
        print(*(f"  {line.filename} {line.lineno} {line.name}" for line in thing._source_traceback or ()), sep="\n")

    async def waits() -> None:
        await asyncio.sleep(0)

    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        loop.slow_callback_duration = 3600  # however slow the machine is
        task = asyncio.create_task(waits())
        trail(task)
        print(task)
        print(*(handle for handle in loop._ready), sep="\n")
        for handle in loop._ready:
            trail(handle)
        direct = asyncio.Task(waits(), loop=loop)
        trail(direct)
        ensured = asyncio.ensure_future(waits())
        trail(ensured)
        gathered = asyncio.gather(waits(), waits())
        trail(gathered)
        task.cancel()
        print(*(handle for handle in loop._ready), sep="\n")
        coro: Any = waits()
        print(coro.cr_origin)
        coro.close()
        await gathered
        await asyncio.to_thread(attempt, lambda: loop.call_soon(print))
        loop.call_soon(lambda: 1 / 0)
        asyncio.create_task(fails(), name="fails")
        waits()
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def fails() -> None:
        await asyncio.create_task(waits())
        raise ValueError("on purpose")

    asyncio.run(main(), debug=True)


def debugged_eager() -> None:
    async def waits(levels: int) -> None:
        task: Any = asyncio.current_task()
        print(task._source_traceback and [line.name for line in task._source_traceback], task.get_name()[:4])
        if levels:
            inner: Any = asyncio.create_task(waits(levels - 1), name="inner")
            print(*(f"{line.filename} {line.lineno} {line.name}" for line in inner._source_traceback), sep="\n")
            print(inner)
        await asyncio.sleep(0)

    async def main() -> None:
        asyncio.get_running_loop().slow_callback_duration = 3600
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        await asyncio.create_task(waits(2), name="outer")

    asyncio.run(main(), debug=True)


if __name__ == "__main__":
    gc.disable()
    globals()[sys.argv[1]]()
