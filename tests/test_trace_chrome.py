"""The Chrome trace event format: what the two viewers ask for is so, and the picture is that of the timeline."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cancelkit.errors import CancelkitError
from cancelkit.trace.chrome import chrome_trace, write_chrome
from cancelkit.trace.events import Event
from cancelkit.trace.record import Record, parse_record

pytestmark = pytest.mark.core

WAIT: dict[str, Any] = {"on": "sleep", "at": "a.py:3", "cleanup": False}
EVENTS = (
    Event(5000, "loop", None, {"loop": 1, "type": "_UnixSelectorEventLoop", "thread": "MainThread"}),
    Event(5000, "created", 1, {"name": "Task-1", "coro": "main", "loop": 1}),
    Event(5001, "main", 1),
    Event(5001, "step", 1),
    Event(6001, "created", 2, {"name": "job", "coro": "work", "loop": 1}),
    Event(7000, "suspended", 1, WAIT),
    Event(7000, "step", 2),
    Event(7500, "report", 2, {"what": "begun", "job": "job"}),
    Event(8000, "suspended", 2, {**WAIT, "on": "Semaphore", "at": "a.py:9"}),
    Event(8500, "loop", None, {"loop": 2, "type": "Loop", "thread": "wörker\n"}),
    Event(8600, "created", 3, {"name": "🦑\ud800\x1b\x7f\\", "coro": "other", "loop": 2}),
    Event(9000, "signal", None, {"name": "SIGINT"}),
    Event(9100, "signal received", None, {"signal": "SIGINT"}),
    Event(9200, "cancel requested", 1, {"by": "signal handler", "signal": "SIGINT", "at": "a.py:1"}),
    Event(9200, "cancel requested", 2, {"by": "task", "requester": 1, "handed on": True, "at": "a.py:1"}),
    Event(9300, "cancel requested", 2, {"by": "task", "requester": 2, "at": "a.py:2"}),
    Event(9400, "cancel delivered", 2),
    Event(9400, "step", 2),
    Event(9500, "suspended", 2, {**WAIT, "cleanup": True, "cancelling": True}),
    Event(9600, "step", 2),
    Event(9700, "ended", 2, {"how": "failed", "error": "ValueError"}),
    Event(9700, "complaint", 2, {"what": "never retrieved"}),
    Event(9750, "complaint", None, {"what": "never awaited", "coro": "job"}),
    Event(9800, "closing", None, {"loop": 1}),
    Event(9900, "closed", None, {"loop": 1}),
    Event(9950, "of tomorrow", None, {"loop": [3], "requester": [1], "why\n": {"a": ["b\n", None, 1.5]}}),
    Event(9960, "of tomorrow", 1),
    Event(10_000, "exit", None, {"status": 130}),
)
RECORD = Record(EVENTS, "prö.py\n", "3.14.0", ("something is missing\x1b",))


def check_trace(trace: dict[str, Any]) -> None:
    """Check what Perfetto and chrome://tracing ask of a trace."""
    assert trace["displayTimeUnit"] in ("ms", "ns")
    rows: list[dict[str, Any]] = trace["traceEvents"]
    order = [(row["ts"], row["ph"] != "X") for row in rows if row["ph"] != "M"]
    assert order == sorted(order)
    assert all(isinstance(time, float) and time >= 0 for time, _ in order)
    for text in strings(trace):
        assert text.isprintable()
        assert not text.endswith("\\")
    names = {(row["name"], row["pid"], row.get("tid")) for row in rows if row["ph"] == "M"}
    for row in rows:
        assert isinstance(row["pid"], int)
        assert row["name"] or row["ph"] == "X"
        assert ("process_name", row["pid"], None) in names
        assert "tid" not in row or ("thread_name", row["pid"], row["tid"]) in names
        assert ("tid" in row) == (row["ph"] in "Xsf" or row.get("s") == "t" or row["name"].startswith("thread_"))
        assert (row["ph"] == "i") == ("s" in row)
    check_spans(rows)
    check_arrows(rows)


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.items() if isinstance(value, dict) else value:
            yield from strings(list(inner) if isinstance(inner, tuple) else inner)


def nanoseconds(microseconds: float) -> int:
    """What a viewer makes of a time, whether it rounds or cuts off."""
    assert int(microseconds * 1000) == round(microseconds * 1000)
    return int(microseconds * 1000)


