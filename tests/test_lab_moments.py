"""Moments and signals: what can be read is, and what cannot is named."""

import signal
from typing import Any

import pytest

from cancelkit.errors import BadMomentError
from cancelkit.lab.moments import Moment, parse_signal
from cancelkit.lab.outcome import describe_status
from cancelkit.trace.states import COUNT_NAMES, Counts

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
