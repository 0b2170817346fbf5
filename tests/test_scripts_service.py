"""scripts/service.py, the service to be copied: real processes, real signals, with requests in flight.

Nothing here sleeps. The work of the service is done by the test (see service_at_work.py): it knows which request has
begun and which waits, says when a signal is to be sent, and lets work end when it has seen what it wants to see.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import re
import shutil
import socket
import subprocess
import sys
import textwrap
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from signal import SIGINT, SIGTERM, Signals
from subprocess import PIPE
from typing import NamedTuple

import pytest

pytest.importorskip("aiohttp")

from cancelkit.lab import (
    Experiment,
    Moment,
    Moments,
    Outcome,
    at_once,
    before_start,
    begun,
    output,
    perform,
    perform_async,
    signals_at,
)

pytestmark = pytest.mark.usefixtures("nothing_left")

ROOT = Path(__file__).parents[1]
SERVICE = ROOT / "scripts" / "service.py"
AT_WORK = Path(__file__).with_name("programs") / "service_at_work.py"
STATUS = {SIGINT: -SIGINT, SIGTERM: 143}
LISTENS = output("listening on 127.0.0.1:") & begun(0)
SECONDS_AT_MOST = 100


class Answer(NamedTuple):
    """What comes back, and whether the connection was closed after it, as announced."""

    status: int
    body: str
    is_last: bool


class Client(NamedTuple):
    """A connection to the service, without a library that knows better."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, text: str) -> None:
        self.writer.write(text.encode())

    def ask(self, path: str) -> None:
        self.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")

    async def answer(self) -> Answer:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        fields = dict(re.findall(r"^(\S+): (.*)\r$", head, re.MULTILINE))
        body = (await self.reader.readexactly(int(fields["Content-Length"]))).decode()
        is_last = fields.get("Connection") == "close"
        assert not is_last or await self.is_closed()
        return Answer(int(head.split()[1]), body, is_last)

    async def is_closed(self) -> bool:
        """Whether the service hangs up without another word."""
        with contextlib.suppress(ConnectionResetError):
            assert await self.reader.read() == b""
        return True


class Stand:
    """The side of the test: what the service says to it, the work that it does, and its clients."""

    def __init__(self) -> None:
        self._heard: dict[str, asyncio.Future[Client]] = {}
        self._clients: list[Client] = []
        self._signals = 0
        self._port = self.pid = 0

    async def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = (await reader.readline()).decode().strip()
        if said.startswith("listens "):
            said, self._port, self.pid = "listens", *map(int, said.split()[1:])
        self.heard(said).set_result(Client(reader, writer))

    def heard(self, what: str) -> asyncio.Future[Client]:
        """Wait until the service has said so, and have the connection on which it did."""
        return self._heard.setdefault(what, asyncio.get_running_loop().create_future())

    async def connect(self) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self._port))
        self._clients.append(client)
        return client

    async def order(self, what: str, until: str) -> Client:
        """Send a request, and return when it "comes", which is to the queue, or when its work "begins"."""
        client = await self.connect()
        client.ask(f"/work/{what}")
        await self.heard(f"{until} {what}")
        return client

    async def work(self, what: str, word: str = "done") -> None:
        """Say something to a piece of work that has begun."""
        (await self.heard(f"begins {what}")).send(f"{word}\n")

    async def have_a_signal_sent(self, what: str) -> None:
        """Have the next one sent when this work has printed what it is for."""
        self.say_signal(await self.heard(f"begins {what}"))

    def say_signal(self, client: Client) -> None:
        self._signals += 1
        client.send(f"signal {self._signals}\n")

    async def close(self) -> None:
        told = [heard.result() for heard in self._heard.values() if heard.done()]
        for client in (*told, *self._clients):
            client.writer.close()
            with contextlib.suppress(ConnectionError):
                await client.writer.wait_closed()


Play = Callable[[Stand], Awaitable[None]]


