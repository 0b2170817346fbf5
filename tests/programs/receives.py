"""Says which signals reach it, and how often in all at the last of them, SIGUSR2; `reads`: repeats what it reads."""

import asyncio
import os
import signal
import sys
from collections import Counter

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGALRM")


async def main() -> None:
    """Receive signals."""
    loop, the_last, received = asyncio.get_running_loop(), asyncio.Event(), Counter[str]()

    def receive(name: str) -> None:
        received[name] += 1
        print(name, flush=True)
        if name == "SIGUSR2":
            the_last.set()

    def read() -> None:
        line = os.read(0, 100)
        print("read", line, flush=True)
        if line == b"enough\n":  # or it would look for lines that are meant for a shell
            loop.remove_reader(0)

    for name in NAMES:
        loop.add_signal_handler(signal.Signals[name], receive, name)
    if sys.stdin.isatty():
        print("foreground", os.tcgetpgrp(0) == os.getpgrp(), [os.isatty(stream) for stream in range(3)])
    if "reads" in sys.argv:
        loop.add_reader(0, read)
    print("ready", flush=True)
    await the_last.wait()
    print(*(f"{name} {count}" for name, count in sorted(received.items())), flush=True)


asyncio.run(main())
