"""The benchmark of drawing: what is drawn is what is said, and its figures become the right text."""

from __future__ import annotations

import pytest

pytest.importorskip("rich")
pytest.importorskip("matplotlib")

from drawing import STATES, WAYS, report, seconds, timeline


def test_every_task_is_in_five_states() -> None:
    lanes = timeline(7).lanes
    assert [tuple(span.state for span in lane.spans) for lane in lanes] == [STATES] * 7
    assert [lane.spans[0].start for lane in lanes] == [number * 10_000_000 for number in range(7)]


@pytest.mark.parametrize("way", WAYS)
def test_every_way_gives_a_picture(way: str) -> None:
    assert WAYS[way](50).startswith(b"\x89PNG")


def test_it_is_measured_in_a_process_of_its_own() -> None:
    assert seconds("all_lanes", 20) > 0


def test_the_report() -> None:
    text = report({"broken_barh": [8.0, 10.0, 12.0], "all_lanes": [0.1, 0.5, 0.9]}, 10_000)
    assert "10,000 tasks with 5 spans each, to PNG; 3 rounds, medians" in text
    assert "all_lanes            0.50 s     20.0 times as fast as broken_barh" in text
