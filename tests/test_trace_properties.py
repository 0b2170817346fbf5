"""What holds for the record of any run: its timeline has no gaps and no overlaps, and its file says the same."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from test_trace_chrome import check_trace

from cancelkit.trace.builder import timeline_of
from cancelkit.trace.chrome import chrome_trace
from cancelkit.trace.events import Event
from cancelkit.trace.record import Record, lines_of, notes_of, parse_record
from cancelkit.trace.states import State, Tracker
from cancelkit.trace.timeline import Lane

pytestmark = pytest.mark.core

Choice = tuple[int, int, int, int]
"""What to try next; how much later; and two choices of how."""

ENDS = ({"how": "finished"}, {"how": "cancelled"}, {"how": "failed", "error": "ValueError"})
REPORTS = ("begun", "holding", "cleanup begun", "cleanup halfway", "cleanup finished")
OF_PROCESS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("signal", {"name": "SIGINT"}),
    ("signal received", {"signal": "SIGTERM"}),
    ("handler", {"signal": "SIGINT", "handler": "stop", "before": "default"}),
    ("waiting", {"counts": {"active": 1}}),
    ("closing", {"loop": 1}),
    ("closed", {"loop": 1}),
    ("forked", {}),
    ("complaint", {"what": "never awaited", "coro": "job"}),
    ("end of the record", {"why": "No space left on device"}),
    ("exit", {"status": -2}),
    ("a kind of a later version", {"loop": [1]}),
)


class Run:
    """Plays the tasks of a program by choices, and writes the events; what is not possible just now is left out."""

    def __init__(self) -> None:
        self.events = [Event(10, "loop", None, {"loop": n, "type": "Loop", "thread": "a thread"}) for n in (1, 2)]
        self.loops: list[int] = []
        self.running: dict[int, int] = {}
        self.ended: set[int] = set()
        self.asked: set[int] = set()
        self.reached: set[int] = set()

    def play(self, choices: Sequence[Choice], names: Sequence[str] = ("job",)) -> tuple[Event, ...]:
        moves = (
            self.make,
            self.step,
            self.suspend,
            self.cancel,
            self.end,
            self.end,
            self.report,
            self.name,
            self.process,
        )
        self.time, self.names = 10, names
        for move, later, how, which in choices:
            self.time += later
            moves[move % len(moves)](how, which)
        return tuple(self.events)

    def say(self, kind: str, task: int | None = None, **detail: Any) -> None:
        self.events.append(Event(self.time, kind, task, detail))

    def alive(self, which: int) -> int | None:
        tasks = [task for task in range(1, len(self.loops) + 1) if task not in self.ended]
        return tasks[which % len(tasks)] if tasks else None

    def make(self, how: int, which: int) -> None:
        self.loops.append(1 + how % 2)
        task = len(self.loops)
        self.say("created", task, name=self.names[which % len(self.names)], coro="work", loop=self.loops[-1])
        if self.loops.count(self.loops[-1]) == 1:
            self.say("main", task)

    def step(self, how: int, which: int) -> None:
        task = self.alive(which)
        if task is None or self.loops[task - 1] in self.running:
            return
        if task in self.asked:
            self.asked.discard(task)
            self.reached.add(task)
            self.say("cancel delivered", task)
            if how == 0:
                self.ended.add(task)
                self.say("ended", task, how="cancelled")
                return
        self.running[self.loops[task - 1]] = task
        self.say("step", task)

    def suspend(self, how: int, which: int) -> None:
        if (task := self.running.pop(1 + which % 2, None)) is not None:
            on = ("sleep", "Semaphore", "BoundedSemaphore", "TaskGroup")[how % 4]
            cancelling = {"cancelling": True} if task in self.reached and how % 3 else {}
            self.say("suspended", task, on=on, at="a.py:1" if how else "", cleanup=how % 5 == 0, **cancelling)

    def end(self, how: int, which: int) -> None:
        if (task := self.running.pop(1 + which % 2, None)) is not None:
            self.ended.add(task)
            self.say("ended", task, **ENDS[how % len(ENDS)], **({"cancelling": True} if task in self.reached else {}))

    def cancel(self, how: int, which: int) -> None:
        if (task := self.alive(which)) is not None:
            self.asked.add(task)
            by: dict[str, Any] = {"by": "callback", "callback": "Timeout._on_timeout"}
            if how and (requester := self.running.get(1 + how % 2)) is not None:
                by = {"by": "task", "requester": requester}
            self.say("cancel requested", task, **by, at="a.py:2")

    def report(self, how: int, which: int) -> None:
        self.say(
            "report", self.running.get(1 + which % 2), what=REPORTS[how % 5], job=self.names[which % len(self.names)]
        )

    def name(self, how: int, which: int) -> None:
        if (task := self.alive(which)) is not None:
            self.say("named", task, name=self.names[how % len(self.names)])

    def process(self, how: int, which: int) -> None:
        kind, detail = OF_PROCESS[(how + 5 * which) % len(OF_PROCESS)]
        self.say(kind, None, **detail)


def for_all(check: Callable[..., None], examples: int, **arguments: Callable[[Any], Any]) -> None:
    """Check with arguments that hypothesis finds, each from a strategy that is made of its `strategies`."""
    hypothesis = pytest.importorskip("hypothesis")
    strategies = pytest.importorskip("hypothesis.strategies")
    given = hypothesis.given(**{name: make(strategies) for name, make in arguments.items()})
    hypothesis.settings(deadline=None, max_examples=examples, database=None)(given(check))()


def some_choices(st: Any) -> Any:
    return st.lists(st.tuples(st.integers(0, 8), st.integers(0, 3), st.integers(0, 5), st.integers(0, 4)), max_size=60)


def some_names(st: Any) -> Any:
    # Two halves of a surrogate pair next to each other are one character once they have been JSON.
    return st.lists(st.text(st.characters(), max_size=5).map(joined), min_size=1, max_size=3)


def joined(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def check_life(lane: Lane, events: Sequence[Event]) -> None:
    """The spans of a lane are the task's life, from its creation to its end or that of the record."""
    start = events[0].time
    made = next(event for event in events if event.kind == "created" and event.task == lane.task)
    end = next((event for event in events if event.kind == "ended" and event.task == lane.task), None)
    assert lane.spans[0].start == made.time - start
    assert lane.spans[0].state is State.NOT_STARTED
    assert all(span.start <= span.end for span in lane.spans)
    assert all(one.end == other.start for one, other in itertools.pairwise(lane.spans))
    assert lane.spans[-1].end == (events[-1] if end is None else end).time - start
    assert lane.end == (State.ABANDONED if end is None else end.detail["how"])


