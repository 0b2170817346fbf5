"""The tape: where a program that is recorded puts its events, at the cost of a store into memory.

A record has to outlive the program, SIGKILL included, and a write(2) for every event costs more than the event. So the
tape is a file that is mapped into memory, a chunk at a time: what was stored is in the file whatever becomes of the
process, and of all that was recorded before, the process keeps nothing in its own memory. Space on the disk is reserved
before a chunk is mapped; without that, a full disk would be a SIGBUS in the middle of the program.

There is no lock. A place on the tape is taken by drawing the next number from a counter, which is one call into C:
neither another thread nor a signal's handler can come in between. What is still zero was taken and never written, by a
thread that was killed there, and is passed over.

A tape is made of slots of 16 bytes: the time, in 8; a number, most often a task's, in 4; and what happened, in 4, of
which the lowest 8 bits are the kind, and the others a label. That is enough for what happens to every task and at every
step. A label stands for a line of text that came before it on the tape: where a task waits, or what coroutine it runs.
The rest, which is rare, is text: a slot with the number of its bytes, and after it JSON. Both ends of a tape are of one
version of this kit; what is kept is written by `events`.
"""

from __future__ import annotations

import errno
import itertools
import json
import mmap
import os
import struct
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from json.encoder import encode_basestring_ascii
from time import monotonic_ns
from typing import Any

from cancelkit.trace.events import Event

TEXT, UNFINISHED_TEXT, CREATED, DEFAULT_NAME, STEP, SUSPENDED, FINISHED, CANCELLED, DELIVERED = range(1, 10)
"""Kinds of slots. DEFAULT_NAME comes before CREATED, and has in place of a time the n of a name `Task-n`."""

CANCELLING = 1 << 7
"""With SUSPENDED or FINISHED: the task has been asked to end, and that was not taken back."""

_KINDS, _LABEL = 0x7F, 8
FAR_UP = 200
"""Descriptors of ours start here, so that those of the program have the numbers they would have without us."""

_MOST_LABELS = (1 << 24) - 1
SLOT = 16
CHUNK = 1 << 20
_RESERVE = 1 << 9
"""Bytes at the end of each chunk that events leave free: room to say that there will be no other chunk."""

_LONGEST_TEXT = 1 << 16
_LONGEST_STRING = 1 << 10
"""Bytes of a text; and characters of each of its strings if it would be longer."""

_READ_AT_ONCE = 1 << 18
"""Bytes; the longest text fits."""

put_into = struct.Struct("QII").pack_into
_slot = struct.Struct("QII").unpack_from

Place = tuple[Callable[[], int], memoryview, "itertools.count[int]"]
"""What draws the next place on a chunk, the chunk, and the counter that it is drawn from."""

_kept_for_ever: list[Place] = []


def quoted(text: str) -> str:
    """A string as JSON."""
    return encode_basestring_ascii(text)


