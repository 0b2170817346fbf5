"""Two ways to install a handler: `signal.signal`, and `loop.add_signal_handler`.

Start me with the word signal or the word loop, and press Ctrl-C when the job waits. With
loop the job sees the event at once. With signal it does so only when something else wakes
the loop, a second later. With --press I send myself the signal, in the middle of a step of
the job.
"""

import asyncio
import signal
import sys
import threading

stopping = asyncio.Event()


def on_signal(*_: object) -> None:
    """Say which task is interrupted, and set the event."""
    task = asyncio.current_task()
    print("handler: in the middle of", task.get_name() if task else "no task", flush=True)
    stopping.set()
    later = threading.Timer(1, wake, [asyncio.get_running_loop()])
    later.daemon = True
    later.start()


def wake(loop: asyncio.AbstractEventLoop) -> None:
    """Be something else that wakes the loop, in another thread."""
    print("a second later: something else wakes the loop", flush=True)
    loop.call_soon_threadsafe(lambda: None)


async def job() -> None:
    """Take a step, and wait for the event."""
    if "--press" in sys.argv:
        print("job: is in the middle of a step")
        signal.raise_signal(signal.SIGINT)
        print("job: has ended the step")
    print("job: waits", flush=True)
    await stopping.wait()
    print("job: sees the event")


async def main() -> None:
    """Install the handler in the way that the command line says, and run the job."""
    if "loop" in sys.argv:
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, on_signal)
    else:
        signal.signal(signal.SIGINT, on_signal)
    await asyncio.create_task(job(), name="job")


if __name__ == "__main__":
    asyncio.run(main())
