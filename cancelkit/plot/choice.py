"""Which lanes are drawn, and in which order: all of them, or a choice of very many."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, zip_longest

from cancelkit.trace.timeline import Lane, Timeline

MOST_LANES = 40
"""More are too thin to be told apart on a page."""

_CHOSEN = 30


def lanes_shown(timeline: Timeline) -> tuple[Lane, ...]:
    """The lanes as they are drawn: main tasks, then the others as they were made, a cleanup under its owner.

    If they are too many: those in which something must not be overlooked, and some of every kind, as long as there is
    room. Lanes with the same coroutine, states and remarks are of one kind.
    """
    ordered = _in_order(timeline)
    if len(ordered) <= MOST_LANES:
        return ordered
    alarming = {alarm.lane.task for alarm in timeline.alarms}
    kinds: dict[tuple[object, ...], list[Lane]] = {}
    for lane in ordered:
        is_urgent = lane.is_main or lane.task in alarming
        kinds.setdefault((not is_urgent, lane.coro, lane.states, lane.remarks), []).append(lane)
    urgent_first = [kinds[kind] for kind in sorted(kinds, key=lambda kind: bool(kind[0]))]
    one_of_each_in_turn = chain.from_iterable(zip_longest(*urgent_first))
    chosen = [lane for lane in one_of_each_in_turn if lane is not None][:_CHOSEN]
    tasks = {lane.task for lane in chosen}
    return tuple(lane for lane in ordered if lane.task in tasks)


def _in_order(timeline: Timeline) -> tuple[Lane, ...]:
    position = {lane.name: number for number, lane in enumerate(timeline.lanes)}

    def rank(lane: Lane) -> tuple[bool, int]:
        owner = lane.name.removesuffix(" cleanup")
        return not lane.is_main, position.get(owner, position[lane.name])

    return tuple(sorted(timeline.lanes, key=rank))


def how_many(lanes: Sequence[Lane], timeline: Timeline) -> str:
    """How many of how many lanes are shown; empty if all of them are."""
    return f"{len(lanes)} of {len(timeline.lanes):,} tasks" if len(lanes) < len(timeline.lanes) else ""
