"""Moments and signals: what can be read is, and what cannot is named."""

import signal
from collections.abc import Callable
from typing import Any

import pytest

from cancelkit.errors import BadMomentError, CancelkitError
from cancelkit.lab import (
    Experiment,
    Moment,
    Moments,
    active,
    at_once,
    before_start,
    begun,
    cleaning,
    cleanups,
    closing,
    created,
    ended,
    halfway,
    holding,
    output,
    queued,
    signals_at,
)
from cancelkit.lab.moments import parse_signal
from cancelkit.lab.outcome import describe_status
from cancelkit.trace.events import Event
from cancelkit.trace.states import COUNT_NAMES, Counts, Tracker

pytestmark = pytest.mark.core


@pytest.mark.parametrize("name", COUNT_NAMES)
def test_every_count_can_be_waited_for(name: str) -> None:
    moment = Moment.parse(f"{name}=2")
    counts: list[Any] = [{name: number} for number in (1, 2, 3)]
    assert [moment.holds(Counts(**count)) for count in counts] == [False, True, False]
    assert str(moment) == f"{name}=2"


def test_all_conditions_hold_at_once() -> None:
    moment = Moment.parse(" active = 2 , queued=03 ")
    assert str(moment) == "active=2,queued=3"
    assert moment.holds(Counts(active=2, queued=3, begun=9))
    assert not moment.holds(Counts(active=2, queued=2))
    assert not moment.holds(Counts(active=1, queued=3))
    assert Moment.parse(str(moment)) == moment


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "'' in the moment '' is not NAME=NUMBER"),
        ("active", "'active' in the moment 'active' is not NAME=NUMBER"),
        ("active=", "is not NAME=NUMBER, as in active=2,queued=3"),
        ("active=two", "is not NAME=NUMBER"),
        ("active=-1", "is not NAME=NUMBER"),
        ("active=1.0", "is not NAME=NUMBER"),
        ("active=²", "is not NAME=NUMBER"),
        ("active=\uff12", "is not NAME=NUMBER"),
        ("active=" + "9" * 5000, "is not NAME=NUMBER"),
        ("active==1", "is not NAME=NUMBER"),
        ("active=1,", "'' in the moment 'active=1,' is not NAME=NUMBER"),
        ("active=1 queued=2", "is not NAME=NUMBER"),
        ("active=1 and", "is not NAME=NUMBER"),
        ("active=1 then queued=2", "'active=1 then queued=2' is 2 moments; give one here"),
        ("closing=1", "'closing=1' in the moment 'closing=1' is to stand without a number: closing"),
        ("output=", "output in the moment 'output=' says no text, as in output=ready"),
        ("output", "'output' in the moment 'output' is not NAME=NUMBER"),
        ('output="a', "\"a in the moment 'output=\"a' is no text in double quotes"),
        ("output=ready and waiting", "'waiting' in the moment"),
        ("at-once,active=1", "at-once in the moment 'at-once,active=1' goes with no other condition"),
        ("active=1 AND queued=2", "is not NAME=NUMBER"),
        ("active=1 then", "'' in the moment 'active=1 then' is not NAME=NUMBER"),
        ("output=ready then", "'' in the moment 'output=ready then' is not NAME=NUMBER"),
        ("before_start", "'before_start' in the moment 'before_start' is written before-start"),
        ("ACTIVE=2", "'ACTIVE' in the moment 'ACTIVE=2' is written active"),
        ('output="\\ud800"', "cannot be printed by a program, in UTF-8"),
        ("sleeping=1", "'sleeping' in the moment 'sleeping=1' cannot be counted; created, active"),
        ("as_dict=1", "cannot be counted"),
        ("active=1,active=2", "'active' stands twice in the moment 'active=1,active=2'"),
    ],
)
def test_what_is_no_moment(text: str, says: str) -> None:
    with pytest.raises(BadMomentError) as caught:
        Moment.parse(text)
    assert says in str(caught.value)


@pytest.mark.parametrize("name", ["INT", "SIGINT", "int", "sigint", "Int"])
def test_names_of_signals(name: str) -> None:
    assert parse_signal(name) is signal.SIGINT


