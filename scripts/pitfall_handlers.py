"""The same cleanup in a handler for each exception: one Ctrl-C runs it twice, and a success never.

Start me in a terminal, and let me end by myself; then with --error; then press Ctrl-C as soon
as I say `main: holding`: I save never, once, twice, and the second time is one too many. With
--mended I save once, whatever happens.
"""

import asyncio
import sys
from pathlib import Path

from cancelkit.lab.workload import say
from cancelkit.lab.workplace import workplace


def record(ending: str) -> Path:
    """The path of the record."""
    return Path(workplace().folder, f"record{ending}")


async def work() -> None:
    """Begin the record, and work on it for a short while."""
    record(".part").write_text("begun")
    say("holding", "main")
    await asyncio.sleep(0.4)
    if "--error" in sys.argv:
        raise ValueError("broken")


async def save() -> None:
    """Complete the record: it gets its final name."""
    print("saves", flush=True)
    await asyncio.sleep(0.2)
    record(".part").rename(record(".txt"))
    say("cleanup finished", "main")


def broken() -> None:
    """Save in a handler for each exception."""

    async def main() -> None:
        try:
            await work()
        except asyncio.CancelledError:
            await save()
            raise
        except Exception:
            await save()
            raise

    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        asyncio.run(save())
        raise


async def mended() -> None:
    """Save in one place."""
    try:
        await work()
    finally:
        await save()


if __name__ == "__main__":
    asyncio.run(mended()) if "--mended" in sys.argv else broken()
