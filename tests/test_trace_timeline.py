"""Timelines: events put together into lanes, marks and jobs, and the text that stands for the picture."""

from typing import Any

import pytest

from cancelkit.trace.builder import timeline_of
from cancelkit.trace.events import Event
from cancelkit.trace.states import Counts, State
from cancelkit.trace.timeline import Job, Mark, Span, Timeline

pytestmark = pytest.mark.core


def events(*rows: tuple[Any, ...]) -> tuple[Event, ...]:
    """Events from (time, kind, task, detail) with what does not matter left out."""
    whole = []
    for time, kind, task, *rest in rows:
        detail = {
            "name": f"Task-{task}",
            "coro": "job",
            "on": "",
            "cleanup": False,
            "cancelling": False,
            "how": "finished",
        }
        whole.append(Event(time, kind, task, detail | dict(*rest)))
    return tuple(whole)


INTERRUPTED = events(
    (100, "created", 1, {"name": "Task-1"}),
    (100, "main", 1),
    (100, "step", 1),
    (110, "created", 2, {"name": "job-1"}),
    (111, "created", 3, {"name": "job-2"}),
    (112, "created", 4, {"name": "job-3"}),
    (120, "suspended", 1, {"on": "TaskGroup"}),
    (121, "step", 2),
    (122, "report", 2, {"what": "begun", "job": "job-1"}),
    (123, "suspended", 2, {"on": "sleep"}),
    (124, "step", 3),
    (125, "suspended", 3, {"on": "Semaphore"}),
    (150, "signal", None, {"name": "SIGINT"}),
    (160, "cancel requested", 2, {"by": "task", "requester": 1, "at": "service.py:3"}),
    (161, "cancel requested", 4, {"by": "task", "requester": 2, "handed on": True}),
    (170, "cancel delivered", 2),
    (170, "step", 2),
    (171, "report", 2, {"what": "cleanup begun", "job": "job-1"}),
    (172, "suspended", 2, {"on": "sleep", "cleanup": True, "cancelling": True}),
    (173, "cancel delivered", 4),
    (174, "ended", 4, {"how": "cancelled"}),
    (175, "step", 3),
    (176, "report", 3, {"what": "begun", "job": "job-2"}),
    (177, "suspended", 3, {"on": "sleep"}),
    (180, "signal", None, {"name": "SIGTERM"}),
    (190, "step", 2),
    (191, "report", 2, {"what": "cleanup finished", "job": "job-1"}),
    (192, "ended", 2, {"how": "cancelled"}),
    (193, "ended", 1, {"how": "failed"}),
    (200, "exit", None, {"status": -2}),
)

TEXT = """\
main   not started → running → awaiting → failed
job-1  not started → running → awaiting → cleaning up → cancelled
job-2  not started → running → queued → awaiting → abandoned
job-3  not started → cancelled (cancelled before its first step: its cleanup never had a chance)
signal 1: SIGINT, landed on 1 created, 1 active, 1 queued
signal 2: SIGTERM, landed on 1 active, 1 cleaning, 1 ended
job-2: began late
job-2: no cleanup"""


@pytest.fixture
def timeline() -> Timeline:
    return timeline_of(INTERRUPTED)


def test_text(timeline: Timeline) -> None:
    assert str(timeline) == TEXT


def test_nothing_has_no_text() -> None:
    assert str(timeline_of(())) == ""
    assert timeline_of(()).jobs_begun_late == ()


def test_spans_follow_each_other_without_gaps(timeline: Timeline) -> None:
    for lane in timeline.lanes:
        assert all(one.end == other.start for one, other in zip(lane.spans, lane.spans[1:], strict=False))
    assert timeline.lanes[1].spans == (
        Span(State.NOT_STARTED, 10, 21),
        Span(State.RUNNING, 21, 23),
        Span(State.AWAITING, 23, 70, "sleep"),
        Span(State.RUNNING, 70, 72),
        Span(State.CLEANING, 72, 90, "sleep"),
        Span(State.CLEANING, 90, 92),
    )


def test_a_task_that_has_not_ended_is_drawn_to_the_end(timeline: Timeline) -> None:
    assert timeline.duration == 100
    assert timeline.lanes[2].end is State.ABANDONED
    assert timeline.lanes[2].spans[-1] == Span(State.AWAITING, 77, 100, "sleep")


def test_marks(timeline: Timeline) -> None:
    assert timeline.lanes[1].marks == (
        Mark("begun", 22),
        Mark("cancel requested", 60, "by main at service.py:3"),
        Mark("cancel delivered", 70),
        Mark("cleanup begun", 71),
        Mark("cleanup finished", 91),
    )
    assert [mark.what for mark in timeline.lanes[3].marks] == ["cancel requested", "cancel delivered"]


def test_jobs_and_signals(timeline: Timeline) -> None:
    assert timeline.jobs == (
        Job("job-1", begun=22, cleanup_begun=71, cleanup_finished=91),
        Job("job-2", begun=76),
    )
    assert timeline.jobs_begun_late == (Job("job-2", begun=76),)
    assert [(mark.number, mark.name, mark.time) for mark in timeline.signals] == [(1, "SIGINT", 50), (2, "SIGTERM", 80)]
    assert timeline.signals[0].landed == Counts(created=1, active=1, queued=1, begun=1)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("Task-12", "Server.serve"),
        ("None", "Server.serve"),
        ("Task-12b", "Task-12b"),
        ("", ""),
        ("a\nb\x1b[2J\ud800\u202e", "a\\nb\\x1b[2J\\ud800\\u202e"),
        ("ä🦑 [red]$x$", "ä🦑 [red]$x$"),
    ],
)
def test_titles(name: str, title: str) -> None:
    made = events((0, "created", 1), (0, "main", 1), (0, "created", 2, {"name": name, "coro": "Server.serve"}))
    assert timeline_of(made).lanes[1].name == title
    renamed = (*made, *events((1, "named", 2, {"name": "renamed"})))
    assert timeline_of(renamed).lanes[1].name == "renamed"


def test_short_steps_are_not_told() -> None:
    steps = [(time, kind, 1) for time in range(1, 9, 2) for kind in ("step", "suspended")]
    lane = timeline_of(events((0, "created", 1), *steps, (9, "step", 1), (9, "ended", 1))).lanes[0]
    assert [str(state) for state in lane.states] == ["not started", "running", "awaiting", "finished"]
    assert len(lane.spans) == 10
