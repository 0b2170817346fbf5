"""What a sweep says: the same each time, however it is made, and in words that claim no more than was tried."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from cancelkit.sweep import Progress, Sweep, program_at, sweep, target_program
from cancelkit.sweep.plan import every_one
from cancelkit.sweep.pool import Warm, try_all
from cancelkit.sweep.program import Program
from cancelkit.sweep.runs import Run

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("nothing_left")]

NEEDS_MONITORING = pytest.mark.skipif(sys.version_info < (3, 12), reason="there is no sys.monitoring before 3.12")
CHECK = pytest.param("check", marks=NEEDS_MONITORING)

SMALL = """\
import asyncio

async def main():
    try:
        await asyncio.sleep(1)
    finally:
        await asyncio.sleep(1)

asyncio.run(main())
"""


@pytest.fixture
def small(tmp_path: Path) -> Program:
    (tmp_path / "small.py").write_text(SMALL)
    return program_at(tmp_path / "small.py")


@pytest.fixture(scope="module")
def target() -> Program:
    return target_program("cancelkit.patterns.task_group:run_tasks")


@pytest.fixture(scope="module")
def swept(target: Program) -> Sweep:
    return sweep(target, level="step")


def told(runs: Sweep | tuple[Run, ...] | list[Run]) -> list[tuple[Any, ...]]:
    """What every way to make a run must agree on."""
    found = runs.runs if isinstance(runs, Sweep) else runs
    return [(run.point, run.verdict.word, run.raised, run.landed) for run in found]


def test_another_sweep_says_the_same(swept: Sweep, target: Program) -> None:
    assert len(swept.verdicts) > 2
    assert [run.point for run in swept.runs] == [(number,) for number in range(1, swept.points + 1)]
    assert told(sweep(target, level="step", jobs=1)) == told(swept)
    assert told(sweep(target, level="step", jobs=2)) == told(swept)


@NEEDS_MONITORING
def test_at_level_check_too_and_however_many_at_a_time(target: Program) -> None:
    one = sweep(target, sample=150, jobs=1)
    assert one.level == "check"
    assert len(one.verdicts) > 2
    assert told(sweep(target, sample=150, jobs=2)) == told(one)


@pytest.mark.parametrize("level", ["step", CHECK])
def test_a_point_alone_says_what_the_sweep_says(level: str, target: Program) -> None:
    swept = sweep(target, level=level, sample=12, seed=5)
    points = {run.point for run in swept.runs}
    with Warm(target, level) as warm:
        tasks = [task for task in every_one(warm.survey()) if task.point in points]
        assert told([warm.alone(task) for task in tasks]) == told(swept)


def test_a_seed_is_a_sample(swept: Sweep, target: Program) -> None:
    first, again, other = (sweep(target, level="step", sample=9, seed=seed) for seed in (1, 1, 2))
    assert told(first) == told(again)
    assert [run.point for run in first.runs] != [run.point for run in other.runs]
    assert len(first.runs) == len(other.runs) == 9
    assert set(told(first)) <= set(told(swept))
    assert (first.seed, first.points) == (1, swept.points)
    assert first.coverage == f"a sample of 9 of {swept.points} points ({9 / swept.points:.2%}, seed 1)"
    assert "every" not in f"{first} {first.in_words()}"


@pytest.mark.parametrize("more", [0, 1000])
def test_a_sample_of_all_is_every_one(more: int, swept: Sweep, target: Program) -> None:
    whole = sweep(target, level="step", sample=swept.points + more, seed=3)
    assert told(whole) == told(swept)
    assert whole.seed is None
    assert whole.coverage == f"every one of {swept.points} points"
    assert "sample" not in f"{whole} {whole.in_words()}"


def test_pairs_are_counted(small: Program) -> None:
    rests = [run.passed - run.point[0] for run in sweep(small, level="step").runs]
    pairs = sweep(small, level="step", signals=2)
    assert pairs.points == sum(rests) == len(pairs.runs) == len({run.point for run in pairs.runs})
    assert [sum(run.point[0] == first for run in pairs.runs) for first in range(1, len(rests) + 1)] == rests
    assert all(len(run.raised) == 2 for run in pairs.runs)
    assert pairs.coverage == f"every one of {pairs.points} pairs of points"
    few = sweep(small, level="step", signals=2, sample=10)
    assert (few.points, len(few.runs), few.is_total_exact) == (pairs.points, 10, True)
    assert few.coverage.startswith(f"a sample of 10 of {pairs.points} pairs")


def test_of_triples_there_are_about_so_many(small: Program) -> None:
    triples = sweep(small, level="step", signals=3, sample=15)
    assert {len(run.point) for run in triples.runs} == {3}
    assert not triples.is_total_exact
    assert triples.coverage.startswith(f"a sample of 15 of about {triples.points:,} triples of points (")


@pytest.mark.parametrize(
    ("level", "file"), [("step", "selectors.py"), pytest.param("check", "small.py", marks=CHECK.marks)]
)
def test_only_in_one_file(level: str, file: str, small: Program) -> None:
    some = sweep(small, level=level, only=[file])
    with Warm(small, level) as warm:
        survey = warm.survey()
    expected = [n for n, place in enumerate(survey.order, 1) if survey.sites[place].file.endswith(file)]
    assert 0 < len(expected) < len(survey.order)
    assert [run.point for run in some.runs] == [(number,) for number in expected]
    assert all(run.raised[0].site.file.endswith(file) for run in some.runs)
    assert some.points == len(expected)


@pytest.mark.parametrize("signals", [1, 2, 3])
def test_only_in_a_file_that_is_nowhere(signals: int, small: Program) -> None:
    none = sweep(small, level="step", only=["nowhere.py"], signals=signals)
    assert (none.runs, none.points, none.verdicts, none.unsafe, none.smallest) == ((), 0, {}, (), None)
    assert none.counterexample() is None
    assert none.as_json()["tried"] == 0
    assert "of 0 " in str(none)


def test_json_has_these_words_and_no_others(swept: Sweep) -> None:
    said = json.loads(json.dumps(swept.as_json()))
    assert list(said) == [
        *("program", "python", "level", "signals", "points", "tried", "verdicts", "points_per_second", "unsafe")
    ]
    assert all(list(each) == ["file", "line", "verdict", "token"] for each in said["unsafe"])
    assert len(said["unsafe"]) == len(swept.unsafe) > 2
    assert said["verdicts"] == swept.verdicts
    assert sum(said["verdicts"].values()) == said["tried"] == len(swept.runs) == said["points"]
    assert all(each["token"].startswith("ck1.") for each in said["unsafe"])


def test_the_most_unsafe_line_is_the_first(swept: Sweep) -> None:
    counts = [each.runs for each in swept.unsafe]
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) > 1
    assert sum(counts) == sum(not run.is_clean for run in swept.runs)
    for each in swept.unsafe:
        mine = [run for run in swept.runs if run.at == (each.file, each.line) and run.verdict.word == each.verdict]
        assert (len(mine), mine[0]) == (each.runs, each.first)


def test_the_smallest_has_the_fewest_signals_and_is_the_earliest(small: Program) -> None:
    bad = [run for run in sweep(small, level="step").runs if not run.is_clean]
    pairs = sweep(small, level="step", signals=2, sample=40)
    assert any(not run.is_clean and run.point < bad[0].point for run in pairs.runs)
    assert dataclasses.replace(pairs, runs=(*pairs.runs, *reversed(bad))).smallest == bad[0]
    assert dataclasses.replace(pairs, runs=()).smallest is None


@pytest.mark.parametrize(("level", "signals"), [("step", 1), ("step", 2), pytest.param("check", 1, marks=CHECK.marks)])
def test_the_counterexample_is_one(level: str, signals: int, target: Program) -> None:
    found = sweep(target, level=level, signals=signals, sample=40)
    replayed = found.counterexample()
    assert found.smallest is not None
    assert replayed is not None
    assert replayed.is_same
    assert replayed.run.verdict == found.smallest.verdict
    assert (replayed.run.raised, replayed.run.landed) == (found.smallest.raised, found.smallest.landed)
    assert len(replayed.timeline.signals) == len(replayed.run.raised) == signals
    assert replayed.timeline.lanes


@pytest.mark.parametrize(
    ("turns", "word", "made"),
    [
        ("c", "clean", 1),
        ("bb", "wrong exit", 2),
        ("bcb", "wrong exit", 3),
        ("bccb", "unresolved", 4),
        ("bccc", "clean", 4),
    ],
)
def test_what_is_not_clean_is_believed_if_it_comes_twice(
    turns: str, word: str, made: int, programs: Path, tmp_path: Path
) -> None:
    letters = tmp_path / "letters"
    letters.write_text("")
    with Warm(program_at(programs / "swept_fault_by_turns.py", [str(letters)]), "step") as warm:
        fourth = every_one(warm.survey())[3]
        letters.write_text(turns + "left")
        (run,) = try_all(warm, [fourth])
    assert run.verdict.word == word
    assert letters.read_text() == (turns + "left")[made:]
    assert run.is_clean == (word == "clean")
    if word == "unresolved":
        assert run.verdict.why == "one run: clean; another: wrong exit"


def test_where_runs_differ_nothing_is_clean(programs: Path, tmp_path: Path) -> None:
    letters = tmp_path / "letters"
    letters.write_text("b" * 1000)
    program = program_at(programs / "swept_fault_by_turns.py", [str(letters)])
    bad = sweep(program, level="step")
    count = bad.verdicts["wrong exit"]
    with Warm(program, "step") as warm:
        tasks = every_one(warm.survey())
        letters.write_text("b" * count + "c" * count + "cb" * count)
        torn = dataclasses.replace(bad, runs=tuple(try_all(warm, tasks)))
    assert letters.read_text() == ""
    assert torn.verdicts == {word.replace("wrong exit", "unresolved"): n for word, n in bad.verdicts.items()}
    assert sum(each.runs for each in torn.unsafe if each.verdict == "unresolved") == count
    assert not torn.is_clean


def test_ctrl_c_leaves_a_part(small: Program) -> None:
    def press(now: Progress) -> None:
        if now.of == 150:
            raise KeyboardInterrupt

    part = sweep(small, level="step", signals=2, sample=150, on_progress=press)
    assert not part.is_complete
    assert 0 < len(part.runs) < 150
    assert all(len(run.point) == 2 for run in part.runs)
    assert part.coverage == f"interrupted: {len(part.runs)} of {part.points} pairs of points tried"
    assert "every" not in part.in_words()


def test_ctrl_c_before_there_is_a_pair_claims_no_pairs(small: Program) -> None:
    def press(_: Progress) -> None:
        raise KeyboardInterrupt

    part = sweep(small, level="step", signals=2, on_progress=press)
    assert not part.is_complete
    assert part.coverage.startswith("interrupted: 0 of ") or "pairs" not in part.coverage
