"""`remove_signal_handler` puts back a default, and not what stood there before.

Start me in a terminal: I say who handles SIGINT and SIGTERM before, while and after a
handler of the loop's is registered for them. With --put-back I put back what stood there
before. Press Ctrl-C at the end: only with --put-back is it `asyncio.run` that cancels me.
"""

import asyncio
import sys
from signal import SIG_DFL, SIGINT, SIGTERM, default_int_handler, getsignal, signal
from typing import Any

names: dict[Any, str] = {default_int_handler: "Python's own", SIG_DFL: "the system's default"}


def on_sigterm(*_: object) -> None:
    """Stand for the handler of a program that we are a part of."""


def say_who(when: str) -> None:
    """Print whose handlers there are."""
    sigint, sigterm = (names[getsignal(signum)] for signum in (SIGINT, SIGTERM))
    print(f"{when:<11} SIGINT: {sigint:<14} SIGTERM: {sigterm}", flush=True)


async def main() -> None:
    """Register a handler, remove it, and wait for ever."""
    loop, before = asyncio.get_running_loop(), {signum: getsignal(signum) for signum in (SIGINT, SIGTERM)}
    names.update({before[SIGINT]: "asyncio.run's", on_sigterm: "ours"})
    say_who("before")
    for signum in before:
        loop.add_signal_handler(signum, print)
        names[getsignal(signum)] = "the loop's"
    say_who("registered")
    for signum, handler in before.items():
        loop.remove_signal_handler(signum)
        if "--put-back" in sys.argv:
            signal(signum, handler)
    say_who("removed")
    await asyncio.Event().wait()


if __name__ == "__main__":
    signal(SIGTERM, on_sigterm)
    asyncio.run(main())
