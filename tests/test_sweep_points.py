"""The sweep's points: a signal is raised at each, once, and its handler runs where CPython would run it."""

from __future__ import annotations

import dis
import functools
import itertools
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

import pytest

from cancelkit.sweep import Program, Sweep, program_at, sweep
from cancelkit.sweep.pool import Warm
from cancelkit.sweep.replay import run_at
from cancelkit.sweep.runs import Run, Site, Spot, Survey
from cancelkit.trace.sources import OURS

pytestmark = pytest.mark.core

has_checks = pytest.mark.skipif(sys.version_info < (3, 12), reason="level check needs Python 3.12")
LEVELS = ["step", pytest.param("check", marks=has_checks)]

WITH_OURS = {
    ("events.py", "Handle._run"),
    ("base_events.py", "BaseEventLoop.create_task"),
    ("base_events.py", "BaseEventLoop.run_until_complete"),
    ("base_events.py", "BaseEventLoop._run_once"),
    ("base_events.py", "BaseEventLoop.close"),
    ("runners.py", "Runner.close"),
    ("runners.py", "Runner.run"),
    ("signal.py", "signal"),
    ("signal.py", "getsignal"),
}
"""Functions of CPython's that have or call code of the recorder's: there a signal is held until that has done."""

COUNTING = """
import runpy, selectors, sys
from asyncio import events
counted = {"Handle._run": 0, "BaseSelector.select": 0}
run, select = events.Handle._run, selectors.DefaultSelector.select
def counted_run(handle):
    counted["Handle._run"] += 1
    run(handle)
def counted_select(selector, timeout=None):
    counted["BaseSelector.select"] += 1
    return select(selector, timeout)
events.Handle._run, selectors.DefaultSelector.select = counted_run, counted_select
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
print(*counted.values())
"""


def program(programs: Path, *arguments: str) -> Program:
    return program_at(programs / "swept_points.py", arguments)


@pytest.fixture(scope="module")
def swept(programs: Path) -> Sweep:
    """The program, with a signal at each check."""
    return sweep(program(programs), level="check", jobs=2)


def spots_of(survey: Survey) -> Iterator[Spot]:
    """The spot of each point, in order."""
    times: Counter[int] = Counter()
    for place in survey.order:
        times[place] += 1
        yield Spot(survey.sites[place], times[place])


def line_with(programs: Path, text: str) -> int:
    source = (programs / "swept_points.py").read_text()
    (number,) = [n for n, line in enumerate(source.splitlines(), 1) if text in line]
    return number


@functools.cache
def functions_in(file: str) -> dict[tuple[str, int], dict[int, str]]:
    """The names of the instructions of every function in a file, by its name and first line; none if it is frozen."""
    waiting = [] if file.startswith("<") else [compile(Path(file).read_bytes(), file, "exec", dont_inherit=True)]
    found = {}
    while waiting:
        code = waiting.pop()
        names = {each.offset: each.opname for each in dis.get_instructions(code)}
        found[code.co_qualname, code.co_firstlineno] = names
        waiting += [const for const in code.co_consts if isinstance(const, CodeType)]
    return found


def instruction_at(site: Site) -> str:
    return functions_in(site.file).get((site.function, site.first_line), {}).get(site.offset, "unknown")


def place_of(site: Site) -> tuple[str, str, int, int]:
    """A site; without its offset if the recorder has put more into the function: it holds signals back to its end."""
    return (site.file, site.function, site.line, -1 if has_ours(site) else site.offset)


def is_same_function(site: Site, other: Site) -> bool:
    return site[:3] == other[:3]


def has_ours(site: Site) -> bool:
    return site.file.startswith("<") or (Path(site.file).name, site.function) in WITH_OURS


def lands_rightly(run: Run) -> bool:
    """Whether the handler ran at the first check after the signal."""
    raised, landed = run.raised[0].site, run.landed[0]
    before, at = instruction_at(raised), instruction_at(landed)
    if before in ("RESUME", "JUMP_BACKWARD"):
        return landed == raised
    if is_same_function(raised, landed):
        return landed.offset >= raised.offset or at == "RESUME"
    if before.startswith("CALL"):  # a function of Python's has begun; or C has failed, and what called it goes on
        return at == "RESUME" or raised.function == "WeakSet._commit_removals"
    # Python's repr() looks for signals as well.
    return at in ("RESUME", "JUMP_BACKWARD", "FORMAT_VALUE", "CONVERT_VALUE") or at.startswith("CALL")


def is_ours(site: Site) -> bool:
    """Whether it is code that the program knows nothing of; it calls `holding` itself."""
    return site.file.startswith(OURS) and not site.function.startswith("holding")


@pytest.mark.parametrize("level", LEVELS)
def test_one_signal_at_each_point(programs: Path, level: str) -> None:
    swept = sweep(program(programs), level=level, jobs=2)
    assert [run.point for run in swept.runs] == [(number,) for number in range(1, len(swept.survey.order) + 1)]
    for run, spot in zip(swept.runs, spots_of(swept.survey), strict=True):
        assert run.raised == (spot,)
        assert len(run.landed) == len(run.own) == 1


@has_checks
def test_handlers_run_in_the_program_or_in_cpython(swept: Sweep) -> None:
    own = {run.landed[0].function for run in swept.runs if run.landed[0].is_own}
    assert {"main", "job", "double"} <= own
    for site in (*swept.survey.sites, *(run.landed[0] for run in swept.runs)):
        assert not is_ours(site)