class Tape:
    """The writing end, in the program that is recorded.

    Attributes:
        place: where the next event goes. To put one there: `reserve, chunk, _ = tape.place` and then
            `put_into(chunk, reserve(), monotonic_ns(), task, what)`; on struct.error the chunk is full.
        why_over: why nothing is recorded any more; empty as long as something is.
    """

    __slots__ = ("_descriptor", "_identity", "_labels", "_offsets", "place", "why_over")

    def __init__(self, descriptor: int) -> None:
        """Record to an empty file that is open for reading and writing."""
        self._descriptor = descriptor
        self._identity = _identity(descriptor)
        self._offsets = itertools.count(0, CHUNK)
        self._labels = itertools.count(1)
        self.why_over = ""
        self.place = _nowhere()
        self.go_on_after(self.place)

    def put(self, task: int, what: int, time: int | None = None) -> None:
        """Put what happens to a task on the tape; now, if no time is given."""
        while True:
            place = reserve, chunk, _ = self.place
            try:
                put_into(chunk, reserve(), monotonic_ns() if time is None else time, task, what)
            except struct.error:
                if self.go_on_after(place):
                    continue
            return

    def put_text(self, members: str) -> None:
        """Put the members of a JSON object on the tape, whose time is now."""
        data = _within_limits(f"{{{members}}}".encode())
        slots = 1 + -(-len(data) // SLOT)
        while True:
            place = _, chunk, places = self.place
            at = tuple(islice(places, slots))[0]
            try:
                _put_data(chunk, at, data)
            except (ValueError, struct.error):
                if self.go_on_after(place):
                    continue
            return

    def label(self, kind: int, members: str) -> int:
        """A new label for members of a JSON object, with the kind of what it is a label of."""
        number = min(next(self._labels), _MOST_LABELS)
        self.put_text(f'"kind":"label","label":{number},{members}')
        return kind | number << _LABEL

    def go_on_after(self, full: Place) -> bool:
        """Take a new chunk after the one that is full; whether there is one."""
        if self.place is full and not self.why_over:
            try:
                self.place = self._next_chunk()
            except (OSError, ValueError) as error:
                _kept_for_ever.append(full)  # its copy of the descriptor may have been closed too, and taken by others
                self.stop(getattr(error, "strerror", None) or str(error))
        return len(self.place[1]) > 0

    def _next_chunk(self) -> Place:
        if _identity(self._descriptor) != self._identity:  # the number may be one of the program's own files now
            raise OSError(errno.EBADF, "the program has closed the record's descriptor")
        offset = next(self._offsets)
        _reserve_on_disk(self._descriptor, offset)
        chunk = memoryview(_mapped(self._descriptor, offset))
        places = itertools.count(0, SLOT)
        return places.__next__, chunk[: CHUNK - _RESERVE], places

    def stop(self, why: str) -> None:
        """Record nothing from now on, and say why."""
        chunk = self.place[1].obj
        self.abandon(why)
        if isinstance(chunk, mmap.mmap):
            said = f'{{"kind":"end of the record","why":{quoted(why)[:300]}'
            _put_data(memoryview(chunk), CHUNK - _RESERVE, said.removesuffix('"').encode() + b'"}')

    def abandon(self, why: str) -> None:
        """Record nothing from now on, without a word on the tape."""
        self.why_over = why
        self.place = _nowhere()


def _put_data(chunk: memoryview, at: int, data: bytes) -> None:
    # Whoever reads this meanwhile, or after a SIGKILL, must not take half a text for something else.
    put_into(chunk, at, monotonic_ns(), len(data), UNFINISHED_TEXT)
    chunk[at + SLOT : at + SLOT + len(data)] = data
    put_into(chunk, at, monotonic_ns(), len(data), TEXT)


def _nowhere() -> Place:
    places = itertools.count(0, SLOT)
    return places.__next__, memoryview(bytearray()), places


def _identity(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino


def _reserve_on_disk(descriptor: int, offset: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, offset, CHUNK)
    elif os.pwrite(descriptor, bytes(CHUNK), offset) < CHUNK:  # macOS
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _mapped(descriptor: int, offset: int) -> mmap.mmap:
    if sys.version_info >= (3, 13):
        return mmap.mmap(descriptor, CHUNK, offset=offset, trackfd=False)
    # A map keeps a copy of the descriptor, with the lowest number that is free: that of the program's next file.
    in_the_way = []
    try:
        while not in_the_way or in_the_way[-1] < FAR_UP:
            in_the_way.append(os.dup(descriptor))
        return mmap.mmap(descriptor, CHUNK, offset=offset)
    finally:
        for copy in in_the_way:
            os.close(copy)


def _within_limits(data: bytes) -> bytes:
    """A text as it is, or with its strings cut short if it would not fit."""
    if len(data) <= _LONGEST_TEXT:
        return data
    row = {name: _cut(value) for name, value in json.loads(data).items()}
    return json.dumps(row).encode()


def _cut(value: Any) -> Any:
    too_long = isinstance(value, str) and len(value) > _LONGEST_STRING
    return f"{value[:_LONGEST_STRING]}… ({len(value)} characters)" if too_long else value


class TapeReader:
    """The reading end: in the parent, or where the program itself asks what its tasks are doing."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._identity = _identity(descriptor)
        self._next = 0
        self._read_beyond: set[int] = set()
        self._default_names: dict[int, int] = {}
        self._labels: dict[int, dict[str, Any]] = {}

    def new_events(self) -> Iterator[Event]:
        """What was recorded since the last call; in order, but for what several threads did at the same time.

        Raises:
            OSError: the file cannot be read.
        """
        while True:
            if _identity(self._descriptor) != self._identity:
                raise OSError(errno.EBADF, "the descriptor of the record was closed")
            chunk_end = (self._next // CHUNK + 1) * CHUNK
            data = os.pread(self._descriptor, min(_READ_AT_ONCE, chunk_end - self._next), self._next)
            written = -(-len(data.rstrip(b"\0")) // SLOT) * SLOT
            if written:
                start = self._next
                yield from self._decoded(data, written)
                if self._next > start:
                    continue
            if chunk_end >= os.fstat(self._descriptor).st_size:
                return
            self._next = chunk_end
            self._read_beyond.clear()

    def _decoded(self, data: bytes, written: int) -> Iterator[Event]:
        """The events in what was read, which is `written` up to there; go on behind them, or at the first gap."""
        start, at, gap = self._next, 0, None
        while at < written:
            time, number, what = _slot(data, at)
            kind = what & _KINDS
            rest = number if kind in (TEXT, UNFINISHED_TEXT) else 0
            size = SLOT + -(-rest // SLOT) * SLOT
            if at + size > len(data):
                break
            if kind in (0, UNFINISHED_TEXT):  # somebody has taken this place, and not written yet
                gap = at if gap is None else gap
            elif start + at not in self._read_beyond:
                if gap is not None:
                    self._read_beyond.add(start + at)
                event = self._event(time, number, what, data[at + SLOT : at + SLOT + rest])
                if event is not None:
                    yield event
            at += size
        if gap is None or at > _READ_AT_ONCE // 2:  # nobody will fill a gap that so much has come after
            gap = at
        self._next = start + gap

    def _event(self, time: int, task: int, what: int, rest: bytes) -> Event | None:
        kind = what & _KINDS
        if kind == STEP:
            return Event(time, "step", task)
        if kind == SUSPENDED:
            where = self._labels[what >> _LABEL]
            return Event(time, "suspended", task, where | {"cancelling": True} if what & CANCELLING else where)
        if kind == CREATED:
            name = f"Task-{self._default_names.pop(task)}"
            return Event(time, "created", task, {"name": name} | self._labels[what >> _LABEL])
        if kind == DEFAULT_NAME:
            self._default_names[task] = time
            return None
        if kind == DELIVERED:
            return Event(time, "cancel delivered", task)
        if kind in (FINISHED, CANCELLED):
            how = {"how": "finished" if kind == FINISHED else "cancelled"}
            return Event(time, "ended", task, how | {"cancelling": True} if what & CANCELLING else how)
        row = json.loads(rest)
        said = row.pop("kind")
        if said == "label":
            self._labels[row.pop("label")] = row
            return None
        return Event(time, said, row.pop("task", None), row)