def serve(play: Play, *signals: Signals, grace: int = SECONDS_AT_MOST, options: Sequence[str] = ()) -> Outcome:
    """Start the service, and let the play go on; it says when the signals are to be sent."""
    # The second condition always holds; with it, the service goes no further before the signal has been sent.
    when = Moments(tuple(output(f"signal {number}\n") & begun(0) for number, _ in enumerate(signals, 1)))
    pairs = signals_at(when, signals) if signals else ()

    async def main() -> Outcome:
        stand = Stand()
        server = await asyncio.start_server(stand.hear, "127.0.0.1", 0)
        arguments = [str(server.sockets[0].getsockname()[1]), str(grace), *options]
        experiment = Experiment(AT_WORK, pairs, arguments, deadline=SECONDS_AT_MOST)
        async with server, asyncio.timeout(SECONDS_AT_MOST), asyncio.TaskGroup() as group:
            program = group.create_task(perform_async(experiment))
            try:
                await stand.heard("listens")
                await play(stand)
                return await program
            finally:
                await stand.close()

    return asyncio.run(main())


def left(outcome: Outcome) -> list[str]:
    return [str(leak) for leak in outcome.leaks]


DONE = functools.partial(Answer, 200)
REFUSED = functools.partial(Answer, 503, "503: Service Unavailable")


# Signals, with requests in flight.


@pytest.mark.parametrize(
    "signals",
    [[SIGINT], [SIGTERM], [SIGINT, SIGINT], [SIGINT] * 3, [SIGTERM, SIGINT, SIGTERM]],
    ids=lambda signals: "-".join(signum.name for signum in signals),
)
def test_what_has_begun_is_answered_what_waits_is_refused_and_the_exit_is_honest(signals: list[Signals]) -> None:
    async def play(stand: Stand) -> None:
        kept, idle, half = [await stand.connect() for _ in range(3)]
        for client in (kept, idle):
            client.ask("/health")
            assert await client.answer() == Answer(200, "ready\n", is_last=False)
        half.send("GET /health HT")
        at_work = [await stand.order(what, "begins") for what in ("a", "b")]
        waiting = [await stand.order(what, "comes") for what in ("c", "d")]

        await stand.have_a_signal_sent("a")
        await stand.heard("stops")
        # The queue is not waited for: nothing of it begins, while the work goes on.
        assert [await client.answer() for client in waiting] == [REFUSED(is_last=True)] * 2
        with pytest.raises(ConnectionRefusedError):
            await stand.connect()
        kept.ask("/health")
        assert await kept.answer() == Answer(503, "stopping\n", is_last=True)
        for _ in signals[1:]:
            await stand.have_a_signal_sent("a")
        for client, what in zip(at_work, ("a", "b"), strict=True):
            await stand.work(what)
            assert await client.answer() == DONE(f"{what} is done", is_last=True)
        # Only now is nobody in flight, and who waits for a request is hung up on.
        assert await idle.is_closed()
        assert await half.is_closed()
        assert not stand.heard("begins c").done()

    outcome = serve(play, *signals)
    assert outcome.returncode == STATUS[signals[0]]
    assert left(outcome) == []
    complaints = outcome.stderr.splitlines()
    assert sum(line.startswith("still being cleaned up: GET /work/a, GET /work/b, ") for line in complaints) == (
        len(signals) - 1
    )
    assert (len(complaints) == len(signals) - 1) is (signals[0] == SIGTERM)  # a traceback is the only other thing


def test_a_request_on_a_connection_that_was_kept_is_refused_by_a_service_that_stops() -> None:
    async def play(stand: Stand) -> None:
        kept = await stand.order("a", "begins")
        await stand.work("a")
        assert await kept.answer() == DONE("a is done", is_last=False)
        last = await stand.order("b", "begins")
        await stand.have_a_signal_sent("b")
        await stand.heard("stops")
        kept.ask("/work/c")
        assert await kept.answer() == REFUSED(is_last=True)
        await stand.work("b")
        assert await last.answer() == DONE("b is done", is_last=True)

    outcome = serve(play, SIGTERM)
    assert (outcome.returncode, left(outcome)) == (143, [])


