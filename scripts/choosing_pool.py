"""Concurrency model 1: a fixed pool of workers, which take jobs from a queue.

Start me in a terminal: six jobs, two workers. Press Ctrl-C when job-3 is holding: the two
workers are cancelled, and each cleans up for the job that it has. The three jobs in the
queue have no task, so there is nothing to cancel. A number as an argument: so many jobs.
"""

import asyncio
import sys

from cancelkit.lab.workload import say


async def job(name: str) -> None:
    """Get hold of something, work, the first job for a while and the others for ever, and clean up."""
    say("begun", name)
    await asyncio.sleep(0.1)
    say("holding", name)
    try:
        await (asyncio.sleep(0.2) if name == "job-1" else asyncio.Event().wait())
    finally:
        say("cleanup begun", name)
        await asyncio.sleep(0.2)
        say("cleanup finished", name)


async def worker(queue: asyncio.Queue[str]) -> None:
    """Take jobs from the queue, one after the other."""
    while True:
        await job(await queue.get())
        queue.task_done()


async def main(count: int = 6) -> None:
    """Put jobs into the queue, and have two workers do them."""
    queue: asyncio.Queue[str] = asyncio.Queue()
    for number in range(1, count + 1):
        queue.put_nowait(f"job-{number}")
    try:
        async with asyncio.TaskGroup() as group:
            workers = [group.create_task(worker(queue), name=f"worker-{number}") for number in (1, 2)]
            await queue.join()
            for task in workers:
                task.cancel()
    finally:
        print("left in the queue:", queue.qsize())


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
