"""An HTTP service with a queue and workers that ends as its operator wants: to be copied.

I need aiohttp, and one file of this kit: copy `cancelkit/shutdown.py` beside me and import
`finish` and `run` from `shutdown`. Then put your work in the place of `do_work`.

Start me in a terminal, and `curl localhost:8080/work/5` in three others: two are worked on,
the third waits. Press Ctrl-C, as often as you like, or send me SIGTERM. I listen no more.
Work that has begun goes on, and its answer is sent. What only waits is answered with 503 at
once: its client can go elsewhere, and my end does not depend on how long the queue is. On a
connection that is still open `/health` is 503 as well. Then `echo $?` says 130, or 143 after
SIGTERM. If a request hangs (`/work/60`) I end after 7 seconds all the same, and name it.
"""

import asyncio
import contextlib
import sys
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from cancelkit.shutdown import finish, run

WORKERS, MOST_WAITING = 2, 100


async def do_work(what: str) -> str:
    """Work for so many seconds; yours goes here."""
    await asyncio.sleep(float(what))
    return f"worked for {what} s\n"


class Service:
    """The queue, the workers that serve it, and the server in front."""

    def __init__(self) -> None:
        self.orders: asyncio.Queue[tuple[str, asyncio.Future[str]]] = asyncio.Queue(MOST_WAITING)
        self.requests: set[asyncio.Task[Any]] = set()
        self.stopping = False

    async def main(self, port: int) -> None:
        """Serve until cancelled; then stop, which no signal interrupts."""
        app = web.Application(middlewares=[self.watch])
        app.on_response_prepare.append(self.say_if_it_is_the_last)
        app.add_routes([web.get("/health", self.health), web.get("/work/{what}", self.work)])
        runner = web.AppRunner(app, shutdown_timeout=1.0)  # stop() has waited for the requests by then
        async with asyncio.TaskGroup() as workers:
            for number in range(1, WORKERS + 1):
                workers.create_task(self.worker(), name=f"worker-{number}")
            try:
                await runner.setup()
                await web.TCPSite(runner, "127.0.0.1", port).start()
                print("listening on {}:{}".format(*runner.addresses[0]), flush=True)
                await asyncio.Event().wait()
            finally:
                await finish(self.stop(runner))  # inside the group, for it needs the workers

    async def stop(self, runner: web.AppRunner) -> None:
        """Listen no more, refuse what waits, see that the rest is answered, and close all connections."""
        self.stopping = True
        for site in runner.sites:
            await site.stop()
        while not self.orders.empty():
            _, answer = self.orders.get_nowait()
            if not answer.done():
                answer.set_exception(refusal())
        while self.requests:
            await asyncio.wait(self.requests)
        await runner.cleanup()

    async def worker(self) -> None:
        """Serve one request of the queue after the other."""
        while True:
            what, answer = await self.orders.get()
            with contextlib.suppress(asyncio.InvalidStateError):  # what it says if nobody waits any more
                try:
                    answer.set_result(await do_work(what))
                except Exception as error:
                    answer.set_exception(error)
                finally:
                    answer.cancel()  # does nothing if it is there; or nobody would ever hear of it

    async def work(self, request: web.Request) -> web.Response:
        """Have a worker do it."""
        if self.stopping or self.orders.full():
            raise refusal()
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.orders.put_nowait((request.match_info["what"], answer))
        return web.Response(text=await answer)

    async def health(self, _request: web.Request) -> web.Response:
        """Say whether this is ready for requests."""
        return web.Response(text="stopping\n", status=503) if self.stopping else web.Response(text="ready\n")

    @web.middleware
    async def watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Know each request, until its answer is written, by a name to be told by."""
        task = asyncio.current_task()
        assert task is not None
        task.set_name(f"{request.method} {request.path}")
        self.requests.add(task)
        task.add_done_callback(self.requests.discard)
        return await handler(request)

    async def say_if_it_is_the_last(self, _request: web.Request, response: web.StreamResponse) -> None:
        """Have the client make a new connection next time, which will be somebody else's."""
        if self.stopping:
            response.force_close()
            response.headers["Connection"] = "close"


def refusal() -> web.HTTPServiceUnavailable:
    """Make the answer to what will not be done here."""
    return web.HTTPServiceUnavailable(headers={"Retry-After": "1"})


def start(port: str = "8080", grace: str = "7") -> None:
    """Serve, and end `grace` seconds after the first signal at the latest, or two more if the loop is blocked."""
    run(Service().main(int(port)), grace=float(grace))


if __name__ == "__main__":
    start(*sys.argv[1:])