def test_with_nobody_in_flight_it_ends_at_once_and_hangs_up_on_those_who_wait() -> None:
    async def play(stand: Stand) -> None:
        idle = await stand.order("a", "begins")
        await stand.work("a")
        assert await idle.answer() == DONE("a is done", is_last=False)
        os.kill(stand.pid, SIGTERM)
        assert await idle.is_closed()

    outcome = serve(play)
    assert (outcome.returncode, outcome.stderr, left(outcome)) == (143, "", [])


@pytest.mark.parametrize("options", [[], ["--cancels"]])
def test_clients_that_have_gone_keep_nobody(options: list[str]) -> None:
    async def play(stand: Stand) -> None:
        gone = [await stand.order(what, until) for what, until in (("a", "begins"), ("b", "begins"), ("c", "comes"))]
        for client in gone:
            client.writer.transport.abort()
        if options:
            await asyncio.gather(*(stand.heard(f"gone {what}") for what in ("a", "b", "c")))
        await stand.have_a_signal_sent("a")
        await stand.heard("stops")
        await stand.work("a")
        await stand.work("b")

    outcome = serve(play, SIGTERM, options=options)
    assert (outcome.returncode, outcome.stderr, left(outcome)) == (143, "", [])


@pytest.mark.parametrize("signum", [SIGINT, SIGTERM])
def test_a_request_that_hangs_is_named_with_where_it_is_and_the_service_ends(signum: Signals) -> None:
    async def play(stand: Stand) -> None:
        hanging = await stand.order("a", "begins")
        quick = await stand.order("b", "begins")
        await stand.have_a_signal_sent("a")
        await stand.heard("stops")
        await stand.work("b")
        assert await quick.answer() == DONE("b is done", is_last=True)
        assert await hanging.is_closed()

    outcome = serve(play, signum, grace=1)
    assert outcome.returncode == STATUS[signum]
    named = re.findall(r"^gave up waiting for (.*), which is here:$", outcome.stderr, re.MULTILINE)
    assert named == ["GET /work/a", "RequestHandler.start", "main", "main cleanup", "worker-1", "worker-2"]
    assert re.search(r'service_at_work\.py", line \d+, in do_work\n', outcome.stderr)


# The queue and its workers.


def test_a_queue_that_is_full_refuses_and_does_not_hang_up() -> None:
    async def play(stand: Stand) -> None:
        clients = [await stand.order(what, "begins") for what in ("a", "b")]
        clients += [await stand.order(what, "comes") for what in ("c", "d")]
        refused = await stand.order("e", "comes")
        assert await refused.answer() == REFUSED(is_last=False)
        for client, what in zip(clients, ("a", "b", "c", "d"), strict=True):
            await stand.work(what)
            assert await client.answer() == DONE(f"{what} is done", is_last=False)
        refused.ask("/work/f")
        await stand.have_a_signal_sent("f")
        await stand.heard("stops")
        await stand.work("f")
        assert await refused.answer() == DONE("f is done", is_last=True)

    outcome = serve(play, SIGTERM)
    assert (outcome.returncode, left(outcome)) == (143, [])


def test_work_that_fails_is_answered_with_500_and_its_worker_goes_on() -> None:
    async def play(stand: Stand) -> None:
        for number in range(4):
            failing = await stand.order(f"a{number}", "begins")
            await stand.work(f"a{number}", "fails")
            assert (await failing.answer()).status == 500
        last = await stand.order("a", "begins")
        await stand.have_a_signal_sent("a")
        await stand.work("a")
        assert (await last.answer()).status == 200

    outcome = serve(play, SIGTERM)
    assert (outcome.returncode, outcome.stderr.count("LookupError: begins a"), left(outcome)) == (143, 4, [])


def test_when_a_worker_breaks_the_service_stops_and_no_signal_interrupts_that() -> None:
    async def play(stand: Stand) -> None:
        broken = await stand.order("a", "begins")
        other = await stand.order("b", "begins")
        waiting = await stand.order("c", "comes")
        await stand.work("a", "breaks")
        stopping = await stand.heard("stops")
        assert await broken.is_closed()
        assert await other.is_closed()
        for _ in range(2):
            stand.say_signal(stopping)
        stopping.send("done\n")
        assert await waiting.answer() == REFUSED(is_last=True)

    outcome = serve(play, SIGTERM, SIGTERM, options=["--held"])
    assert (outcome.returncode, left(outcome)) == (143, [])
    assert "Broken: begins a" in outcome.stderr
    assert outcome.stderr.count("still being cleaned up: ") == 1


