"""Real signals in pytest: the fixture `interrupt`, and the marker `interrupt_deadline`.

    def test_ctrl_c(interrupt):
        outcome = interrupt("service.py", when=active(2))
        assert outcome.clean

pytest loads this module in every run where cancelkit is installed, so the lab is imported only for a test that uses
the fixture.
"""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cancelkit.errors import CancelkitError, UnsupportedPlatformError, UnusableProgramError

if TYPE_CHECKING:
    import signal

    from cancelkit.lab import Experiment, Moment, Moments, Outcome

__all__ = ["Interrupt"]

_MARKER = "interrupt_deadline"
_OUTCOMES = pytest.StashKey[list["Outcome"]]()
"""What came of the experiments of a test, without those that a report has shown already."""


class Interrupt:
    """What the fixture `interrupt` is: call it to make an experiment; the type to annotate it with."""

    def __init__(self, beside: Path, root: Path, deadline: float | None, outcomes: list[Outcome]) -> None:
        self._beside = beside
        self._root = root
        self._deadline = deadline
        self._outcomes = outcomes

    def __call__(
        self,
        program: str | os.PathLike[str],
        *arguments: str | os.PathLike[str],
        when: Moment | Moments | str,
        signals: signal.Signals | Sequence[signal.Signals] = (),
        expect: int | Collection[int] | None = None,
        deadline: float | None = None,
    ) -> Outcome:
        """Start a program in a process of its own, send it each signal at its moment, and wait for its end.

        It runs under this Python, in the current folder and environment, as `monkeypatch` may have set them.

        Args:
            program: the path of a Python program: beside the test's file, or else in pytest's rootdir.
            arguments: the program's command line.
            when: the moment of each signal: `active(2)`, `active(2).then(cleaning(1))`, or "active=2 then cleaning=1".
            signals: the signal, or one for each moment, the last of them again for the rest; SIGINT if there is none.
            expect: the exit status that is the right one, or several; as for `Experiment`.
            deadline: seconds after which the program is ended, and called hung; the marker's if not given here.

        Raises:
            UnusableProgramError: there is no such file, or it cannot be started.
            MomentNotReachedError: the program ended or the deadline came before one of the moments did.
            CancelkitError: one of these is of no use.
        """
        __tracebackhide__ = True
        from cancelkit.lab import Experiment, perform, signals_at

        limit = self._deadline if deadline is None else deadline
        try:
            experiment = Experiment(
                self._find(Path(program)),
                signals_at(when, (signals,) if isinstance(signals, (int, str)) else signals),
                [os.fspath(word) if isinstance(word, os.PathLike) else word for word in arguments],
                expect=expect,
                **({} if limit is None else {"deadline": limit}),
            )
            outcome = perform(experiment)
        except CancelkitError as error:
            # It says in words what is wrong; the test's own line is the only one to look at.
            raise error.with_traceback(None) from None
        self._outcomes.append(outcome)
        return outcome

    def __repr__(self) -> str:
        return "interrupt"  # as the test calls it: pytest shows it in assertions

    def _find(self, program: Path) -> Path:
        if program.is_absolute():
            return program
        beside, in_root = self._beside / program, self._root / program
        for path in (beside, in_root):
            if path.is_file():
                return path
        tried = f"neither {str(beside)!r}, beside the test's file, nor {str(in_root)!r}, in pytest's rootdir, is a file"
        if beside == in_root:
            tried = f"{str(beside)!r}, beside the test's file and in pytest's rootdir, is no file"
        raise UnusableProgramError(f"cannot interrupt {str(program)!r}: {tried}; give the path of a Python program")


@pytest.fixture
def interrupt(request: pytest.FixtureRequest) -> Interrupt:
    """Start a program, send it real signals at exact moments, and get what came of it.

    outcome = interrupt("service.py", when=active(2))
    assert outcome.clean
    """
    try:
        import cancelkit.lab  # noqa: F401
    except UnsupportedPlatformError as error:
        # Not a failure: the rest of a suite is as good there as anywhere, and the summary says why this was not run.
        pytest.skip(str(error))
    outcomes: list[Outcome] = []
    request.node.stash[_OUTCOMES] = outcomes
    return Interrupt(request.path.parent, request.config.rootpath, _marked_deadline(request.node), outcomes)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers", f"{_MARKER}(seconds): when a program that the fixture `interrupt` started is ended, and called hung"
    )


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
    """Show what came of a test's experiments if it has failed."""
    result = yield
    if call.excinfo is None:
        return
    outcomes = item.stash.get(_OUTCOMES, [])
    while outcomes:
        outcome = outcomes.pop(0)
        result.get_result().sections.append((_title_of(outcome.experiment), _evidence_of(outcome)))


def _marked_deadline(node: pytest.Item) -> float | None:
    marker = node.get_closest_marker(_MARKER)
    if marker is None:
        return None
    match marker.args:
        case (float() | int() as seconds,) if not marker.kwargs and 0 < seconds < math.inf and seconds is not True:
            return seconds
    given = [*map(repr, marker.args), *(f"{name}={value!r}" for name, value in marker.kwargs.items())]
    pytest.fail(
        f"the marker {_MARKER}({', '.join(given)}) of {node.nodeid} must say a number of seconds above 0, "
        f"as in @pytest.mark.{_MARKER}(10)",
        pytrace=False,
    )


def _title_of(experiment: Experiment) -> str:
    signals = ", ".join(f"{signum.name} at {moment}" for moment, signum in experiment.signals)
    return f"interrupt: {' '.join([Path(experiment.program).name, *experiment.arguments])}: {signals}"


def _evidence_of(outcome: Outcome) -> str:
    from cancelkit.lab.unreached import end_of

    lines = [str(outcome), *(f"    {verdict}" for verdict in outcome.broken)]
    if any(verdict.id == "exit" for verdict in outcome.broken):  # it ended unlike it should: what did it say?
        said = {"stdout": outcome.stdout, "stderr": outcome.stderr, "stacks": outcome.stacks}
        lines += [end_of(name, text) for name, text in said.items() if text.strip()]
    return "\n".join(lines)
