"""The benchmark of the recorder: its pieces of work do what they say, and its figures become the right text."""

from __future__ import annotations

import asyncio
import collections

import pytest

pytest.importorskip("rich")

import recording
from recording_report import Measurement, Round, Sizes, growth, table
from recording_tools import TOOLS, measured
from recording_work import Work, echo, passing, switching

SLEEP = asyncio.sleep


@pytest.fixture
def sleeps(monkeypatch: pytest.MonkeyPatch) -> collections.Counter[str]:
    """How often each task has slept, by its name."""
    counted: collections.Counter[str] = collections.Counter()

    async def sleep(delay: float) -> None:
        task = asyncio.current_task()
        assert task
        assert delay == 0
        counted[task.get_name()] += 1
        await SLEEP(delay)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return counted


def test_every_task_switches_as_often_as_said(sleeps: collections.Counter[str]) -> None:
    asyncio.run(switching(7, at_once=2, switches=3))
    assert list(sleeps.values()) == [3] * 7


def test_no_more_tasks_are_at_it_at_once_than_said(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    async def sleep(_: float) -> None:
        task = asyncio.current_task()
        assert task
        order.append(task.get_name())
        await SLEEP(0)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    asyncio.run(switching(6, at_once=2, switches=3))
    assert [len(set(order[start : start + 6])) for start in (0, 6, 12)] == [2, 2, 2]


def test_groups_follow_each_other_with_new_tasks(sleeps: collections.Counter[str]) -> None:
    asyncio.run(passing(3, tasks=4))
    assert list(sleeps.values()) == [3] * 12


def test_all_is_echoed_and_all_clients_are_connected_before(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    connect, write = asyncio.open_connection, asyncio.StreamWriter.write

    async def open_connection(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        ends = await connect(host, port)
        done.append("connected")
        return ends

    def written(writer: asyncio.StreamWriter, data: bytes) -> None:
        done.append("written")
        write(writer, data)

    monkeypatch.setattr(asyncio, "open_connection", open_connection)
    monkeypatch.setattr(asyncio.StreamWriter, "write", written)
    assert asyncio.run(echo(5, 3)) == 15
    assert done == ["connected"] * 5 + ["written"] * 30  # each line there and back


@pytest.mark.parametrize("tool", ["plain", "cancelkit", "asyncio debug mode"])
def test_a_measurement(tool: str) -> None:
    runs: list[bool] = []

    async def main() -> None:
        runs.append(asyncio.get_running_loop().get_debug())
        await switching(2)

    measurement = measured(TOOLS[tool], Work("", main))
    assert runs == [False, tool == "asyncio debug mode"]
    assert measurement.seconds > 0
    assert bool(measurement.events) == (tool == "cancelkit")


def test_plain_and_recorded_are_in_every_round_and_the_peers_in_every_third() -> None:
    assert recording.plan(4, ["peer"]) == [
        ["plain", "cancelkit", "peer"],
        ["cancelkit", "plain"],
        ["plain", "cancelkit"],
        ["cancelkit", "plain", "peer"],
    ]


def taken(seconds: float, own: int, files: int = 0, events: int = 0) -> Measurement:
    return Measurement(seconds, {"RssAnon": own, "RssFile": files, "RssShmem": 0}, events)


ROUNDS: list[Round] = [
    {"plain": taken(1.0, 1_000_000), "cancelkit": taken(1.5, 3_000_000, 500_000, 1_000), "peer": taken(7.0, 1_000_000)},
    {"plain": taken(2.0, 1_000_000), "cancelkit": taken(2.0, 3_000_000, 500_000, 1_000)},
    {"plain": taken(4.0, 1_000_000), "cancelkit": taken(8.0, 9_000_000, 500_000, 1_000)},
]


def test_ratios_are_those_of_pairs() -> None:
    _, plain, recorded, peer = [line.split() for line in table(ROUNDS)]
    assert plain == ["plain", "3", "2.000"]
    assert recorded == ["cancelkit", "3", "2.000", "1.50", "(1.00", "-", "2.00)", "+2.0", "MB", "yes"]
    assert peer == ["peer", "1", "7.000", "7.00", "(7.00", "-", "7.00)", "+0.0", "MB", "no"]


def test_memory_that_was_not_measured_is_not_told() -> None:
    rounds: list[Round] = [{"plain": Measurement(1.0, {}), "cancelkit": Measurement(1.5, {}, 10)}]
    assert table(rounds)[-1].split() == ["cancelkit", "1", "1.500", "1.50", "(1.50", "-", "1.50)", "yes"]
    assert len(growth([rounds], Sizes(1, 1, 1))) == 1


def test_growth_is_told_of_each_run_and_the_size_of_the_record() -> None:
    short: list[Round] = [{"plain": taken(1.0, 1_000_000), "cancelkit": taken(1.0, 2_000_000, 250_000, 100)}]
    _, brief, long, record = growth([short, ROUNDS], Sizes(events=10, tape=160, file=805))
    assert brief.split() == ["100", "1", "+1.00", "MB", "+0.25", "MB", "+0.00", "MB", "+10000.00", "bytes"]
    assert long.split() == ["1,000", "3", "+2.00", "MB", "+0.50", "MB", "+0.00", "MB", "+2000.00", "bytes"]
    assert "16.0 bytes an event while it is recorded, 80.5 in a file" in record