def check_spans(rows: list[dict[str, Any]]) -> None:
    """On a track no span begins before the one before it has ended."""
    ends: dict[tuple[int, int], int] = {}
    for row in rows:
        if row["ph"] == "X":
            track, start = (row["pid"], row["tid"]), nanoseconds(row["ts"])
            assert ends.get(track, start) == start
            ends[track] = start + nanoseconds(row["dur"])


def check_arrows(rows: list[dict[str, Any]]) -> None:
    """An arrow is a start, on a track that has had a span, and right after it the end, tied to the instant before."""
    seen: dict[Any, set[tuple[int, int]]] = defaultdict(set)
    identities = set()
    for index, row in enumerate(rows):
        if row["ph"] == "s":
            instant, end = rows[index - 1], rows[index + 1]
            assert (instant["ph"], end["ph"], end["bp"]) == ("i", "f", "e")
            assert row["ts"] == instant["ts"] == end["ts"]
            assert (instant["pid"], instant["tid"]) == (end["pid"], end["tid"]) != (row["pid"], row["tid"])
            assert (row["pid"], row["tid"]) in seen["X"]
            assert all(row[name] == end[name] for name in ("id", "cat", "name"))
            identities.add(row["id"])
        seen[row["ph"]].add((row["pid"], row.get("tid", 0)))
    count = [row["ph"] for row in rows].count
    assert count("s") == count("f") == len(identities)


def rows_of(*phases: str) -> list[dict[str, Any]]:
    return [row for row in chrome_trace(RECORD)["traceEvents"] if row["ph"] in phases]


def test_a_trace_is_as_the_viewers_want_it() -> None:
    check_trace(chrome_trace(RECORD))
    check_trace(chrome_trace(Record(())))
    check_trace(chrome_trace(Record(EVENTS[1:9])))  # nothing was said of the loop


def test_tracks_have_the_names_of_loops_and_tasks() -> None:
    named = [(row["name"], row["pid"], row.get("tid"), *row["args"].values()) for row in rows_of("M")]
    assert named == [
        ("process_name", 1, None, "loop 1: _UnixSelectorEventLoop in MainThread"),
        ("process_sort_index", 1, None, 1),
        ("process_name", 2, None, "loop 2: Loop in wörker\\n"),
        ("process_sort_index", 2, None, 2),
        ("thread_name", 1, 1, "main"),
        ("thread_sort_index", 1, 1, 1),
        ("thread_name", 1, 2, "job"),
        ("thread_sort_index", 1, 2, 2),
        ("thread_name", 2, 3, "🦑\\ud800\\x1b\\x7f\\ "),
        ("thread_sort_index", 2, 3, 3),
    ]


def test_spans_are_those_of_the_timeline() -> None:
    spans = {(row["tid"], nanoseconds(row["ts"]), nanoseconds(row["dur"])): row for row in rows_of("X")}
    expected = {
        (lane.task, span.start, span.end - span.start): (span.state, span.on, span.at)
        for lane in RECORD.timeline.lanes
        for span in lane.spans
    }
    shown = {
        key: (row["args"]["state"], row["args"].get("on", ""), row["args"].get("at", "")) for key, row in spans.items()
    }
    assert shown == expected
    assert [row["name"] for row in rows_of("X") if row["tid"] == 2] == [
        "not started",
        "running",
        "queued: Semaphore",
        "running",
        "cleaning up: sleep",
        "cleaning up",
    ]
    assert next(row for row in rows_of("X") if row["name"] == "queued: Semaphore") == {
        "ph": "X",
        "name": "queued: Semaphore",
        "cat": "state",
        "pid": 1,
        "tid": 2,
        "ts": 3.0,
        "dur": 1.4,
        "args": {"state": "queued", "on": "Semaphore", "at": "a.py:9"},
    }


