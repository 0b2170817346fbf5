"""Two `run_tasks` of approach 3 at the same time: the second takes the signals away from the first.

Start me in a terminal and press Ctrl-C: it is the second that hears of it, and cancels its
job. The first hears of nothing. Its job ends only because the loop is closed.
"""

import asyncio

from cancelkit.patterns.handlers import run_tasks


async def main() -> None:
    """Run two jobs, each in a `run_tasks` of its own; both wait for ever."""
    names = ("first", "second")
    await asyncio.wait([asyncio.create_task(run_tasks([asyncio.Event().wait], 1), name=name) for name in names])


if __name__ == "__main__":
    asyncio.run(main())
