"""Programs that answer a signal in ways of their own: python shutdown_answers.py NAME."""

import asyncio
import atexit
import signal
import sys
from functools import partial

from cancelkit import finish, run, run_tasks


async def interrupted(times: int = 1, signum: signal.Signals = signal.SIGINT) -> None:
    for _ in range(times):
        signal.raise_signal(signum)
    await asyncio.Event().wait()


async def swallows() -> None:
    try:
        await interrupted()
    except asyncio.CancelledError:
        print("swallowed")


async def fails() -> None:
    try:
        await interrupted()
    finally:
        raise BaseExceptionGroup("instead", [ValueError("of the interrupt"), GeneratorExit()])


async def many_at_once() -> None:
    try:
        await interrupted(times=100)
    finally:
        print("cancelled", asyncio.current_task().cancelling(), "times")  # type: ignore[union-attr]


async def is_terminated() -> None:
    atexit.register(print, "atexit")
    try:
        await interrupted(signum=signal.SIGTERM)
    finally:
        print("finally")


async def say(text: str) -> None:
    await asyncio.sleep(0)
    print(text)


async def starts_more() -> None:
    try:
        await interrupted()
    finally:
        try:
            await run_tasks([partial(say, "a job")], 1)
        except asyncio.CancelledError:
            print("refused")
        await finish(run_tasks([partial(say, "part of a cleanup")] * 2, 1))


async def is_not_told() -> None:
    """A call of run_tasks in a task that nobody cancels."""

    async def first() -> str:
        signal.raise_signal(signal.SIGINT)
        return "a result"

    batch = asyncio.create_task(run_tasks([first, first], 1))
    while not batch.done():
        try:
            await asyncio.wait([batch])
        except asyncio.CancelledError:
            continue
    print("cancelled" if batch.cancelled() else batch.result())


async def is_ignored() -> None:
    signal.raise_signal(signal.SIGINT)
    await asyncio.sleep(0)
    print("SIGINT was ignored")
    try:
        await interrupted(signum=signal.SIGTERM)
    finally:
        print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)


if __name__ == "__main__":
    if sys.argv[1] == "is_ignored":
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # as `nohup` does with SIGHUP, and a shell's `&` with SIGINT
    run(globals()[sys.argv[1]]())
