"""A bug to be found: after Ctrl-C, one of three jobs goes on.

Start me in a terminal and press Ctrl-C when I say so: a request is answered after that,
I take most of a second to end, and `echo $?` says 130 as if all were well. With --log,
--ask or --debug I say more about it, with --mended I end at once, and with --press I
press Ctrl-C myself.
"""

import asyncio
import contextlib
import itertools
import logging
import signal
import sys
import time
from collections.abc import Iterator

log = logging.getLogger("jobs")


@contextlib.contextmanager
def logged() -> Iterator[None]:
    """Log that this task begins, and whether it ends or is cancelled."""
    task = asyncio.current_task()
    name = task.get_name() if task else "no task"
    log.info("%s: begins", name)
    try:
        yield
    except asyncio.CancelledError:
        log.info("%s: is cancelled", name)
        raise
    log.info("%s: ends", name)


async def request(attempt: int) -> None:
    """Stand for a server that needs a minute for its first answer, and is quick when asked again."""
    await asyncio.sleep(60 if attempt == 1 else 0.3)
    print("a request was answered", flush=True)


async def retry() -> None:
    """Make a request until it is answered."""
    with logged():
        for attempt in itertools.count(1):
            try:
                return await request(attempt)
            except OSError:
                await asyncio.sleep(0.5)


async def stubborn_retry() -> None:
    """Make a request until it is answered, whatever happens."""
    with logged():
        for attempt in itertools.count(1):
            try:
                return await request(attempt)
            except BaseException as error:
                if task := asyncio.current_task():
                    log.debug("%s: %s arrives, cancelling() is %d", task.get_name(), type(error).__name__, task.cancelling())
                time.sleep(0.5)


async def main() -> None:
    """Run three jobs, and say of each how it ended."""
    jobs = {"download": retry, "index": retry, "upload": retry if "--mended" in sys.argv else stubborn_retry}
    tasks = []
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(job(), name=name) for name, job in jobs.items()]
            await asyncio.sleep(0)
            print("three jobs at work: press Ctrl-C", flush=True)
            if "--press" in sys.argv:
                asyncio.get_running_loop().call_later(0.3, signal.raise_signal, signal.SIGINT)
    finally:
        for task in tasks:
            log.debug("%s: done() is %s, cancelled() is %s", task.get_name(), task.done(), task.cancelled())


if __name__ == "__main__":
    logging.basicConfig(stream=sys.stdout, format="%(message)s")
    log.setLevel("DEBUG" if "--ask" in sys.argv else "INFO" if "--log" in sys.argv else "WARNING")
    asyncio.run(main(), debug="--debug" in sys.argv or None)