def check_timeline(choices: Sequence[Choice]) -> None:
    events = Run().play(choices)
    timeline = timeline_of(events)
    assert [lane.task for lane in timeline.lanes] == [event.task for event in events if event.kind == "created"]
    for lane in timeline.lanes:
        check_life(lane, events)
    tracker = Tracker()
    for event, later in itertools.pairwise(events):
        tracker.feed(event)
        if later.time > event.time:  # so there is a time at which this is the last that has happened
            now = event.time - events[0].time
            states = {
                lane.task: next((span.state for span in lane.spans if span.start <= now < span.end), None)
                for lane in timeline.lanes
                if lane.spans[0].start <= now
            }
            assert {task: state for task, state in states.items() if state} == {
                task: state for task, state in tracker.states.items() if not state.is_end
            }


def test_lanes_are_whole_lives() -> None:
    for_all(check_timeline, 200, choices=some_choices)


def check_prefixes(choices: Sequence[Choice]) -> None:
    events = Run().play(choices)
    tracker = Tracker()
    for count, event in enumerate(events, 1):
        tracker.feed(event)
        lanes = timeline_of(events[:count]).lanes
        assert {lane.task for lane in lanes} == set(tracker.states)
        for lane in lanes:
            check_life(lane, events[:count])
            state = tracker.states[lane.task]
            assert state == (lane.end if state.is_end else lane.spans[-1].state)


def test_a_record_that_ends_anywhere_has_a_timeline_that_ends_there() -> None:
    for_all(check_prefixes, 50, choices=some_choices)


def recorded(choices: Sequence[Choice], names: Sequence[str], extra: Any = None) -> Record:
    events = [
        Event(event.time, event.kind, event.task, {**event.detail, "of a later version": extra})
        for event in Run().play(choices, names)
    ]
    return Record(tuple(events), names[0], names[-1], tuple(dict.fromkeys((*names, *notes_of(events)))))


def some_value(st: Any) -> Any:
    text = st.text(st.characters(), max_size=5).map(joined)
    return st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
        max_leaves=5,
    )


def check_round_trip(choices: Sequence[Choice], names: Sequence[str], extra: Any) -> None:
    record = recorded(choices, names, extra)
    data = b"".join(lines_of(record))
    assert data.isascii()
    assert data.count(b"\n") == 1 + len(record.events)
    assert parse_record(data) == record


def test_any_record_that_is_written_is_read() -> None:
    for_all(check_round_trip, 100, choices=some_choices, names=some_names, extra=some_value)


def check_cut(choices: Sequence[Choice], names: Sequence[str], place: float) -> None:
    record = recorded(choices, names)
    data = b"".join(lines_of(record))
    cut = parse_record(data[: 1 + int(place * (len(data) - 2))])
    assert cut.events == record.events[: len(cut.events)]
    assert "cut off" in cut.notes[-1]
    assert parse_record(b"".join(lines_of(cut))) == cut


def test_a_record_that_is_cut_off_anywhere_is_a_prefix_and_says_so() -> None:
    for_all(check_cut, 200, choices=some_choices, names=some_names, place=lambda st: st.floats(0, 1))


def check_export(choices: Sequence[Choice], names: Sequence[str], extra: Any) -> None:
    record = recorded(choices, names, extra)
    trace = chrome_trace(record)
    check_trace(trace)
    rows = trace["traceEvents"]
    assert [row["ph"] for row in rows].count("X") == sum(len(lane.spans) for lane in record.timeline.lanes)
    requests = [
        e for e in record.events if e.kind == "cancel requested" and e.detail.get("requester", e.task) != e.task
    ]
    assert [row["ph"] for row in rows].count("s") == len(requests)


def test_any_record_can_be_exported() -> None:
    for_all(check_export, 100, choices=some_choices, names=some_names, extra=some_value)


def test_these_properties_are_of_runs_in_which_everything_happens() -> None:
    chance = random.Random(7)
    choices = [
        (chance.randrange(9), chance.randrange(4), chance.randrange(6), chance.randrange(5)) for _ in range(3000)
    ]
    run = Run().play(choices)
    kinds = {event.kind for event in run}
    assert {"created", "main", "named", "step", "suspended", "cancel requested", "cancel delivered", "ended"} <= kinds
    assert kinds >= {kind for kind, _ in OF_PROCESS}
    lanes = timeline_of(run).lanes
    assert {lane.loop for lane in lanes} == {1, 2}
    assert {span.state for lane in lanes for span in lane.spans} == {state for state in State if not state.is_end}
    assert {lane.end for lane in lanes} == {state for state in State if state.is_end}
    assert any(len(lane.spans) == 1 and lane.end is State.CANCELLED for lane in lanes)
    check_timeline(choices)
    trace = chrome_trace(Record(run))
    check_trace(trace)
    assert [row["ph"] for row in trace["traceEvents"]].count("s") > 1