# The script as it is.


@pytest.mark.parametrize("signum", [SIGINT, SIGTERM])
@pytest.mark.parametrize(
    ("when", "has_listened"),
    [(before_start, False), (LISTENS, True), (LISTENS.then(at_once).then(at_once), True)],
    ids=["before", "one", "three"],
)
def test_without_a_client(when: Moment | Moments, signum: Signals, *, has_listened: bool) -> None:
    outcome = perform(Experiment(SERVICE, signals_at(when, signum), ["0"], deadline=SECONDS_AT_MOST))
    assert outcome.returncode == STATUS[signum]
    assert outcome.clean
    assert ("listening on" in outcome.stdout) is has_listened


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        arguments = [str(holder.getsockname()[1])]
        outcome = perform(Experiment(SERVICE, [], arguments, deadline=SECONDS_AT_MOST, expect=1))
    assert "address already in use" in outcome.stderr
    assert outcome.clean


def test_the_readme_shows_it_as_it_is() -> None:
    section = (ROOT / "README.md").read_text().partition("\n## A service\n")[2].partition("\n## ")[0]
    (shown,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    assert textwrap.indent(shown, " " * 8) in SERVICE.read_text()


def test_it_says_what_to_copy_and_that_works(tmp_path: Path) -> None:
    assert "copy `cancelkit/shutdown.py` beside me" in SERVICE.read_text()
    text = SERVICE.read_text().replace("from cancelkit.shutdown import finish, run", "from shutdown import finish, run")
    (tmp_path / "service.py").write_text(text)
    (tmp_path / "shutdown.py").write_text((ROOT / "cancelkit" / "shutdown.py").read_text())
    (tmp_path / "cancelkit.py").write_text("raise ImportError('not to be imported')\n")
    with subprocess.Popen([sys.executable, "service.py", "0"], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as copy:
        assert copy.stdout is not None
        assert copy.stdout.readline().startswith("listening on 127.0.0.1:")
        copy.send_signal(SIGTERM)
    assert copy.returncode == 143


# Process 1, as in a container: one that the kernel sends no signal for which it has no handler.

AS_PROCESS_1 = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"]
WITHOUT_A_HANDLER = """
import asyncio, sys

async def main():
    print("ready", flush=True)
    print("heard", await asyncio.to_thread(sys.stdin.readline), flush=True)

asyncio.run(main())
"""


def can_be_process_1() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*AS_PROCESS_1, "true"], capture_output=True, check=False).returncode == 0


needs_process_1 = pytest.mark.skipif(not can_be_process_1(), reason="needs unshare, and leave to use it")


@contextlib.contextmanager
def process_1(*words: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Python as process 1 of a namespace, when it has said something; and its number outside of that."""
    command = [*AS_PROCESS_1, sys.executable, *words]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True) as around:
        try:
            assert around.stdout is not None
            assert around.stdout.readline()
            (inside,) = Path(f"/proc/{around.pid}/task/{around.pid}/children").read_text().split()
            yield around, int(inside)
        finally:
            around.kill()  # which ends what is inside as well


@needs_process_1
@pytest.mark.parametrize(("signum", "status"), [(SIGINT, 130), (SIGTERM, 143)])
def test_as_process_1_it_ends_as_anywhere(signum: Signals, status: int) -> None:
    with process_1(str(SERVICE), "0") as (around, inside):
        os.kill(inside, signum)
        assert around.wait() == status


@needs_process_1
def test_as_process_1_a_program_without_a_handler_does_not_hear_of_sigterm() -> None:
    with process_1("-c", WITHOUT_A_HANDLER) as (around, inside):
        os.kill(inside, SIGTERM)
        assert (*around.communicate("you\n"), around.returncode) == ("heard you\n\n", "", 0)
