"""Tests of the services with real signals at exact moments.

Run me with pytest: the service that uses a gather fails, for its goodbyes are lost, and
the report shows where each task was.
"""

from signal import SIGTERM

import pytest

from cancelkit.lab import active, cleaning, queued
from cancelkit.pytest_plugin import Interrupt

each_service = pytest.mark.parametrize("service", ["gather", "group", "owned"])

two_are_served = active(2) & queued(1)


@each_service
def test_ctrl_c(interrupt: Interrupt, service: str) -> None:
    """One Ctrl-C when two clients are served and one waits."""
    outcome = interrupt(f"testing_service_{service}.py", when=two_are_served)
    assert outcome.clean


@each_service
def test_ctrl_c_slow_start(interrupt: Interrupt, service: str) -> None:
    """The same Ctrl-C, by a service that takes two seconds to load."""
    outcome = interrupt(f"testing_service_{service}.py", "2", when=two_are_served)
    assert outcome.clean


@each_service
def test_ctrl_c_twice(interrupt: Interrupt, service: str) -> None:
    """A second Ctrl-C while the two get their goodbyes."""
    outcome = interrupt(f"testing_service_{service}.py", when=two_are_served.then(cleaning(2)))
    assert outcome.clean
    assert outcome.stdout.count("goodbye") == 2


@each_service
def test_sigterm(interrupt: Interrupt, service: str) -> None:
    """SIGTERM, as a service manager sends it."""
    outcome = interrupt(f"testing_service_{service}.py", when=two_are_served, signals=SIGTERM)
    assert outcome.clean
