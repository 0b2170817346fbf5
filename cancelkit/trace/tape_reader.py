"""The reading end of a tape: in the parent, or where the program itself asks what its tasks are doing."""

from __future__ import annotations

import errno
import json
import os
import struct
from typing import Any

from cancelkit.trace.events import Event, in_order
from cancelkit.trace.tape import (
    CANCELLING,
    CHUNK,
    CREATED,
    DELIVERED,
    FINISHED,
    KINDS,
    LABEL,
    LONGEST_TEXT,
    PLACE,
    SLOT,
    STEP,
    SUSPENDED,
    TEXT,
    TOLD,
    UNFINISHED_TEXT,
    identity_of,
)

_READ_AT_ONCE = 1 << 17
"""Bytes; the longest text fits."""

_BLANKS = (bytes(1 << 14), bytes(1 << 8))

_slot = struct.Struct("QII").unpack_from


def _written(data: bytes) -> int:
    """How many bytes there are up to the last that is not zero."""
    end = len(data)
    for block in _BLANKS:  # rstrip() on its own would look at each byte by itself
        while data.endswith(block, 0, end):
            end -= len(block)
    return len(data[:end].rstrip(b"\0"))


class TapeReader:
    """Reads a tape as events, what is new each time."""

    def __init__(self, descriptor: int, limit: int | None = None) -> None:
        """Read a tape of so many bytes at most: what is behind that was put there by nobody."""
        self._descriptor = descriptor
        self._identity = identity_of(descriptor)
        self._limit = limit
        self._next = 0
        self._late: dict[int, bool] = {}  # places that were not all written yet, and whether a step had begun there
        self._labels: dict[int, dict[str, Any]] = {}

    def moved_to(self, descriptor: int) -> TapeReader:
        """A reader of the file that the tape has moved to, who knows the labels that were given before."""
        reader = TapeReader(descriptor, self._limit)
        reader._labels |= self._labels
        return reader

    def peek(self) -> bytes:
        """What was recorded since the last call of `new_events`, as it is on the tape; nothing if that is scattered."""
        data = os.pread(self._descriptor, min(_READ_AT_ONCE, CHUNK - self._next % CHUNK), self._next)
        written = -(-_written(data) // PLACE) * PLACE
        return data[:written] if written < len(data) and not self._late else b""

    def skip(self, size: int) -> None:
        """Leave out so many bytes of what comes next."""
        self._next += size

    def give_up_late(self) -> None:
        """Wait no more for what was begun and not finished."""
        self._late.clear()

    def new_events(self) -> tuple[Event, ...]:
        """What was recorded since the last call, in order of time.

        Raises:
            OSError: the file cannot be read.
        """
        if identity_of(self._descriptor) != self._identity:
            raise OSError(errno.EBADF, "the descriptor of the record was closed")
        events = self._late_events()
        while self._limit is None or self._next < self._limit:
            chunk_end = (self._next // CHUNK + 1) * CHUNK
            # Asked before the chunk is read: what is put there after that may be the rest of it, and another begun.
            is_last = chunk_end >= os.fstat(self._descriptor).st_size
            data = os.pread(self._descriptor, min(_READ_AT_ONCE, chunk_end - self._next), self._next)
            written = -(-_written(data) // PLACE) * PLACE
            if written == 0:
                if is_last:
                    break
                self._next = chunk_end
                continue
            start, at = self._next, 0
            while at < written:
                taken, size = self._taken(data, at, start + at, has_begun=False)
                events += taken
                at += size
                if size == 0:  # the rest of a text is in what is read next
                    break
            self._next = start + at
        events += self._late_events()  # whose labels came only after them
        return in_order(events)

    def _late_events(self) -> list[Event]:
        late, self._late, behind = sorted(self._late.items()), {}, 0
        events = []
        for place, has_begun in late:
            if place < behind:  # inside a text
                continue
            data = os.pread(self._descriptor, LONGEST_TEXT + PLACE, place)
            taken, size = self._taken(data, 0, place, has_begun)
            events += taken
            behind = place + size
        return events

    def _taken(self, data: bytes, at: int, place: int, has_begun: bool) -> tuple[list[Event], int]:
        """The events at a place of the tape, and how many bytes they take; 0 if the data does not reach so far."""
        time, number, what = _slot(data, at)
        kind = what & KINDS
        if kind in (TEXT, UNFINISHED_TEXT):
            size = -(-(SLOT + number) // PLACE) * PLACE
            if at + size > len(data):
                return [], 0
            if kind == TEXT:
                return self._told(time, data[at + SLOT : at + SLOT + number]), size
            self._late[place] = False
            return [], size
        # What was still zero when this was read may have what it says behind it: characters, which are no kinds, and
        # things whose labels it is.
        unwritten = kind == 0 or kind > DELIVERED
        if unwritten or (kind in (CREATED, SUSPENDED) and what >> LABEL not in self._labels):
            self._late[place] = has_begun
            return [], PLACE
        second = _slot(data, at + SLOT)
        if kind == CREATED:
            return [Event(time, "created", number, {"name": f"Task-{second[0]}"} | self._labels[what >> LABEL])], PLACE
        if kind == TOLD:
            return [], PLACE
        if kind != STEP:
            return [self._event(time, number, what)], PLACE
        events = [] if has_begun else [Event(time, "step", number)]
        if second[2] == 0 or (second[2] & KINDS == SUSPENDED and second[2] >> LABEL not in self._labels):
            self._late[place] = True
        elif second[2] != TOLD:
            events.append(self._event(*second))
        return events, PLACE

    def _event(self, time: int, task: int, what: int) -> Event:
        kind = what & KINDS
        if kind == SUSPENDED:
            where = self._labels[what >> LABEL]
            return Event(time, "suspended", task, where | {"cancelling": True} if what & CANCELLING else where)
        if kind == DELIVERED:
            return Event(time, "cancel delivered", task)
        how = {"how": "finished" if kind == FINISHED else "cancelled"}
        return Event(time, "ended", task, how | {"cancelling": True} if what & CANCELLING else how)

    def _told(self, time: int, text: bytes) -> list[Event]:
        row = json.loads(text)
        kind = row.pop("kind")
        if kind == "label":
            self._labels[row.pop("label")] = row
            return []
        return [Event(time, kind, row.pop("task", None), row)]
