"""The server of the workload: when it answers and when it does not, and what it says of each visit."""

import selectors
import socket
from collections.abc import Iterator

import pytest

from cancelkit.lab.server import JobServer, Visit

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("nothing_left")]


class Guest:
    """A job, seen from here."""

    def __init__(self, server: JobServer) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port))

    def ask(self, what: str, seconds: float = 0.0, name: str = "job") -> None:
        self.socket.sendall(f"{what} {name} {seconds}\n".encode())


@pytest.fixture
def selector() -> Iterator[selectors.BaseSelector]:
    with selectors.DefaultSelector() as selector:
        yield selector


@pytest.fixture
def server(selector: selectors.BaseSelector) -> Iterator[JobServer]:
    server = JobServer(selector, 0.0, in_lockstep=True)
    yield server
    server.close()


@pytest.fixture
def guest(server: JobServer, selector: selectors.BaseSelector) -> Iterator[Guest]:
    guest = Guest(server)
    hear(selector)
    with guest.socket:
        yield guest


def hear(selector: selectors.BaseSelector) -> None:
    """Wait until something comes, and take it."""
    for key, _ in selector.select(10):
        key.data()


def may_answer(server: JobServer) -> bool:
    return server.seconds_left() is not None


def test_it_answers_a_program_at_rest_that_has_been_heard_out(
    server: JobServer, selector: selectors.BaseSelector, guest: Guest
) -> None:
    guest.ask("hello")
    hear(selector)
    assert not may_answer(server)
    server.on_rest(asked=2)
    assert not may_answer(server)
    server.on_rest(asked=1)
    assert server.seconds_left() == 0.0
    server.answer()
    assert guest.socket.recv(100) == b"hello\n"
    guest.ask("tidy")
    hear(selector)
    assert not may_answer(server)  # it has been given something to do


def test_long_work_is_not_over_before_the_signals(
    server: JobServer, selector: selectors.BaseSelector, guest: Guest
) -> None:
    server.signals_to_come = True
    guest.ask("work", 5.0)
    hear(selector)
    server.on_rest(asked=1)
    assert not may_answer(server)
    server.on_signal()
    server.signals_to_come = False
    assert not may_answer(server)  # what the signal causes comes first
    server.on_rest(asked=1)
    assert may_answer(server)


def test_short_work_is(server: JobServer, selector: selectors.BaseSelector, guest: Guest) -> None:
    server.signals_to_come = True
    guest.ask("work", 0.1)
    hear(selector)
    server.on_rest(asked=1)
    assert may_answer(server)


def test_who_blocks_the_program_is_answered_without_rest(
    server: JobServer, selector: selectors.BaseSelector, guest: Guest
) -> None:
    server.signals_to_come = True
    guest.ask("block", 5.0, "")
    hear(selector)
    assert not may_answer(server)
    server.signals_to_come = False
    assert may_answer(server)


def test_visits(server: JobServer, selector: selectors.BaseSelector) -> None:
    guests = [Guest(server) for _ in range(4)]
    hear(selector)
    for number, guest in enumerate(guests[:3]):
        guest.ask("goodbye" if number == 0 else "work", 0.0, f"job {number}")
        hear(selector)
    server.on_rest(asked=3)
    server.answer()
    guests[1].socket.close()
    visits = server.close()
    assert visits == server.close()
    assert list(visits) == [
        Visit("job 0", "goodbye"),
        Visit("job 1", "hung up"),
        Visit("job 2", "still there"),
        Visit("", "still there"),
    ]
    for guest in guests:
        guest.socket.close()


@pytest.mark.parametrize("line", [b"\n", b"work\n", b"work job soon\n", b"\xff\xfe nan\n", b"work job 1e400 x\n"])
def test_nonsense_is_not_answered(
    server: JobServer, selector: selectors.BaseSelector, guest: Guest, line: bytes
) -> None:
    guest.socket.sendall(line)
    hear(selector)
    server.on_rest(asked=1)
    server.answer()
    assert server.close()[0].farewell == "still there"


def test_who_never_ends_a_line_is_shown_the_door(
    server: JobServer, selector: selectors.BaseSelector, guest: Guest
) -> None:
    for _ in range(3):
        guest.socket.sendall(b"x" * 1000)
        hear(selector)
    assert server.close()[0].farewell == "hung up"


def test_a_pace(selector: selectors.BaseSelector) -> None:
    server = JobServer(selector, 100.0, in_lockstep=False)
    with Guest(server).socket as connection:
        hear(selector)
        connection.sendall(b"work job 2.0\n")
        hear(selector)
        left = server.seconds_left()
        assert left is not None
        assert 100 < left <= 200
        server.close()
