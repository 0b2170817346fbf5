"""A sweep on a Dask cluster: two workers, which are processes of their own, and one of them is killed meanwhile."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cancelkit.sweep import Progress, Sweep, program_at, sweep
from cancelkit.sweep.program import Program

distributed = pytest.importorskip("distributed")

# What the cluster's own parts warn of when they are started and ended in one process.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SWEPT = Path(__file__).parent / "programs" / "swept_verdicts.py"


@pytest.fixture(scope="module")
def program() -> Program:
    return program_at(SWEPT, ["loses_in_a_child"])


@pytest.fixture
def client() -> Iterator[Any]:
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.wait_for_workers(2, timeout=60)
        yield client


def went(result: Sweep) -> list[object]:
    return [(run.point, run.verdict, run.raised, run.landed) for run in result.runs]


def test_a_cluster_comes_to_the_same_verdicts(program: Program, client: Any) -> None:
    here = sweep(program, signals=2, sample=1200)
    there = sweep(program, signals=2, sample=1200, executor=client.get_executor())
    assert went(there) == went(here)


def test_a_worker_that_is_killed_loses_no_point(program: Program, client: Any) -> None:
    first, *_ = client.scheduler_info()["workers"]
    killed: list[int] = []

    def kill_one(_: Progress) -> None:
        if not killed:
            killed.append(client.run(os.getpid, workers=[first]).popitem()[1])
            os.kill(killed[0], signal.SIGKILL)

    there = sweep(program, signals=2, sample=1200, executor=client.get_executor(), on_progress=kill_one)
    assert killed
    assert went(there) == went(sweep(program, signals=2, sample=1200))
