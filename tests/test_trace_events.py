"""Events: what is written is what is read, however the program ended, and what is no record is said to be none."""

import json
import string

import pytest

from cancelkit.errors import BadRecordError
from cancelkit.trace.events import Event, header_line, in_order, read_events

pytestmark = pytest.mark.core

EVENTS = (
    Event(1, "created", 1, {"name": "ä🦑\ud800\n\x1b", "coro": "main", "main": True}),
    Event(2, "step", 1),
    Event(3, "suspended", 1, {"on": "sleep", "at": "a b\n.py:3", "cleanup": False, "cancelling": False}),
    Event(3, "waiting", None, {"counts": {"active": 1}}),
    Event(4, "report", 1, {"what": "begun", "job": "job-1"}),
    Event(4, "report", None, {"what": "begun", "job": ""}),
    Event(5, "signal", None, {"name": "SIGINT"}),
    Event(6, "cancel requested", 1),
    Event(6, "cancel delivered", 1),
    Event(7, "ended", 1, {"how": "cancelled"}),
    Event(8, "exit", None, {"status": -2}),
    Event(9, "a kind of a later version", None, {"anything": [None, {"at": "all"}]}),
)


def record_of(*events: Event) -> bytes:
    return header_line() + b"".join(event.to_line() for event in events)


def test_what_is_written_is_read() -> None:
    assert read_events(record_of(*EVENTS)) == EVENTS


def test_any_event_that_is_written_is_read() -> None:
    hypothesis = pytest.importorskip("hypothesis")
    st = pytest.importorskip("hypothesis.strategies")
    text = st.text(st.characters())
    value = st.recursive(
        st.none() | st.booleans() | st.integers() | text,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
        max_leaves=5,
    )
    detail = st.dictionaries(text.filter(lambda name: name not in ("time", "kind", "task")), value, max_size=4)
    must_say = {"name": "", "coro": "", "on": "", "at": "", "cleanup": True, "cancelling": True, "how": "failed"}
    kinds = ["created", "named", "step", "suspended", "cancel requested", "ended", "something else"]
    event = st.builds(
        lambda time, kind, task, detail: Event(time, kind, task, detail | must_say),
        st.integers(min_value=0),
        st.sampled_from(kinds),
        st.integers(1, 3),
        detail,
    )

    @hypothesis.settings(deadline=None, max_examples=50, database=None)  # type: ignore[untyped-decorator]
    @hypothesis.given(st.lists(event, max_size=5))  # type: ignore[untyped-decorator]
    def check(events: list[Event]) -> None:
        made = [Event(0, "created", task, {"name": "", "coro": ""}) for task in (1, 2, 3)]
        assert read_events(record_of(*made, *events)) == (*made, *events)

    check()


def test_a_record_that_was_cut_off_is_read_up_to_there() -> None:
    whole = record_of(*EVENTS)
    for length in range(len(whole)):
        complete = max(0, whole[:length].count(b"\n") - 1)
        assert read_events(whole[:length]) == EVENTS[:complete]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("not JSON", "line 3 of the record is not a JSON object: b'not JSON'"),
        ("[1]", "is not a JSON object"),
        ("\x00\xff", "is not a JSON object"),
        ('{"kind": "step", "task": 1}', "line 3 of the record does not say 'time'"),
        ('{"time": 1, "task": 1}', "does not say 'kind'"),
        ('{"time": 1, "kind": "ended", "task": 1}', "does not say 'how'"),
        ('{"time": 1, "kind": "report", "task": 1, "job": "x"}', "does not say 'what'"),
        ('{"time": 1, "kind": "signal"}', "does not say 'name'"),
        ('{"time": "1", "kind": "step", "task": 1}', "has a time, kind or task of the wrong type: '1'"),
        ('{"time": 1, "kind": ["step"], "task": 1}', "wrong type"),
        ('{"time": 1, "kind": "step", "task": [1]}', "wrong type"),
        ('{"time": 1, "kind": "step", "task": 2}', "is about task 2, which no line before it created"),
        ('{"time": 1, "kind": "step"}', "is about task None"),
        ('{"time": 1, "kind": "ended", "task": 1, "how": "well"}', "has a task end 'well'"),
    ],
)
def test_a_line_that_is_no_event(line: str, says: str) -> None:
    with pytest.raises(BadRecordError) as caught:
        read_events(record_of(EVENTS[0]) + line.encode("latin-1") + b"\n")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (b'{"cancelkit record": 2}\n', "says version 2; this cancelkit reads version 1"),
        (b'{"time": 1, "kind": "signal"}\n', "says version None"),
        (b"\x89PNG\r\n\x1a\n", "line 1 of the record is not a JSON object"),
    ],
)
def test_a_file_that_is_no_record(record: bytes, says: str) -> None:
    with pytest.raises(BadRecordError, match=says):
        read_events(record)


def test_each_line_is_text_that_any_tool_reads() -> None:
    for line in record_of(*EVENTS).splitlines():
        assert isinstance(json.loads(line), dict)
        assert set(line.decode()) <= set(string.printable)


def test_order_is_by_time_and_otherwise_kept() -> None:
    events = [Event(2, "a"), Event(1, "b"), Event(2, "c"), Event(1, "d")]
    assert [event.kind for event in in_order(events)] == ["b", "d", "a", "c"]
