"""Is hit by a signal at a random moment, again and again, and raises from its handler: python is_hit.py TIMES.

Whatever is hit, no traceback may tell of a recorder. Prints how often that was, and the tracebacks that did.
"""

import asyncio
import logging
import random
import signal
import sys
import traceback
from types import FrameType
from typing import Any


class Hit(KeyboardInterrupt):
    """Raised by the handler; no task keeps it to itself."""


hits = 0
told: set[str] = set()


def hit(signum: int, frame: FrameType | None) -> None:
    """Interrupt whatever is being done, and again much later: some are raised where nobody hears of them."""
    signal.setitimer(signal.ITIMER_REAL, 0.25)
    raise Hit


def watch(error: BaseException | None) -> None:
    """Keep the tracebacks that name a file of the recorder."""
    while error is not None:
        frames = traceback.extract_tb(error.__traceback__)
        if any("/cancelkit/trace/" in frame.filename for frame in frames):
            told.add("".join(traceback.format_exception(error)))
        error = error.__context__


async def works(depth: int) -> None:
    """Do everything that a recorder may want to know."""
    loop = asyncio.get_running_loop()
    task: Any = asyncio.current_task()
    task.set_name(f"at depth {depth}")
    try:
        while True:
            await asyncio.sleep(0)
            if depth:
                children = [asyncio.create_task(works(depth - 1), name=f"child {n}") for n in range(2)]
                children.append(asyncio.create_task(works(0)))
                await asyncio.sleep(0)
                for child in children:
                    child.cancel()
                await asyncio.gather(*children, return_exceptions=True)
            loop.call_soon(signal.getsignal, signal.SIGUSR1)
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)
            loop.add_signal_handler(signal.SIGUSR2, print)
            loop.call_exception_handler({"message": "by hand", "task": task})
            works(0).close()
            signal.raise_signal(signal.SIGCHLD)
    finally:
        await asyncio.sleep(0)


async def main() -> None:
    """Work for ever."""
    if sys.version_info >= (3, 12) and random.random() < 0.5:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    await asyncio.gather(works(2), works(1), works(0))


def run() -> None:
    """Run a loop until it is hit."""
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()


if __name__ == "__main__":
    logging.disable()
    sys.unraisablehook = lambda unraisable: None  # of what is collected somewhere
    signal.signal(signal.SIGALRM, hit)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    random.seed(int(sys.argv[1]))
    for _ in range(int(sys.argv[1])):
        try:
            signal.setitimer(signal.ITIMER_REAL, random.uniform(0.0002, 0.003))
            run()
        except Hit as error:
            signal.setitimer(signal.ITIMER_REAL, 0)
            hits += 1
            watch(error)
        except BaseException as error:
            signal.setitimer(signal.ITIMER_REAL, 0)
            watch(error)
    print("hit", hits >= int(sys.argv[1]) * 0.9, *sorted(told), sep="\n")
