"""The service of testing_service_group.py under cancelkit.run, which owns the signals.

Start me in a terminal and press Ctrl-C when ann and bob are served, as often as you like:
both get a goodbye. SIGTERM does the same.
"""

import asyncio
import sys

import cancelkit


async def work() -> None:
    """Wait for what the client wants, which is nothing."""
    await asyncio.Event().wait()


async def goodbye(client: str) -> None:
    """Say goodbye, which takes a while."""
    await asyncio.sleep(0.2)
    print(f"{client}: goodbye", flush=True)


async def serve(client: str, slots: asyncio.Semaphore) -> None:
    """Serve a client as soon as there is a slot, and say goodbye in the end."""
    async with slots:
        print(f"{client}: served", flush=True)
        try:
            await work()
        finally:
            await goodbye(client)


async def main(seconds_to_load: float = 0) -> None:
    """Load what is needed, and serve three clients, two at a time."""
    print("loading", flush=True)
    await asyncio.sleep(seconds_to_load)
    slots = asyncio.Semaphore(2)
    async with asyncio.TaskGroup() as group:
        for name in ("ann", "bob", "cy"):
            group.create_task(serve(name, slots), name=name)


if __name__ == "__main__":
    cancelkit.run(main(*map(float, sys.argv[1:])))