def test_instants_are_where_they_belong() -> None:
    instants = [(row["s"], row["pid"], row.get("tid"), row["name"], row["args"]) for row in rows_of("i")]
    assert instants == [
        ("t", 1, 2, "begun", {"what": "begun", "job": "job"}),
        ("g", 1, None, "SIGINT sent", {"name": "SIGINT"}),
        ("g", 1, None, "SIGINT received", {"signal": "SIGINT"}),
        ("t", 1, 1, "cancel requested", {"by": "signal handler", "signal": "SIGINT", "at": "a.py:1"}),
        ("t", 1, 2, "cancel requested", {"by": "task", "requester": "main", "handed on": True, "at": "a.py:1"}),
        ("t", 1, 2, "cancel requested", {"by": "task", "requester": "job", "at": "a.py:2"}),
        ("t", 1, 2, "cancel delivered", {}),
        ("t", 1, 2, "failed", {"how": "failed", "error": "ValueError"}),
        ("t", 1, 2, "complaint: never retrieved", {"what": "never retrieved"}),
        ("g", 1, None, "complaint: never awaited", {"what": "never awaited", "coro": "job"}),
        ("p", 1, None, "closing", {"loop": 1}),
        ("p", 1, None, "closed", {"loop": 1}),
        ("g", 1, None, "of tomorrow", {"loop": [3], "requester": [1], "why\\n": {"a": ["b\\n", None, 1.5]}}),
        ("t", 1, 1, "of tomorrow", {}),
        ("g", 1, None, "exit: 130", {"status": 130}),
    ]


def test_an_arrow_leads_from_the_task_that_asked_to_the_one_that_it_cancelled() -> None:
    (start, end) = rows_of("s", "f")
    assert (start["ph"], start["tid"], start["ts"]) == ("s", 1, 4.2)
    assert (end["ph"], end["tid"], end["ts"]) == ("f", 2, 4.2)


def test_the_counter_leaves_the_main_task_out() -> None:
    counts = [(nanoseconds(row["ts"]), *row["args"].values()) for row in rows_of("C")]
    assert list(rows_of("C")[0]["args"]) == ["created", "active", "queued", "cleaning"]
    assert counts == [
        (0, 0, 0, 0, 0),
        (1001, 1, 0, 0, 0),
        (2000, 0, 1, 0, 0),
        (3000, 0, 0, 1, 0),
        (3600, 1, 0, 1, 0),
        (4400, 1, 1, 0, 0),
        (4500, 1, 0, 0, 1),
        (4700, 1, 0, 0, 0),
    ]


def test_times_are_exact_to_the_nanosecond() -> None:
    steps = (Event(1000 + 7 * n, "suspended" if n % 2 else "step", 1, WAIT if n % 2 else {}) for n in range(3000))
    made = Event(0, "created", 1, {"name": "", "coro": "", "loop": 1})
    record = Record((made, *steps))
    check_trace(chrome_trace(record))
    spans = [row for row in chrome_trace(record)["traceEvents"] if row["ph"] == "X"]
    assert [nanoseconds(row["ts"]) for row in spans] == [0, *(1000 + 7 * n for n in range(3000))]
    with pytest.raises(AssertionError):  # as a simple division would have it
        nanoseconds(1.001)


def test_the_file_is_utf_8_and_always_the_same(tmp_path: Path) -> None:
    write_chrome(RECORD, tmp_path / "one.json")
    write_chrome(RECORD, tmp_path / "two.json")
    data = (tmp_path / "one.json").read_bytes()
    assert data == (tmp_path / "two.json").read_bytes()
    assert json.loads(data.decode()) == chrome_trace(RECORD)
    assert json.loads(data)["otherData"] == {
        "program": "prö.py\\n",
        "python": "3.14.0",
        "notes": ["something is missing\\x1b"],
    }
    assert b"\\u" not in data.replace(b"\\\\ud800", b"")  # Perfetto does not read a pair of escapes
    assert data.count(b"\n") == 2 + len(chrome_trace(RECORD)["traceEvents"])


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(CancelkitError, match=r"cannot write '.*there/a.json': No such file or directory"):
        write_chrome(RECORD, tmp_path / "not there" / "a.json")
    with pytest.raises(CancelkitError, match="Is a directory"):
        write_chrome(RECORD, tmp_path)


def test_what_is_read_of_a_file_can_be_exported() -> None:
    data = b'{"cancelkit record": 1}\n{"time": 1, "kind": "odd", "loop": {}, "requester": {"__class__": "{0}"}}\n'
    check_trace(chrome_trace(parse_record(data)))


def test_reading_and_exporting_import_nothing_that_is_slow() -> None:
    code = "import sys, cancelkit.trace.chrome; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert not loaded & {"asyncio", "IPython", "matplotlib", "numpy", "rich"}
