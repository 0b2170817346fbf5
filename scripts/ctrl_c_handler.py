"""Where a handler runs: in the main thread, on top of whatever Python is doing there.

Start me with one of the words waits, computes, thread, and press Ctrl-C: my own handler
notes in which thread it runs, on top of which function, and which task is current. It
asks nobody to end, so nothing is cancelled; the job ends because it sees the note.
"""

import asyncio
import functools
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

say_ready = functools.partial(print, "ready", flush=True)
notes: list[str] = []
noted = asyncio.Event()


def on_sigint(_signum: int, frame: FrameType | None) -> None:
    """Note where we are."""
    task = asyncio.current_task()
    notes.append(f"in the thread {threading.current_thread().name}")
    notes.append(f"on top of the function {frame.f_code.co_name if frame else None}")
    notes.append(f"while the current task is {task.get_name() if task else None}")
    asyncio.get_running_loop().call_soon_threadsafe(noted.set)


async def waits() -> None:
    """Wait, as most tasks do most of the time."""
    say_ready()
    await noted.wait()


def compute(say: Callable[[], object]) -> None:
    """Say so; then compute, without ever giving control back, until there is a note."""
    say()
    while not notes:
        pass


async def computes() -> None:
    """Compute in a task."""
    compute(say_ready)


async def in_a_thread() -> None:
    """Compute in another thread, while the loop waits."""
    loop = asyncio.get_running_loop()
    await asyncio.to_thread(compute, lambda: loop.call_soon_threadsafe(say_ready))


async def main() -> None:
    """Run one job, and print what the handler has noted."""
    jobs = {"waits": waits, "computes": computes, "thread": in_a_thread}
    await asyncio.create_task(jobs[sys.argv[1]](), name="job")
    print("\n".join(notes))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, on_sigint)
    asyncio.run(main())
