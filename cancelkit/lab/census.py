"""The census: what a program still has when it ends, and did not have before its first line.

It is taken when the main thread has done all it had to do, before Python waits for other threads and tidies up after
the program. Child processes, temporary files and tasks are not in it: they are seen from outside. Nor is it taken in a
copy of the program, which has no tape.
"""

from __future__ import annotations

import os
import socket
import stat
import threading
from collections.abc import Iterator

from cancelkit.trace.inject import with_entry
from cancelkit.trace.recorder import Recorder
from cancelkit.trace.tape import FAR_UP, quoted

_WAITS_FOR_A_CHILD = "asyncio-waitpid-"
"""How the names of threads begin in which asyncio waits for a child process, where it cannot do without them. Such a
thread ends a little after its child, and a child that is left is counted by itself."""

_LISTING = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"  # noqa: PTH112 - no pathlib in a child


class Census:
    """Knows what there was at the beginning, and puts what is left at the end on the tape."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._descriptors = dict(_descriptors())
        self._threads = set(threading.enumerate())

    def install(self) -> None:
        """Have it taken when Python begins to end."""
        threading._shutdown = with_entry(  # type: ignore[attr-defined]
            threading._shutdown,  # type: ignore[attr-defined]
            self._recorder.signals.guarded(self._take),
        )

    def _take(self) -> None:
        for descriptor, identity in _descriptors():
            if self._descriptors.get(descriptor) != identity:
                self._say(*_description(descriptor))
        for thread in threading.enumerate():
            if thread not in self._threads and not thread.name.startswith(_WAITS_FOR_A_CHILD):
                self._say("thread", thread.name)
        self._recorder.tape.put_text('"kind":"census"')

    def _say(self, what: str, name: str) -> None:
        self._recorder.tape.put_text(f'"kind":"left","what":{quoted(what)},"name":{quoted(name)}')


def _descriptors() -> Iterator[tuple[int, tuple[int, int]]]:
    """The program's open descriptors, and what each of them is open on."""
    for name in os.listdir(_LISTING):  # noqa: PTH208
        descriptor = int(name)
        try:
            status = os.fstat(descriptor)
        except OSError:  # that of the listing itself
            continue
        if descriptor < FAR_UP:
            yield descriptor, (status.st_dev, status.st_ino)


def _description(descriptor: int) -> tuple[str, str]:
    """What a descriptor is, and what is known of it."""
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISSOCK(mode):
        return "socket", _addresses(descriptor)
    if stat.S_ISFIFO(mode):
        return "pipe", f"descriptor {descriptor}"
    try:
        path = os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115
    except OSError:
        path = f"descriptor {descriptor}"
    if path == "anon_inode:[eventpoll]":
        return "event loop", "its selector was never closed"
    return "file", path


def _addresses(descriptor: int) -> str:
    with socket.socket(fileno=os.dup(descriptor)) as found:
        ends = []
        for name in (found.getsockname, found.getpeername):
            try:
                ends.append(name())
            except OSError:
                continue
    if all(isinstance(end, tuple) for end in ends) and ends:
        return " to ".join(f"{end[0]}:{end[1]}" for end in ends)
    return f"descriptor {descriptor}"
