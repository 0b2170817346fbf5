"""Many experiments at once, and experiments that are awaited."""

import asyncio
import io
import signal
import sys
import threading
from pathlib import Path

import pytest

from cancelkit.errors import CancelkitError, MomentNotReachedError, UnusableProgramError
from cancelkit.lab import (
    Experiment,
    Outcome,
    active,
    perform_all,
    perform_all_async,
    perform_async,
    performing,
    signals_at,
)
from cancelkit.lab.launched import Stopped

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("nothing_left")]


@pytest.fixture
def endless(programs: Path) -> Experiment:
    """One that never ends by itself."""
    return Experiment(programs / "misbehave.py", [(active(100), signal.SIGINT)], ["loops_for_ever"], deadline=1000)


def short(programs: Path, name: str) -> Experiment:
    return Experiment(programs / "misbehave.py", signals_at("active=1"), [name], deadline=100)


def test_outcomes_come_in_the_order_of_the_experiments(programs: Path) -> None:
    names = ["loops_for_ever", "has_its_own_handlers"] * 3
    outcomes = perform_all([short(programs, name) for name in names], at_once=3)
    assert [outcome.experiment.arguments[0] for outcome in outcomes] == names
    assert [outcome.ended for outcome in outcomes] == ["killed by SIGINT", "exited 0"] * 3
    assert perform_all([]) == ()


@pytest.mark.parametrize("at_once", [1, 3])
def test_no_more_at_once_than_may_be(programs: Path, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    running, most = 0, 0
    lock, all_there = threading.Lock(), threading.Barrier(at_once)
    perform_one = performing._perform

    def counted(*words: object) -> Outcome:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        all_there.wait()  # or fewer might be at once than may be
        outcome = perform_one(*words)  # type: ignore[arg-type]
        with lock:
            running -= 1
        return outcome

    monkeypatch.setattr(performing, "_perform", counted)
    perform_all([short(programs, "loops_for_ever")] * 3, at_once=at_once)
    assert most == at_once


def test_what_goes_wrong_with_one_ends_the_others(programs: Path, endless: Experiment) -> None:
    with pytest.raises(UnusableProgramError, match="no_such_program"):
        perform_all([endless, Experiment("no_such_program.py", ()), endless], at_once=3)
    with pytest.raises(MomentNotReachedError, match="ended=9 had not come"):
        perform_all([endless, Experiment(programs / "limited.py", signals_at("ended=9"), deadline=0.5)], at_once=2)
    with pytest.raises(CancelkitError, match="at_once is 0"):
        perform_all([endless], at_once=0)


def test_a_bar_in_a_terminal_and_nothing_elsewhere(
    programs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("rich")
    experiments = [short(programs, "loops_for_ever")] * 2
    perform_all(experiments)
    assert capsys.readouterr() == ("", "")
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    perform_all(experiments)
    assert "experiments" in terminal.getvalue()
    assert "100%" in terminal.getvalue()


def test_an_experiment_is_awaited_while_other_tasks_run(programs: Path) -> None:
    async def main() -> tuple[Outcome, tuple[Outcome, ...]]:
        one, several = await asyncio.gather(
            perform_async(short(programs, "loops_for_ever")),
            perform_all_async([short(programs, "loops_for_ever"), short(programs, "has_its_own_handlers")]),
        )
        return one, several

    one, several = asyncio.run(main())
    assert [outcome.ended for outcome in (one, *several)] == ["killed by SIGINT", "killed by SIGINT", "exited 0"]


@pytest.mark.parametrize("several", [False, True])
def test_a_cancellation_ends_the_programs(endless: Experiment, several: bool, programs: Path) -> None:
    async def main() -> None:
        work = perform_all_async([endless] * 3, at_once=2) if several else perform_async(endless)
        task = asyncio.ensure_future(work)
        await perform_async(short(programs, "loops_for_ever"))  # by then it has begun, most likely
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


@pytest.mark.parametrize("awaited", [False, True])
def test_a_moment_that_does_not_come_may_be_nothing_that_goes_wrong(programs: Path, awaited: bool) -> None:
    never = Experiment(programs / "leaves.py", signals_at("ended=9"), ["nothing"])
    both = [never, short(programs, "loops_for_ever")]
    outcomes = asyncio.run(perform_all_async(both, may_miss=True)) if awaited else perform_all(both, may_miss=True)
    assert [str(outcome.missed) for outcome in outcomes] == ["ended=9", "None"]


def test_errors_are_raised_where_it_is_awaited() -> None:
    with pytest.raises(UnusableProgramError, match="does not exist"):
        asyncio.run(perform_async(Experiment("no_such_program.py", ())))


def test_a_stop_between_two_experiments_ends_it(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is under way then that could raise."""
    perform_one = performing._perform

    def perform_and_stop(experiment: Experiment, stop: performing._Stop) -> Outcome:
        outcome = perform_one(experiment, None)
        stop.now()
        return outcome

    monkeypatch.setattr(performing, "_perform", perform_and_stop)
    with pytest.raises(Stopped):
        perform_all([short(programs, "loops_for_ever")] * 2, at_once=1)
