"""An aiohttp server whose requests wait in a queue for one of ten workers: python aiohttp_service.py.

It prints its port, then "in flight" when fifty requests have come. Interrupted, it answers none of them.
"""

import asyncio

from aiohttp import web

IN_FLIGHT = 50
slots = asyncio.Semaphore(10)
arrived = 0


async def handle(request: web.Request) -> web.Response:
    """Wait for a slot, and then for ever; tidy up when that is over."""
    global arrived
    task = asyncio.current_task()
    assert task is not None
    task.set_name(f"request-{request.match_info['number']}")
    arrived += 1
    if arrived == IN_FLIGHT:
        # When this one waits as well, which it does at the end of this step.
        asyncio.get_running_loop().call_soon(lambda: print("in flight", flush=True))
    async with slots:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
    return web.Response(text="done")


async def main() -> None:
    """Serve until somebody presses Ctrl-C."""
    app = web.Application()
    app.add_routes([web.get("/{number}", handle)])
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(site._server.sockets[0].getsockname()[1], flush=True)  # type: ignore[union-attr]
    try:
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
