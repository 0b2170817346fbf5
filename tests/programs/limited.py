"""Seven jobs, two at a time: two end by themselves, one after the other, then two wait for ever and three queue.

There is no timer: what comes after what is the same however long anything takes.
"""

import asyncio


async def job(name: str, slots: asyncio.Semaphore, turns: int | None) -> None:
    """Work in a slot for so many turns of the loop, or for ever, then clean up."""
    async with slots:
        try:
            print(name, "works", flush=True)
            if turns is None:
                await asyncio.Event().wait()
            for _ in range(turns or 0):
                await asyncio.sleep(0)
        finally:
            await asyncio.sleep(0)
            print(name, "has cleaned up", flush=True)


async def main() -> None:
    """Run the jobs."""
    slots = asyncio.Semaphore(2)
    async with asyncio.TaskGroup() as group:
        for number in range(1, 8):
            group.create_task(job(f"job-{number}", slots, {1: 3, 2: 8}.get(number)), name=f"job-{number}")


if __name__ == "__main__":
    asyncio.run(main())
