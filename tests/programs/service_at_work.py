"""scripts/service.py with work that its test controls: service_at_work.py PORT GRACE [options], the test's port.

A piece of work connects to the test and says what it is. It prints the words that it is sent, and ends at "done", or in
one of the ways of `ENDS`. The test is also told where the service listens, which request has come, and that the service
stops. With --cancels, a request is cancelled when its client has gone; with --held, the service stops as work does: it
waits for the test's "done".
"""

import asyncio
import functools
import os
import socket
import sys
from pathlib import Path
from typing import Any

from aiohttp import web

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
import service

PORT, GRACE, *options = sys.argv[1:]


class Broken(BaseException):
    """Something that no worker survives."""


ENDS = {"fails": LookupError, "breaks": Broken}


def tell(*words: str) -> None:
    """Say something to the test, at once."""
    with socket.create_connection(("127.0.0.1", int(PORT))) as test:
        test.sendall(f"{' '.join(words)}\n".encode())


def print_and_tell(text: str, flush: bool) -> None:
    """What the service calls when it listens."""
    print(text, flush=flush)
    tell("listens", text.rpartition(":")[2], str(os.getpid()))


async def obey(what: str) -> None:
    """Say something to the test, and do as it says."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(PORT))
    writer.write(f"{what}\n".encode())
    try:
        while (word := (await reader.readline()).decode().strip()) != "done":
            if error := ENDS.get(word):
                raise error(what)
            print(word, flush=True)
            for _ in range(3):
                await asyncio.sleep(0)  # the signal comes in the first of these waits, and is acted on in the next
    finally:
        writer.close()


async def do_work(what: str) -> str:
    """Do what the test says."""
    await obey(f"begins {what}")
    return f"{what} is done"


class Service(service.Service):
    """Tells the test what becomes of it."""

    async def work(self, request: web.Request) -> web.Response:
        what = request.match_info["what"]
        tell("comes", what)
        try:
            return await super().work(request)
        except asyncio.CancelledError:
            tell("gone", what)
            raise

    async def stop(self, runner: web.AppRunner) -> None:
        if "--held" in options:
            await obey("stops")
        else:
            tell("stops")
        await super().stop(runner)


replaced: Any = service
replaced.print = print_and_tell
replaced.do_work = do_work
replaced.Service = Service
replaced.MOST_WAITING = 2
if "--cancels" in options:
    replaced.web.AppRunner = functools.partial(web.AppRunner, handler_cancellation=True)
service.start("0", GRACE)
