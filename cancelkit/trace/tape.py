"""The tape: where a program that is recorded puts its events, at the cost of a store into memory.

A record has to outlive the program, SIGKILL included, and a write(2) for every event costs more than the event. So the
tape is a file that is mapped into memory, a chunk at a time: what was stored is in the file whatever becomes of the
process, and of all that was recorded before, the process keeps nothing in its own memory. Space on the disk is reserved
before a chunk is mapped; without that, a full disk would be a SIGBUS in the middle of the program.

There is no lock. A place on the tape is taken by drawing the next number from a counter, which is one call into C:
neither another thread nor a signal's handler can come in between. What is still zero was taken and not written yet; or
never, by a process that was killed there.

A place is a pair of slots of 16 bytes: the time, in 8; a number, most often a task's, in 4; and what happened, in 4, of
which the lowest 7 bits are the kind, the next is a flag and the rest a label. A step has its beginning in the first
slot and its end in the second, which is written later; other things have the first. A label stands for a line of text
that came before it on the tape: where a task waits, or what coroutine it runs. What is rare is text: a slot with the
number of its bytes, and after it JSON, over as many places as it takes.

`tape_reader` has the other end. Both are of one version of this kit; what is kept is written by `record`.
"""

from __future__ import annotations

import errno
import itertools
import json
import mmap
import os
import struct
import sys
from collections.abc import Callable
from itertools import islice
from json.encoder import encode_basestring_ascii
from time import monotonic_ns
from typing import Any

TEXT, UNFINISHED_TEXT, CREATED, DEFAULT_NAME, STEP, SUSPENDED, FINISHED, CANCELLED, TOLD, DELIVERED = range(1, 11)
"""Kinds of slots. DEFAULT_NAME, after CREATED, has in place of a time the n of a name `Task-n`. TOLD ends a step too:
how, is told by a text."""

CANCELLING = 1 << 7
"""With SUSPENDED or FINISHED: the task has been asked to end, and that was not taken back."""

KINDS, LABEL = 0x7F, 8
FAR_UP = 200
"""Descriptors of ours start here, so that those of the program have the numbers they would have without us."""

_MOST_LABELS = (1 << 24) - 1
SLOT = 16
PLACE = 2 * SLOT
_KIND_BYTE = 12 if sys.byteorder == "little" else 15
"""Of a slot, the byte with the kind."""
CHUNK = 1 << 20
_RESERVE = 1 << 9
"""Bytes at the end of each chunk that events leave free: room to say that there will be no other chunk."""

LIMIT_REACHED = "has reached its limit"
"""Part of why a record is over that may not be longer."""

LONGEST_TEXT = 1 << 16
_LONGEST_STRING = 1 << 10
"""Bytes of a text; and characters of each of its strings if it would be longer."""

