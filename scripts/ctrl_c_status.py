"""What the world hears of a Ctrl-C: the exit status, by what a program makes of the interrupt.

Start me in a terminal with one of the words uncaught, exit-130, caught, swallowed, group,
press Ctrl-C, and type `echo $?`. Or send me SIGTERM from another terminal: then no
`finally` runs.
"""

import asyncio
import sys

way = sys.argv[1] if len(sys.argv) > 1 else "uncaught"


async def main() -> None:
    """Wait for ever."""
    print("main: begins", flush=True)
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        if way != "swallowed":
            raise
    finally:
        print("main: finally")


def start() -> None:
    """Run main, and treat the interrupt in the way that the command line says."""
    if way in ("uncaught", "swallowed"):
        asyncio.run(main())
    elif way == "group":
        try:
            asyncio.run(main())
        except* KeyboardInterrupt:
            raise
    else:
        try:
            asyncio.run(main())
        except KeyboardInterrupt:
            if way == "exit-130":
                sys.exit(130)


if __name__ == "__main__":
    start()
