"""Seven jobs, two at a time: two end by themselves, then two wait for ever and three queue. No state is in a hurry."""

import asyncio


async def job(name: str, slots: asyncio.Semaphore, *, ends: bool) -> None:
    """Work in a slot, then clean up."""
    async with slots:
        try:
            print(name, "works", flush=True)
            await (asyncio.sleep(0.01) if ends else asyncio.Event().wait())
        finally:
            await asyncio.sleep(0.01)
            print(name, "has cleaned up", flush=True)


async def main() -> None:
    """Run the jobs."""
    slots = asyncio.Semaphore(2)
    async with asyncio.TaskGroup() as group:
        for number in range(1, 8):
            group.create_task(job(f"job-{number}", slots, ends=number < 3), name=f"job-{number}")


if __name__ == "__main__":
    asyncio.run(main())
