"""Run another program, disturbed at one place: python delayed.py HOW WHERE PROGRAM.

HOW is `sleep` (this thread sleeps) or `stop` (another process stops this one, and lets it go on), for two seconds.
WHERE is the number of a callback of the loop, before which it happens, or 0 for before the program's imports; -1 is
nowhere. At the end the monotonic times in nanoseconds at which the callbacks began are printed, as the last line.
"""

import asyncio
import json
import os
import runpy
import subprocess
import sys
import time

SECONDS = 2


def sleep() -> None:
    time.sleep(SECONDS)


def stop() -> None:
    commands = f"kill -STOP {os.getpid()}; sleep {SECONDS}; kill -CONT {os.getpid()}"
    subprocess.run(["sh", "-c", commands], check=True)


def main() -> None:
    how, where, program = {"sleep": sleep, "stop": stop}[sys.argv[1]], int(sys.argv[2]), sys.argv[3]
    began: list[int] = []
    run = asyncio.Handle._run

    def run_disturbed(handle: asyncio.Handle) -> None:
        began.append(time.monotonic_ns())
        if len(began) == where:
            how()
        run(handle)

    asyncio.Handle._run = run_disturbed  # type: ignore[method-assign,assignment]
    if where == 0:
        how()
    try:
        runpy.run_path(program, run_name="__main__")
    finally:
        print(json.dumps(began))


if __name__ == "__main__":
    main()
