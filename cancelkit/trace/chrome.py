"""Export to the Chrome trace event format, which ui.perfetto.dev and chrome://tracing open.

A loop is shown as a process, and a task as a thread of it; docs/record-format.md has the whole mapping.

How Perfetto reads decides four things here. A character that JSON in ASCII writes as two escapes is an error to it, so
this is UTF-8. Version 52, for one, takes a quote that follows a backslash for a part of the string, so no string ends
with one. Older versions multiply a time by 1000 and cut off what is no nanosecond, so no time is a hair too early. And
an arrow is tied to what came last on its track, so it follows the instant that it points at.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from typing import Any

from cancelkit.trace.events import Event
from cancelkit.trace.files import replacing
from cancelkit.trace.record import Record
from cancelkit.trace.states import Tracker
from cancelkit.trace.text import printable
from cancelkit.trace.timeline import Lane

Row = dict[str, Any]
"""One trace event."""

_SHOWN_OTHERWISE = frozenset({"created", "named", "main", "step", "suspended", "loop", "waiting"})
"""Kinds of events that are no instants: spans, names of tracks and counts tell of them."""

_TITLES = {
    "ended": "{how}",
    "report": "{what}",
    "complaint": "complaint: {what}",
    "handler": "{signal} handler: {handler}",
    "signal": "{name} sent",
    "signal received": "{signal} received",
    "exit": "exit: {status}",
    "end of the record": "end of the record: {why}",
}
"""What instants are called whose kind alone says too little."""

_COUNTED = ("created", "active", "queued", "cleaning")
"""Those of the counts that go down again."""


def chrome_trace(record: Record) -> dict[str, Any]:
    """The record as an object of the trace event format, its `traceEvents` in order of time.

    All its strings are printable, so that it can be written as JSON without escapes for what is not ASCII.
    """
    trace = _Trace(record)
    rows = [*trace.spans(), *trace.instants(), *trace.counts()]
    # An instant lies on the span that begins at the same time: spans come first, and sorting keeps that.
    rows.sort(key=lambda row: row["ts"])
    about = {"program": record.program, "python": record.python, "notes": record.notes}
    shown: Row = _shown({"displayTimeUnit": "ms", "otherData": about, "traceEvents": [*trace.tracks(), *rows]})
    return shown


def write_chrome(record: Record, path: str | os.PathLike[str]) -> None:
    """Write the record to a file in the trace event format. What was there before stays as it was if that fails.

    Raises:
        CancelkitError: the file cannot be written.
    """
    trace = chrome_trace(record)
    with replacing(path) as file:
        rows = ",\n".join(map(_json, trace.pop("traceEvents")))
        file.write(f'{_json(trace)[:-1]}, "traceEvents": [\n{rows}\n]}}\n'.encode())


_json = json.JSONEncoder(ensure_ascii=False).encode


class _Trace:
    """Makes the trace events of one record."""

    def __init__(self, record: Record) -> None:
        self._events = record.events
        self._start = record.events[0].time if record.events else 0
        self._lanes = {lane.task: lane for lane in record.timeline.lanes}
        self._loops = {lane.loop: f"loop {lane.loop}" for lane in record.timeline.lanes}
        for event in record.events:
            if event.kind == "loop":
                self._loops[event.detail["loop"]] = "loop {loop}: {type} in {thread}".format_map(event.detail)
        self._loops = self._loops or {1: "no loop"}  # what is about the process needs a place all the same
        self._first_loop = min(self._loops)

    def tracks(self) -> Iterator[Row]:
        """The names of processes and threads, and their order."""
        for loop, title in self._loops.items():
            yield {"ph": "M", "name": "process_name", "pid": loop, "args": {"name": title}}
            yield {"ph": "M", "name": "process_sort_index", "pid": loop, "args": {"sort_index": loop}}
        for lane in self._lanes.values():
            yield {"ph": "M", "name": "thread_name", **_track(lane), "args": {"name": lane.name}}
            yield {"ph": "M", "name": "thread_sort_index", **_track(lane), "args": {"sort_index": lane.task}}

    def spans(self) -> Iterator[Row]:
        """What each task was doing."""
        for lane in self._lanes.values():
            for span in lane.spans:
                waits_for = {"on": span.on, "at": span.at} if span.on else {}
                yield {
                    "ph": "X",
                    "name": f"{span.state}: {span.on}" if span.on else span.state.value,
                    "cat": "state",
                    **_track(lane),
                    "ts": _microseconds(span.start),
                    "dur": _microseconds(span.end - span.start),
                    "args": {"state": span.state.value, **waits_for},
                }

    def instants(self) -> Iterator[Row]:
        """What happened at one moment; and after a request to cancel, an arrow from who asked."""
        for number, event in enumerate(self._events):
            if event.kind in _SHOWN_OTHERWISE:
                continue
            lane, requester = self._lane(event.task), self._lane(event.detail.get("requester"))
            what = {**event.detail, "kind": event.kind}
            yield {
                "ph": "i",
                "name": _TITLES.get(event.kind, "{kind}").format_map(what),
                "cat": event.kind,
                **self._scope(event, lane),
                "ts": self._time(event),
                "args": {**event.detail, "requester": requester.name} if requester else event.detail,
            }
            if lane and requester and lane is not requester:
                arrow = {"name": event.kind, "cat": event.kind, "id": number, "ts": self._time(event)}
                yield {"ph": "s", **arrow, **_track(requester)}
                yield {"ph": "f", "bp": "e", **arrow, **_track(lane)}

    def counts(self) -> Iterator[Row]:
        """How many tasks are in which state, the main ones left out, whenever that changes."""
        tracker = Tracker(mains={lane.task for lane in self._lanes.values() if lane.is_main})
        last: dict[str, int] = {}
        for event in self._events:
            if tracker.feed(event) is None:
                continue
            counts = tracker.counts()
            shown = {name: getattr(counts, name) for name in _COUNTED}
            if shown != last:
                yield {"ph": "C", "name": "tasks", "pid": self._first_loop, "ts": self._time(event), "args": shown}
                last = shown

    def _lane(self, task: object) -> Lane | None:
        return self._lanes.get(task) if isinstance(task, int) else None

    def _scope(self, event: Event, lane: Lane | None) -> Row:
        """Where an instant is drawn: on a task's track, on its loop's, or through all of them."""
        if lane is not None:
            return {"s": "t", **_track(lane)}
        if event.kind in ("closing", "closed"):
            return {"s": "p", "pid": event.detail["loop"]}
        return {"s": "g", "pid": self._first_loop}

    def _time(self, event: Event) -> float:
        return _microseconds(event.time - self._start)


def _track(lane: Lane) -> Row:
    return {"pid": lane.loop, "tid": lane.task}


def _microseconds(nanoseconds: int) -> float:
    time = nanoseconds / 1000
    return time if int(time * 1000) == nanoseconds else math.nextafter(time, math.inf)


def _shown(value: Any) -> Any:
    """The same value with strings that Perfetto can read."""
    if isinstance(value, str):
        text = printable(value)
        return f"{text} " if text.endswith("\\") else text
    if isinstance(value, dict):
        return {_shown(name): _shown(inner) for name, inner in value.items()}
    return [_shown(inner) for inner in value] if isinstance(value, list | tuple) else value