@pytest.mark.parametrize("name", ["", "SIG", "2", "_DFL", "SIG_IGN", "CTRL-C", "INT\n"])
def test_what_is_no_signal(name: str) -> None:
    with pytest.raises(BadMomentError) as caught:
        parse_signal(name)
    assert f"{name!r} is no signal of this system; INT, TERM and HUP" in str(caught.value)


@pytest.mark.parametrize(
    ("status", "words"),
    [(0, "exited 0"), (130, "exited 130"), (-2, "killed by SIGINT"), (-9, "killed by SIGKILL"), (-63, "killed by")],
)
def test_statuses_in_words(status: int, words: str) -> None:
    assert describe_status(status).startswith(words)


@pytest.mark.parametrize(
    ("text", "moments"),
    [
        ("active=2 and queued=3", [active(2) & queued(3)]),
        ("active=2,queued=3 then cleaning=1", [active(2) & queued(3), cleaning(1)]),
        ("begun=2 then halfway=1 then at-once", [begun(2), halfway(1), at_once]),
        ("before-start", [before_start]),
        ("closing and ended=2", [closing & ended(2)]),
        ("output=ready", [output("ready")]),
        ("output=listening on 8080, active=1", [output("listening on 8080") & active(1)]),
        ('output="a, b and \\"c\\" then d\\n" and created=0', [output('a, b and "c" then d\n') & created(0)]),
        ("  holding=2   then\tcleanups=2 ", [holding(2), cleanups(2)]),
    ],
)
def test_sentences(text: str, moments: list[Moment]) -> None:
    found = Moments.parse(text)
    assert list(found.moments) == moments
    assert Moments.parse(str(found)) == found


def test_in_python_as_on_the_command_line() -> None:
    when = (active(2) & queued(3)).then(cleaning(1)).then(at_once)
    assert str(when) == "active=2,queued=3 then cleaning=1 then at-once"
    assert active(1).then(active(2).then(active(3))) == Moments((active(1), active(2), active(3)))
    assert signals_at(when, [signal.SIGTERM, signal.SIGINT]) == (
        (active(2) & queued(3), signal.SIGTERM),
        (cleaning(1), signal.SIGINT),
        (at_once, signal.SIGINT),
    )
    assert signals_at("active=1", signal.SIGTERM) == ((active(1), signal.SIGTERM),)
    assert repr(when) == f"<Moments {when}>"
    assert signals_at("active=1") == ((active(1), signal.SIGINT),)


def test_phases() -> None:
    assert before_start.holds(Counts(before_start=True))
    assert not before_start.holds(Counts())
    assert (closing & ended(1)).holds(Counts(closing=True, ended=1))
    assert not (closing & ended(1)).holds(Counts(ended=1))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: active(-1), r"active\(-1\): it must be a number"),
        (
            lambda: queued("2"),  # type: ignore[arg-type]
            r"queued\('2'\): it must be a number",
        ),
        (lambda: output(""), r"output\(''\): it must be a text"),
        (lambda: active(1) & active(2), "'active' stands twice in the moment 'active=1,active=2'"),
        (lambda: at_once & active(2), "at-once in the moment 'at-once,active=2' goes with no other"),
        (lambda: Experiment("p.py", signals_at("at-once then active=1")), "the first moment is at-once; that is for"),
        (lambda: active(True), r"active\(True\): it must be a number"),
        (lambda: output("\udcff"), "it must be a text"),
        (lambda: signals_at(None), "None is no moment"),  # type: ignore[arg-type]
        (lambda: signals_at("active=1", "TERM"), "signals is 'TERM'"),  # type: ignore[arg-type]
        (lambda: signals_at("active=1", [signal.SIGINT] * 2), "there are 2 signals for 1 moments"),
    ],
)
def test_what_cannot_be_said(make: Callable[[], object], says: str) -> None:
    with pytest.raises(CancelkitError, match=says):
        make()


def test_a_loop_that_is_closed_is_being_closed_no_longer() -> None:
    tracker = Tracker()
    seen = []
    for kind, loop in (("closing", 1), ("closing", 2), ("closed", 1), ("closed", 2)):
        tracker.feed(Event(1, kind, None, {"loop": loop}))
        seen.append(closing.holds(tracker.counts()))
    assert seen == [True, True, True, False]
