"""The table of a timeline: one row per task, or one for many."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from cancelkit.trace.states import State
from cancelkit.trace.table import MOST_ROWS, Row, first_of, rows_of
from cancelkit.trace.timeline import Lane, Span, Timeline

pytestmark = pytest.mark.core

TIMES = "\N{MULTIPLICATION SIGN}"
WAITS = (State.NOT_STARTED, State.RUNNING, State.AWAITING)


def lane(
    number: int, coro: str = "job", states: Sequence[State] = WAITS, end: State = State.FINISHED, *remarks: str
) -> Lane:
    spans = tuple(Span(state, start, start + 1) for start, state in enumerate(states))
    return Lane(number, f"job-{number}", number == 0, spans, (), end, remarks, coro)


def rows(*lanes: Lane) -> list[Row]:
    return rows_of(Timeline(lanes, (), (), 10))


def test_few_tasks_have_a_row_each() -> None:
    assert rows() == []
    few = [lane(number) for number in range(MOST_ROWS)]
    assert rows(*few) == [Row(f"job-{number}", "not started → running → awaiting → finished") for number in range(40)]


def test_many_tasks_with_the_same_states_have_one() -> None:
    jobs = [lane(number) for number in range(1, 20_000)]
    jobs[100] = lane(101, "job", WAITS, State.FAILED)
    jobs[200] = lane(201, "other")
    jobs[300] = lane(301, "job", WAITS, State.FINISHED, "swallowed its cancellation")
    table = rows(lane(0, "main"), *jobs)
    assert [(row.title, row.what.rpartition(" → ")[2]) for row in table] == [
        ("job-0", "finished"),
        (f"job {TIMES} 19,996", "finished"),
        ("job-101", "failed"),
        ("job-201", "finished"),
        ("job-301", "finished (swallowed its cancellation)"),
    ]


def test_of_very_many_kinds_the_interesting_ones_are_shown() -> None:
    jobs = [lane(number, f"job_{number % 100}") for number in range(1, 1000)]
    jobs += [lane(1000 + number, f"late_{number}", WAITS, State.ABANDONED) for number in range(10)]
    table = rows(lane(0, "main"), *jobs)
    assert len(table) == MOST_ROWS
    assert [row.title for row in table[:3]] == ["job-0", f"job_1 {TIMES} 10", f"job_2 {TIMES} 10"]
    assert [row.title for row in table[-11:-1]] == [f"job-{1000 + number}" for number in range(10)]
    assert (table[-1].title, table[-1].what) == (f"others {TIMES} 719", "of 72 other kinds")
    assert sum(row.count for row in table) == 1010


def test_very_many_states_are_cut_in_the_middle() -> None:
    (row,) = rows(lane(1, "job", (State.QUEUED, State.AWAITING) * 1000, State.CANCELLED, "cancelled twice"))
    assert row.what.startswith("queued → awaiting → queued → ")
    assert row.what.endswith(" → awaiting → cancelled (cancelled twice)")
    assert row.what.count(" → … → ") == 1
    assert row.what.count("→") == 12


def test_lines_that_are_too_many() -> None:
    assert first_of(["a"] * 21) == ["a"] * 21
    assert first_of(["a"] * 1022) == [*["a"] * 20, "… and 1,002 more"]
