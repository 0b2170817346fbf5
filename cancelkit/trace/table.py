"""A timeline as a table that fits a screen: a row per task, or one for many of the same kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cancelkit.trace.states import State
from cancelkit.trace.timeline import Lane, Timeline

MOST_ROWS = 40
_MOST_LINES = 20
_MOST_STATES = 12


@dataclass(frozen=True, slots=True)
class Row:
    """What became of `count` tasks.

    Attributes:
        name: of the task, or of the coroutine that all of them ran.
        what: their states in order, and what is remarkable about them.
        count: how many they are.
    """

    name: str
    what: str
    count: int = 1

    @property
    def title(self) -> str:
        """The name, and how many there are if there are several."""
        return self.name if self.count == 1 else f"{self.name} × {self.count:,}"  # noqa: RUF001 - a multiplication


def rows_of(timeline: Timeline) -> list[Row]:
    """The tasks in order of creation; if they are many, those with the same coroutine and states in one row.

    If that is too much as well, tasks that failed, were abandoned or are remarkable have a row before others have, and
    the last row says how many more there are.
    """
    if len(timeline.lanes) <= MOST_ROWS:
        return [_row_of([lane]) for lane in timeline.lanes]
    kinds: dict[tuple[bool, str, str], list[Lane]] = {}
    for lane in timeline.lanes:
        kinds.setdefault((lane.is_main, lane.coro, _history(lane)), []).append(lane)
    lanes_of = list(kinds.values())
    if len(lanes_of) <= MOST_ROWS:
        return [_row_of(lanes) for lanes in lanes_of]
    by_interest = sorted(range(len(lanes_of)), key=lambda kind: not _is_of_interest(lanes_of[kind][0]))
    shown, left_out = sorted(by_interest[: MOST_ROWS - 1]), by_interest[MOST_ROWS - 1 :]
    others = Row("others", f"of {len(left_out):,} other kinds", sum(len(lanes_of[kind]) for kind in left_out))
    return [*(_row_of(lanes_of[kind]) for kind in shown), others]


def text_of(timeline: Timeline) -> str:
    """What a picture of the timeline shows, in words."""
    rows = rows_of(timeline)
    width = max((len(row.title) for row in rows), default=0)
    lines = [f"{row.title:<{width}}  {row.what}" for row in rows]
    lists = (timeline.signals, timeline.alarms, timeline.complaints)
    return "\n".join([*lines, *(line for each in lists for line in first_of([*map(str, each)]))])


def first_of(lines: Sequence[str]) -> list[str]:
    """Lines, or the first of them and how many more there are."""
    more = len(lines) - _MOST_LINES
    return [*lines[:_MOST_LINES], f"… and {more:,} more"] if more > 1 else list(lines)


def _row_of(lanes: Sequence[Lane]) -> Row:
    first = lanes[0]
    return Row(first.coro if len(lanes) > 1 else first.name, _history(first), len(lanes))


def _history(lane: Lane) -> str:
    """What became of a task, as it says itself, but for the middle of very many states."""
    states: list[str] = list(lane.states)
    if len(states) > _MOST_STATES:
        states[_MOST_STATES // 2 : -_MOST_STATES // 2] = ["…"]
    remarks = f" ({'; '.join(lane.remarks)})" if lane.remarks else ""
    return f"{' → '.join(states)}{remarks}"


def _is_of_interest(lane: Lane) -> bool:
    return lane.is_main or bool(lane.remarks) or lane.end in (State.FAILED, State.ABANDONED)
