"""Every way to run a loop: programs that know nothing of the recorder are recorded whole."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from cancelkit.trace.builder import timeline_of
from cancelkit.trace.events import Event
from cancelkit.trace.starting import environment_for
from cancelkit.trace.tape_reader import TapeReader
from cancelkit.trace.timeline import Timeline

pytestmark = pytest.mark.core

PROGRAMS = Path(__file__).with_name("programs")

HEAD = """\
import asyncio, sys, threading
async def job(slots):
    async with slots:
        await asyncio.sleep(0.001)
async def main():
    slots = asyncio.Semaphore(1)
    async with asyncio.TaskGroup() as group:
        group.create_task(job(slots), name="first")
        group.create_task(job(slots), name="second")
"""
ONE_RUN = {
    "main": "not started → running → awaiting → finished",
    "first": "not started → running → awaiting → finished",
    "second": "not started → running → queued → awaiting → finished",
}

WAYS = {
    "asyncio.run": "asyncio.run(main())",
    "a runner": "with asyncio.Runner() as runner: runner.run(main())",
    "a loop of its own": "loop = asyncio.new_event_loop(); loop.run_until_complete(main()); loop.close()",
    "a task of its own": (
        "loop = asyncio.new_event_loop(); task = loop.create_task(main()); loop.run_until_complete(task)"
    ),
    "a loop in a thread": (
        "thread = threading.Thread(target=lambda: asyncio.run(main())); thread.start(); thread.join()"
    ),
    "a factory of its own": (
        "def factory(loop, coro, **more): return asyncio.Task(coro, loop=loop, **more)\n"
        "loop = asyncio.new_event_loop(); loop.set_task_factory(factory); loop.run_until_complete(main()); loop.close()"
    ),
    "tasks of its own": (
        "class Task(asyncio.Task): pass\n"
        "loop = asyncio.new_event_loop()\n"
        "loop.set_task_factory(lambda loop, coro, **more: Task(coro, loop=loop, **more))\n"
        "loop.run_until_complete(main()); loop.close()"
    ),
    "another policy": (
        "class Loop(asyncio.SelectorEventLoop): pass\n"
        "loop = Loop(); asyncio.set_event_loop(loop); loop.run_until_complete(main()); loop.close()"
    ),
    "debug mode": "asyncio.run(main(), debug=True)",
}
if sys.version_info >= (3, 12):
    WAYS["a loop factory"] = "asyncio.run(main(), loop_factory=asyncio.SelectorEventLoop)"


def recorded(program: Path, *arguments: str, stdin: str = "") -> tuple[Event, ...]:
    """The events of a program that ends by itself, and says nothing of an error."""
    with tempfile.TemporaryFile() as record:
        done = subprocess.run(
            [sys.executable, program, *arguments],
            env=environment_for("cancelkit.trace.child", {"record": record.fileno()}),
            pass_fds=[record.fileno()],
            capture_output=True,
            input=stdin.encode(),
        )
        assert (done.returncode, done.stderr) == (0, b""), done.stderr.decode()
        return TapeReader(record.fileno()).new_events()


def of_code(code: str, folder: Path) -> Timeline:
    program = folder / "program.py"
    program.write_text(HEAD + code)
    return timeline_of(recorded(program))


def as_text(timeline: Timeline) -> dict[str, str]:
    return {lane.name: str(lane) for lane in timeline.lanes}


@pytest.mark.parametrize("way", WAYS)
def test_a_way_to_run_a_loop(way: str, tmp_path: Path) -> None:
    timeline = of_code(WAYS[way], tmp_path)
    assert as_text(timeline) == ONE_RUN
    assert [lane.is_main for lane in timeline.lanes] == [True, False, False]
    assert timeline.complaints == ()


def test_several_loops_one_after_another_and_at_once(tmp_path: Path) -> None:
    timeline = of_code(
        "asyncio.run(main())\n"
        "threads = [threading.Thread(target=lambda: asyncio.run(main()), name=f't{n}') for n in range(3)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
        "asyncio.run(main())\n",
        tmp_path,
    )
    assert {lane.loop for lane in timeline.lanes} == {1, 2, 3, 4, 5}
    for loop in range(1, 6):
        lanes = {lane.name: str(lane) for lane in timeline.lanes if lane.loop == loop}
        mains = [name for name in lanes if name.startswith("main ")]
        assert len(mains) == 1
        assert {"main" if name in mains else name: text for name, text in lanes.items()} == ONE_RUN


def test_a_loop_that_is_run_for_ever(tmp_path: Path) -> None:
    timeline = of_code(
        "loop = asyncio.new_event_loop()\n"
        "task = loop.create_task(main(), name='it')\n"
        "task.add_done_callback(lambda _: loop.stop())\n"
        "loop.run_forever(); loop.close()\n",
        tmp_path,
    )
    assert as_text(timeline) == {"it": ONE_RUN["main"], "first": ONE_RUN["first"], "second": ONE_RUN["second"]}
    assert not any(lane.is_main for lane in timeline.lanes)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
@pytest.mark.parametrize(
    "factory", ["asyncio.eager_task_factory", "asyncio.create_eager_task_factory(asyncio.Task)"], ids=["given", "made"]
)
def test_eager_tasks(factory: str, tmp_path: Path) -> None:
    timeline = of_code(
        "async def ends_at_once(): pass\n"
        "async def eager():\n"
        f"    asyncio.get_running_loop().set_task_factory({factory})\n"
        "    await main()\n"
        "    await asyncio.create_task(ends_at_once(), name='ends at once')\n"
        "asyncio.run(eager())\n",
        tmp_path,
    )
    assert as_text(timeline) == ONE_RUN | {"ends at once": "not started → running → finished"}


def test_uvloop(tmp_path: Path) -> None:
    pytest.importorskip("uvloop")
    run = "uvloop.run(main())" if sys.version_info >= (3, 12) else "uvloop.install(); asyncio.run(main())"
    timeline = of_code(f"import uvloop, warnings; warnings.simplefilter('ignore')\n{run}\n", tmp_path)
    assert list(as_text(timeline).values()) == list(ONE_RUN.values())
    assert [lane.is_main for lane in timeline.lanes] == [True, False, False]
    assert [mark.what for mark in timeline.marks if mark.what in ("closing", "closed")] == ["closing", "closed"]


def test_uvloop_that_is_interrupted(tmp_path: Path) -> None:
    pytest.importorskip("uvloop")
    timeline = of_code(
        "import os, signal, uvloop\n"
        "async def waits():\n"
        "    try: await asyncio.Event().wait()\n"
        "    finally: await asyncio.sleep(0)\n"
        "async def interrupted():\n"
        "    task = asyncio.create_task(waits(), name='waits')\n"
        "    await asyncio.sleep(0)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    await task\n"
        "try:\n"
        "    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner: runner.run(interrupted())\n"
        "except KeyboardInterrupt: pass\n",
        tmp_path,
    )
    assert as_text(timeline) == {
        "main": "not started → running → awaiting → cancelled",
        "waits": "not started → running → awaiting → cleaning up → cancelled",
    }
    assert [mark.name for mark in timeline.signals] == ["SIGINT"]


def test_a_program_that_forks_goes_on_being_recorded(tmp_path: Path) -> None:
    timeline = of_code(
        "import os\n"
        "async def forks():\n"
        "    await main()\n"
        "    if (child := os.fork()) == 0:\n"
        "        asyncio.events._set_running_loop(None)\n"
        "        asyncio.run(main())\n"
        "        os._exit(0)\n"
        "    assert os.waitpid(child, 0)[1] == 0\n"
        "    await asyncio.sleep(0.001)\n"
        "asyncio.run(forks())\n",
        tmp_path,
    )
    assert as_text(timeline) == ONE_RUN
    assert [mark.what for mark in timeline.marks if mark.what == "forked"] == ["forked"]


def test_a_hundred_thousand_tasks(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(
        "import asyncio\n"
        "async def main():\n"
        "    async with asyncio.TaskGroup() as group:\n"
        "        for _ in range(100_000): group.create_task(asyncio.sleep(0))\n"
        "asyncio.run(main())\n"
    )
    events = recorded(tmp_path / "program.py")
    counts = {kind: sum(event.kind == kind for event in events) for kind in ("created", "step", "suspended", "ended")}
    assert counts == {"created": 100_001, "step": 200_002, "suspended": 100_001, "ended": 100_001}
    assert not [event for event in events if event.kind == "end of the record"]


def test_names_with_newlines_and_odd_characters(tmp_path: Path) -> None:
    names = ["a\nb", "\ud800", "\x1b[2J", "🦑" * 500, "x" * 200_000, "", "Task-1", "Task-007"]
    (tmp_path / "program.py").write_text(
        "import asyncio\n"
        f"NAMES = {names!a}\n"
        "async def main():\n"
        "    tasks = [asyncio.create_task(asyncio.sleep(0), name=name) for name in NAMES]\n"
        "    assert [task.get_name() for task in tasks] == NAMES\n"
        "    await asyncio.wait(tasks)\n"
        "asyncio.run(main())\n"
    )
    named: dict[int | None, str] = {}
    for event in recorded(tmp_path / "program.py"):
        if event.kind in ("created", "named"):
            named[event.task] = event.detail["name"]
    assert list(named.values())[1:] == [
        name if len(name) < 100_000 else f"{name[:1024]}… ({len(name)} characters)" for name in names
    ]


def test_an_aiohttp_server_that_is_interrupted_while_fifty_requests_are_in_flight(tmp_path: Path) -> None:
    pytest.importorskip("aiohttp")
    with tempfile.TemporaryFile() as record, tempfile.TemporaryFile() as stderr:
        server = subprocess.Popen(
            [sys.executable, PROGRAMS / "aiohttp_service.py"],
            env=environment_for("cancelkit.trace.child", {"record": record.fileno()}),
            pass_fds=[record.fileno()],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
        assert server.stdout is not None
        port = int(server.stdout.readline())
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(50)]
        try:
            for number, client in enumerate(clients, 1):
                client.sendall(f"GET /{number} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert server.stdout.readline() == "in flight\n"
            server.send_signal(signal.SIGINT)
            assert server.wait() == -signal.SIGINT
        finally:
            server.kill()
            server.stdout.close()
            for client in clients:
                client.close()
        timeline = timeline_of(TapeReader(record.fileno()).new_events())
    requests = [lane for lane in timeline.lanes if lane.name.startswith("request-")]
    assert len(requests) == 50
    landed = timeline.signals[0].landed
    assert landed.queued == 40
    queued = [lane for lane in requests if "queued" in lane.states]
    assert {lane.end for lane in queued} == {"cancelled"}
    assert sum("cleaning up" in lane.states for lane in requests if lane not in queued) == 10
