"""Wrong answers to the exercises of notebook 08: tests that pass where they should fail, or fail for a wrong reason."""

from __future__ import annotations

from wrong_answers import Wrong, each_is_refused

_CLEAN = "assert outcome.clean"

_HIDES = ("as the exit status is wrong", "all tests pass")
_LEAKS = ("as a socket leaks", "all tests pass")
_TWICE = ("as a second Ctrl-C in the goodbyes loses them", "all tests pass")
_ORDINARY = ("as one Ctrl-C in an ordinary goodbye loses it", "all tests pass")
_TERMINATED = ("as SIGTERM ends it without a goodbye", "all tests pass")

_SLEEPS = """\
import subprocess
import sys
import time
from pathlib import Path
from signal import SIGINT


def test_ctrl_c():
    command = [sys.executable, Path(__file__).with_name("service.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        time.sleep(0.1)
        process.send_signal(SIGINT)
        said, _ = process.communicate()
    assert said.count("goodbye") == said.count("served")
"""

_READS_THE_SOURCE = """\
from pathlib import Path


def test_source():
    text = Path(__file__).with_name("service.py").read_text()
    assert "suppress" not in text and "socket" not in text
"""

_ALWAYS_FAILS = """\
def test_ctrl_c(interrupt):
    interrupt("service.py", when="active=2")
    assert False
"""

_WITHOUT_A_TEST = """\
def ctrl_c(interrupt):
    assert interrupt("service.py", when="active=2").clean
"""

_IMPORTS_WHAT_IS_NOT_THERE = """\
from cancelkit.lab import at_work


def test_ctrl_c(interrupt):
    assert interrupt("service.py", when=at_work(2)).clean
"""

_BREAKS = """\
def test_ctrl_c_in_goodbye(interrupt):
    outcome = interrupt("service.py", when="active=2 then cleaning=2")
    if outcome.broken:
        raise RuntimeError("it is broken")
"""

_SKIPS = """\
import pytest


@pytest.mark.skip
def test_ctrl_c_in_goodbye(interrupt):
    assert interrupt("service.py", when="active=2 then cleaning=2").clean
"""

_FORGIVES = """\
import contextlib
from signal import SIGTERM

import pytest


@pytest.mark.parametrize(
    ("when", "signals"),
    [("active=1 and queued=1", ()), ("active=2 then cleaning=2", ()), ("active=2", SIGTERM)],
)
def test_signals(interrupt, when, signals):
    with contextlib.suppress(AssertionError):
        assert interrupt("service.py", when=when, signals=signals).clean
"""

WRONG = (
    Wrong(
        "08.1",
        "look at the exit status alone",
        (_LEAKS,),
        ((_CLEAN, "assert outcome.returncode in (-2, 130)"),),
    ),
    Wrong(
        "08.1",
        "look for leaks alone",
        (_HIDES,),
        ((_CLEAN, "assert not outcome.leaks"),),
    ),
    Wrong(
        "08.1",
        "expect what is wrong",
        (("all tests pass", "test_ctrl_c does not: AssertionError"), _HIDES),
        (("active(2))", "active(2), expect=0)"),),
    ),
    Wrong(
        "08.1",
        "print it, and assert nothing",
        (_HIDES, _LEAKS),
        ((_CLEAN, "print(outcome.clean)"),),
    ),
    Wrong(
        "08.1",
        "sleep, and send the signal oneself",
        (
            ("each test sends a signal", "test_ctrl_c sends none"),
            _HIDES,
            _LEAKS,
        ),
        text=_SLEEPS,
    ),
    Wrong(
        "08.1",
        "read the program instead of running it",
        (
            ("each test sends a signal", "test_source sends none"),
            ("as the exit status is wrong", "test_source does not pass, but sends no signal: AssertionError"),
            ("as a socket leaks", "test_source does not pass, but sends no signal: AssertionError"),
        ),
        text=_READS_THE_SOURCE,
    ),
    Wrong(
        "08.1",
        "fail, whatever comes",
        (("all tests pass", "test_ctrl_c does not: AssertionError: assert False"),),
        text=_ALWAYS_FAILS,
    ),
    Wrong(
        "08.1",
        "a function that pytest does not take for a test",
        (("it is a file of tests", "there is no test in it"),),
        text=_WITHOUT_A_TEST,
    ),
    Wrong(
        "08.1",
        "import what is not there",
        (("it is a file of tests", "ImportError: cannot import name 'at_work' from 'cancelkit.lab'"),),
        text=_IMPORTS_WHAT_IS_NOT_THERE,
    ),
    Wrong(
        "08.2",
        "as fast as can be",
        (_TWICE, _TWICE),
        (("then cleaning=2", "then at-once"),),
    ),
    Wrong(
        "08.2",
        "the same moment once more: it is still there when the first signal has been sent",
        (_TWICE, _TWICE),
        (("then cleaning=2", "then active=2,queued=1"),),
    ),
    Wrong(
        "08.2",
        "wait for a goodbye, and send nothing before",
        (
            ("all tests pass", "test_ctrl_c_in_goodbye does not: "),
            ("as a second Ctrl-C", "test_ctrl_c_in_goodbye fails, but not on an assertion: MomentNotReachedError"),
            ("as a second Ctrl-C", "test_ctrl_c_in_goodbye fails, but not on an assertion: MomentNotReachedError"),
        ),
        (("active=2 then cleaning=2", "cleaning=2"),),
        hangs=True,
    ),
    Wrong(
        "08.2",
        "raise something else",
        tuple(("as a second Ctrl-C", "fails, but not on an assertion: RuntimeError: it is broken") for _ in range(2)),
        text=_BREAKS,
    ),
    Wrong(
        "08.2",
        "skip it",
        (
            ("all tests pass", "test_ctrl_c_in_goodbye does not: it was skipped"),
            ("each test sends a signal", "test_ctrl_c_in_goodbye sends none"),
            ("as a second Ctrl-C", "test_ctrl_c_in_goodbye does not pass, but sends no signal: it was skipped"),
            ("as a second Ctrl-C", "test_ctrl_c_in_goodbye does not pass, but sends no signal: it was skipped"),
        ),
        text=_SKIPS,
    ),
    Wrong(
        "08.3",
        "keep the assertions from failing",
        (_ORDINARY, _TWICE, _TERMINATED),
        text=_FORGIVES,
    ),
    Wrong(
        "08.3",
        "SIGTERM, and not in a goodbye",
        (_ORDINARY,),
        (("active(1) & queued(1)", "active(2)"),),
    ),
    Wrong(
        "08.3",
        "SIGINT three times",
        (_TERMINATED,),
        ((", signals=SIGTERM", ""),),
    ),
    Wrong(
        "08.3",
        "one signal after the other, when nobody says goodbye yet",
        (_TWICE,),
        (
            ("active(2).then(cleaning(2))", "active(2).then(at_once)"),
            ("import active, cleaning", "import active, at_once"),
        ),
    ),
)

test_it_is_refused_for_what_is_wrong = each_is_refused(WRONG)
