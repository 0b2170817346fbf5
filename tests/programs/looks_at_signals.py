"""Handles signals in every way there is: python looks_at_signals.py NAME. Those called `ready_…` wait for one."""

# What is wrong here is wrong on purpose.
# mypy: ignore-errors

import asyncio
import functools
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any


def handle(signum: int, frame: FrameType | None) -> None:
    """Say what is seen from a handler."""
    print(signal.Signals(signum).name, frame and (frame.f_code.co_name, frame.f_lineno))
    traceback.print_stack(file=sys.stdout, limit=4)
    print(*(line.name for line in traceback.extract_stack(frame)))


class Handles:
    """A handler that is an object."""

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        print("object", signum)

    def method(self, signum: int, frame: FrameType | None) -> None:
        print("method", signum)

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("compared")

    __hash__ = None  # type: ignore[assignment]


def handlers() -> None:
    one = Handles()
    print(signal.getsignal(signal.SIGINT) is signal.default_int_handler, signal.getsignal(signal.SIGTERM))
    for handler in (handle, one, one.method, functools.partial(handle), lambda signum, frame: print("lambda")):
        before = signal.signal(signal.SIGUSR1, handler)
        print(getattr(before, "__name__", type(before).__name__), signal.getsignal(signal.SIGUSR1) is handler)
        signal.raise_signal(signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGUSR1)
    for value in (signal.SIG_IGN, signal.SIG_DFL, 0, 1):
        signal.signal(signal.SIGUSR1, value)
        print(repr(signal.getsignal(signal.SIGUSR1)))
    print(signal.signal(signal.SIGINT, signal.SIG_DFL) is signal.default_int_handler)
    print(signal.signal(signal.SIGINT, signal.default_int_handler), signal.getsignal(signal.SIGINT))
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt as error:
        traceback.print_exception(error, file=sys.stdout)
    print(signal.strsignal(signal.SIGINT), signal.SIGINT in signal.valid_signals(), signal.signal.__module__)


def errors() -> None:
    """What a handler raises, through handlers, and from inside of another."""

    def raises(signum: int, frame: FrameType | None) -> None:
        raise LookupError(signum)

    def raises_another(signum: int, frame: FrameType | None) -> None:
        try:
            signal.raise_signal(signal.SIGUSR1)
        except LookupError as error:
            raise ValueError(signum) from error

    signal.signal(signal.SIGUSR1, raises)
    signal.signal(signal.SIGUSR2, raises_another)
    signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGUSR2))
    for signum in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM):
        try:
            signal.raise_signal(signum)
        except Exception as error:
            traceback.print_exception(error, file=sys.stdout)
    try:
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
    except LookupError as error:
        traceback.print_exception(error, file=sys.stdout)
    thread = threading.Thread(target=attempts_in_a_thread)
    thread.start()
    thread.join()


def attempts_in_a_thread() -> None:
    """Only the main thread may do this."""
    for attempt in (
        lambda: signal.signal(signal.SIGUSR1, handle),
        lambda: signal.set_wakeup_fd(-1),
        lambda: signal.getsignal(signal.SIGUSR1).__name__,  # type: ignore[union-attr]
        lambda: asyncio.run(asyncio.sleep(0)),
        lambda: asyncio.run(add_a_handler()),
    ):
        try:
            print(attempt())
        except Exception as error:
            traceback.print_exception(error, file=sys.stdout)


async def add_a_handler() -> None:
    """Ask the loop for one."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, print)


def wakeups() -> None:
    """Every signal writes one byte to the wakeup descriptor."""
    reading, writing = socket.socketpair()
    reading.setblocking(False)
    writing.setblocking(False)
    print(signal.set_wakeup_fd(writing.fileno()))
    signal.signal(signal.SIGUSR1, handle)
    for _ in range(3):
        signal.raise_signal(signal.SIGUSR1)
    print(reading.recv(100), signal.set_wakeup_fd(-1) == writing.fileno())

    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        asyncio.create_task(asyncio.sleep(0))
        print(signal.set_wakeup_fd(-1))
        loop.add_signal_handler(signal.SIGUSR2, lambda: print("called"))
        number = signal.set_wakeup_fd(-1)
        print(number == loop._csock.fileno(), signal.getsignal(signal.SIGUSR2) is asyncio.unix_events._sighandler_noop)
        signal.set_wakeup_fd(number)
        signal.raise_signal(signal.SIGUSR2)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        print(loop.remove_signal_handler(signal.SIGUSR2), loop.remove_signal_handler(signal.SIGUSR2))
        print(signal.getsignal(signal.SIGUSR2), signal.set_wakeup_fd(-1))

    asyncio.run(main())


def handlers_of_loops() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        main_task = asyncio.current_task()
        print(type(signal.getsignal(signal.SIGINT)).__name__, main_task is not None)
        done = asyncio.Event()
        loop.add_signal_handler(signal.SIGUSR1, done.set)
        loop.add_signal_handler(signal.SIGUSR2, lambda *numbers: traceback.print_stack(file=sys.stdout, limit=2), 1, 2)
        loop.add_signal_handler(signal.SIGUSR2, print, "replaced")
        signal.raise_signal(signal.SIGUSR2)
        signal.raise_signal(signal.SIGUSR1)
        await done.wait()
        loop.add_signal_handler(signal.SIGTERM, main_task.cancel)  # type: ignore[union-attr]
        signal.raise_signal(signal.SIGTERM)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            traceback.print_exception(error, file=sys.stdout)
        for wrong in (add_a_coroutine_function, add_a_handler):
            try:
                loop.add_signal_handler(signal.SIGUSR1, wrong)
            except TypeError as error:
                traceback.print_exception(error, file=sys.stdout)

    asyncio.run(main())
    print(signal.getsignal(signal.SIGINT) is signal.default_int_handler, signal.getsignal(signal.SIGTERM))


async def add_a_coroutine_function() -> None:
    """It may not be a handler."""


def interrupts_by_itself() -> None:
    """SIGINT under asyncio.run: the first cancels, the second raises."""

    async def main() -> None:
        for number in (1, 2):
            try:
                signal.raise_signal(signal.SIGINT)
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                print("cancelled", number)

    asyncio.run(main())


def ready_in_a_task() -> None:
    async def main() -> None:
        task = asyncio.create_task(asyncio.sleep(1000), name="sleeper")
        asyncio.get_running_loop().call_soon(lambda: print("ready", flush=True))
        try:
            await task
        finally:
            await asyncio.sleep(0)
            print("tidied up", task)

    asyncio.run(main())


def ready_by_hand() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_soon(lambda: print("ready", flush=True))
        await asyncio.sleep(1000)

    loop = asyncio.new_event_loop()
    task = loop.create_task(main())
    try:
        loop.run_until_complete(task)
    finally:
        task.cancel()
        loop.run_until_complete(asyncio.wait([task]))
        loop.close()


def ready_with_handlers() -> None:
    async def main() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        for signum in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(signum, lambda signum=signum: (print(signum.name), stop.set()))  # type: ignore[misc]
        loop.call_soon(lambda: print("ready", flush=True))
        await stop.wait()
        raise SystemExit(7)

    asyncio.run(main())


def ready_with_a_handler_of_python() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_soon(lambda: print("ready", flush=True))
        await asyncio.sleep(1000)

    def raises(signum: int, frame: FrameType | None) -> None:
        raise LookupError(signal.Signals(signum).name)

    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, raises)
    asyncio.run(main())


def ready_without_a_loop() -> None:
    print("ready", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    functions: dict[str, Callable[[], None]] = globals()
    functions[sys.argv[1]]()
