"""Where the jobs of the standard workload work: a server to talk to, and a folder for what they write.

An experiment gives its program both. A program that is started by hand makes them itself, when the first job asks.
"""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import selectors

    from cancelkit.lab.server import JobServer


class Workplace(NamedTuple):
    """A server's port on loopback, and a folder. Port 0 is no server: who asks waits by the loop's clock instead."""

    port: int
    folder: str


given: Workplace | None = None
"""What an experiment gives."""

asked: list[str] = []
"""What has been asked of the server, in order. An experiment wants to know how much that is."""


def workplace() -> Workplace:
    """The place to work at in this process."""
    return given or _made()


@functools.cache
def _made() -> Workplace:
    # Imported only here: an experiment's child imports this module, and is given a place.
    import atexit
    import selectors
    import tempfile
    import threading

    from cancelkit.lab.server import JobServer

    folder = tempfile.mkdtemp(prefix="cancelkit-jobs-")
    atexit.register(_leave, folder)
    selector = selectors.DefaultSelector()
    server = JobServer(selector, 1.0, in_lockstep=False)
    threading.Thread(target=_serve, args=(selector, server), name="the jobs' server", daemon=True).start()
    return Workplace(server.port, folder)


def _leave(folder: str) -> None:
    import shutil

    for name in sorted(os.listdir(folder)):  # noqa: PTH208
        if name.endswith(".part"):
            print(f"left behind: {name}", flush=True)  # noqa: T201 - for the person at the terminal
    shutil.rmtree(folder, ignore_errors=True)


def _serve(selector: selectors.BaseSelector, server: JobServer) -> None:
    while True:
        for key, _ in selector.select(server.seconds_left()):
            key.data()
        server.answer()
