"""When the loop is being closed, Ctrl-C is Python's own again, even the first one.

Start me in a terminal: main returns soon, and leaves a task behind, which asyncio.run
cancels and waits for. Press Ctrl-C in the second that this takes: it is a
KeyboardInterrupt, the cleanup is lost, and so is what main has returned.
"""

import asyncio
import signal

from cancelkit.lab.workload import say

left_behind: set[asyncio.Task[None]] = set()


def say_whose_handler(where: str) -> None:
    """Print whether SIGINT has the handler that Python itself installs."""
    is_pythons = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    print(f"{where}: the handler of SIGINT is", "Python's own" if is_pythons else "asyncio.run's", flush=True)


async def leftover() -> None:
    """Work for ever; then clean up."""
    say("begun", "leftover")
    try:
        await asyncio.Event().wait()
    finally:
        say("cleanup begun", "leftover")
        say_whose_handler("leftover")
        await asyncio.sleep(0.3)
        say("cleanup halfway", "leftover")
        await asyncio.sleep(0.7)
        say("cleanup finished", "leftover")


async def main() -> str:
    """Start a task, work for a while, and leave without waiting for the task."""
    left_behind.add(asyncio.create_task(leftover(), name="leftover"))
    await asyncio.sleep(0.2)  # some work
    say_whose_handler("main")
    return "the result"


if __name__ == "__main__":
    print("asyncio.run gives", asyncio.run(main()))