@has_checks
def test_handlers_run_at_the_next_check(swept: Sweep) -> None:
    judged = [run for run in swept.runs if not has_ours(run.raised[0].site) and not has_ours(run.landed[0])]
    assert len(judged) > len(swept.runs) / 2
    assert [(run.raised[0].site, run.landed[0]) for run in judged if not lands_rightly(run)] == []


@has_checks
@pytest.mark.parametrize(
    ("text", "instruction", "function", "lands_at"),
    [
        ("len(name)", "CALL", "job", "the same"),
        ("# a jump back", "JUMP_BACKWARD", "job", "the same"),
        ("double(21)", "CALL", "double", "RESUME"),
    ],
)
def test_kinds_of_checks(
    programs: Path, swept: Sweep, text: str, instruction: str, function: str, lands_at: str
) -> None:
    line = line_with(programs, text)
    runs = [run for run in swept.runs if run.raised[0].site.is_own and run.raised[0].site.line == line]
    runs = [run for run in runs if instruction_at(run.raised[0].site) == instruction]
    assert runs
    for run in runs:
        (landed,) = run.landed
        assert landed.function == function
        assert landed == run.raised[0].site if lands_at == "the same" else instruction_at(landed) == lands_at


@has_checks
def test_the_sweep_adds_no_points_of_its_own(swept: Sweep) -> None:
    """What only the clock calls is no point: the program would never come there."""
    functions = {site.function for site in swept.survey.sites}
    assert functions.isdisjoint({"active_count", "WeakSet.update", "BufferedIncrementalDecoder.decode"})


@has_checks
def test_no_handler_runs_in_a_callback_of_ours(swept: Sweep) -> None:
    """CPython would forget an interrupt in the callback of a weak reference; but it has none to sockets and loops."""
    functions = [swept.survey.sites[place].function for place in swept.survey.order]
    before = {first for first, then in itertools.pairwise(functions) if then.endswith(".<locals>._remove")}
    assert before.isdisjoint({"socket.close", "socket._real_close"})
    assert "WeakKeyDictionary.__init__.<locals>.remove" not in functions


@pytest.fixture(scope="module")
def audit(programs: Path) -> tuple[Sweep, Sweep]:
    """A program with a signal at each check, and at each instruction."""
    by_hand = program(programs, "turns by_hand")
    return sweep(by_hand, level="check", jobs=2), sweep(by_hand, level="instruction", jobs=2)


@has_checks
def test_a_signal_at_any_instruction_lands_at_a_check_that_is_swept(audit: tuple[Sweep, Sweep]) -> None:
    at_checks, at_instructions = ({place_of(run.landed[0]) for run in swept.runs} for swept in audit)
    assert {str(place) for place in at_instructions - at_checks} == set()


@has_checks
def test_signals_at_every_instruction_find_nothing_else(audit: tuple[Sweep, Sweep]) -> None:
    at_checks, at_instructions = audit
    assert len(at_instructions.runs) > 2 * len(at_checks.runs)
    assert set(at_instructions.verdicts) == set(at_checks.verdicts)


@has_checks
def test_spots_are_found_again(programs: Path, swept: Sweep) -> None:
    for run in random.Random(1).sample(swept.runs, 12):
        again = run_at(program(programs), "check", run.raised)
        assert (again.raised, again.landed, again.verdict) == (run.raised, run.landed, run.verdict)


def test_spots_of_steps_are_found_again(programs: Path) -> None:
    for run in random.Random(1).sample(sweep(program(programs), level="step", jobs=1).runs, 6):
        again = run_at(program(programs), "step", run.raised)
        assert (again.raised, again.landed, again.verdict) == (run.raised, run.landed, run.verdict)


def test_steps_are_callbacks_and_waits(programs: Path) -> None:
    """There are as many as Python makes without us."""
    with Warm(program(programs, "turns"), "step") as warm:
        survey = warm.survey()
    file = str(programs / "swept_points.py")
    counted = subprocess.run(
        [sys.executable, "-c", COUNTING, file, "turns"], capture_output=True, text=True, check=True
    )
    callbacks, waits = map(int, counted.stdout.split())
    assert Counter(spot.site.function for spot in spots_of(survey)) == {
        "Handle._run": callbacks,
        "BaseSelector.select": waits,
    }


@pytest.mark.parametrize("level", LEVELS)
def test_two_surveys_are_the_same(programs: Path, level: str) -> None:
    with Warm(program(programs), level) as warm:
        assert warm.survey() == warm.survey()
    with Warm(program(programs), level) as warm, Warm(program(programs), level) as another:
        assert warm.survey() == another.survey()


@has_checks
def test_points_begin_and_end_with_the_runner(swept: Sweep) -> None:
    first = swept.survey.sites[swept.survey.order[0]]
    assert (Path(first.file).name, first.function) == ("runners.py", "run")
    assert {site.function for site in swept.survey.sites}.isdisjoint({"<module>", "busy", "busy.<locals>.<genexpr>"})


@has_checks
def test_points_in_two_runners(programs: Path) -> None:
    with Warm(program(programs, "turns", "turns"), "check") as warm:
        survey = warm.survey()
    assert {site.function for site in survey.sites}.isdisjoint({"<module>", "busy", "busy.<locals>.<genexpr>"})
    begun = Counter(survey.sites[place] for place in survey.order if survey.sites[place].function == "run")
    assert set(begun.values()) == {2}


@pytest.mark.parametrize("level", LEVELS)
def test_pairs_of_signals(programs: Path, level: str) -> None:
    swept = sweep(program(programs), level=level, signals=2, sample=60, jobs=2)
    spots = list(spots_of(swept.survey))
    assert len(swept.runs) == 60
    for run in swept.runs:
        assert len(run.raised) == len(run.landed) == 2
        assert run.raised[0] == spots[run.point[0] - 1]
