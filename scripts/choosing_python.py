"""Which Python? An error in a cleanup meets a Ctrl-C, and what becomes of the Ctrl-C depends on the version.

Start me in a terminal and press Ctrl-C when the job works. Its cleanup fails, and main
forgives that. Python 3.11 and 3.12 forgive the Ctrl-C with it: main goes on to its end,
and `echo $?` says 0. From 3.13 on it says 130; with --owned it does so on all of them.
"""

import asyncio
import sys

import cancelkit


async def job() -> None:
    """Work for ever, and fail to clean up."""
    print("job: works", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        raise ConnectionError("the other side has gone")


async def main() -> None:
    """Run the job, forgive it that the connection was lost, and go on."""
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(job(), name="job")
    except* ConnectionError:
        print("main: forgives the error")
    await asyncio.sleep(0.1)
    print("main: goes on to its end")


if __name__ == "__main__":
    run = cancelkit.run if "--owned" in sys.argv else asyncio.run
    run(main())