put_into = struct.Struct("QII").pack_into

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

    __slots__ = ("_descriptor", "_identity", "_labels", "_limit", "_offsets", "_reserve", "place", "why_over")

    def __init__(self, descriptor: int, limit: int | None = None) -> None:
        """Record to an empty file that is open for reading and writing, so many bytes at most."""
        self._labels = itertools.count(1)
        self._limit = limit
        self.place = _nowhere()
        self.move_to(descriptor)

    def move_to(self, descriptor: int, *, is_on_disk: bool = True) -> None:
        """Record to another empty file from now on. Labels that were given keep their meaning."""
        self._reserve = _reserve_on_disk if is_on_disk else _lengthen
        self._descriptor = descriptor
        self._identity = identity_of(descriptor)
        self._offsets = itertools.count(0, CHUNK)
        self.why_over = ""
        self.go_on_after(self.place)

    def put(self, task: int, what: int) -> tuple[memoryview, int]:
        """Put what happens to a task now on the tape; the chunk and the place where it was put."""
        while True:
            place = reserve, chunk, _ = self.place
            at = reserve()
            try:
                put_into(chunk, at, monotonic_ns(), task, what)
            except struct.error:
                if self.go_on_after(place):
                    continue
            return chunk, at

    def put_second(self, chunk: memoryview, at: int, task: int, what: int) -> None:
        """Put the end of a step where its beginning is."""
        try:
            put_into(chunk, at + SLOT, monotonic_ns(), task, what)
        except (TypeError, ValueError, struct.error):  # this process is a copy by now, or the recording is over
            self.put(task, what)

    def put_created(self, task: int, label: int, default_name: int) -> None:
        """Put the making of a task on the tape, with a default name, of which the number is kept."""
        while True:
            place = reserve, chunk, _ = self.place
            at = reserve()
            try:
                put_into(chunk, at + SLOT, default_name, task, DEFAULT_NAME)
                put_into(chunk, at, monotonic_ns(), task, label)
            except struct.error:
                if self.go_on_after(place):
                    continue
            return

    def put_text(self, members: str) -> None:
        """Put the members of a JSON object on the tape, whose time is now."""
        data = _within_limits(f"{{{members}}}".encode())
        places = -(-(SLOT + len(data)) // PLACE)
        while True:
            place = _, chunk, counter = self.place
            at, *_ = islice(counter, places)  # all of them at once
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
        return kind | number << LABEL

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
        if identity_of(self._descriptor) != self._identity:  # the number may be one of the program's own files now
            raise OSError(errno.EBADF, "the program has closed the record's descriptor")
        offset = next(self._offsets)
        if self._limit is not None and offset >= self._limit:
            raise OSError(errno.EFBIG, f"the record {LIMIT_REACHED} of {self._limit >> 20} MiB")
        self._reserve(self._descriptor, offset)
        chunk = memoryview(_mapped(self._descriptor, offset))
        places = itertools.count(0, PLACE)
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
        (_, chunk, _), self.place = self.place, _nowhere()
        chunk.release()  # for those who have put the beginning of a step there, and not its end


def _put_data(chunk: memoryview, at: int, data: bytes) -> None:
    if at + SLOT + len(data) > len(chunk):
        raise ValueError("the chunk is full")
    # Whoever reads this meanwhile, or after a SIGKILL, must not take half a text for something else. So it is finished
    # by the store of one byte: put_into clears all bytes first, and would leave a text without its head for an instant.
    put_into(chunk, at, monotonic_ns(), len(data), UNFINISHED_TEXT)
    chunk[at + SLOT : at + SLOT + len(data)] = data
    chunk[at + _KIND_BYTE] = TEXT


def _nowhere() -> Place:
    counter = itertools.count(0, PLACE)
    return counter.__next__, memoryview(bytearray()), counter


def identity_of(descriptor: int) -> tuple[int, int]:
    """What a descriptor is open on."""
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino


def _reserve_on_disk(descriptor: int, offset: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, offset, CHUNK)
    elif os.pwrite(descriptor, bytes(CHUNK), offset) < CHUNK:  # macOS
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _lengthen(descriptor: int, offset: int) -> None:
    os.ftruncate(descriptor, offset + CHUNK)


def _mapped(descriptor: int, offset: int) -> mmap.mmap:
    if sys.version_info >= (3, 13):
        return mmap.mmap(descriptor, CHUNK, offset=offset, trackfd=False)
    # A map keeps a copy of the descriptor, with the lowest number that is free: that of the program's next file.
    in_the_way: list[int] = []
    try:
        while not in_the_way or in_the_way[-1] < FAR_UP:
            in_the_way.append(os.dup(descriptor))
        return mmap.mmap(descriptor, CHUNK, offset=offset)
    finally:
        for copy in in_the_way:
            os.close(copy)


def _within_limits(data: bytes) -> bytes:
    """A text as it is, or with its strings cut short if it would not fit."""
    if len(data) <= LONGEST_TEXT:
        return data
    row = {name: _cut(value) for name, value in json.loads(data).items()}
    return json.dumps(row).encode()


def _cut(value: Any) -> Any:
    too_long = isinstance(value, str) and len(value) > _LONGEST_STRING
    return f"{value[:_LONGEST_STRING]}… ({len(value)} characters)" if too_long else value
