"""The observer changes nothing: what programs print, and how they end, is the same, recorded or not.

The programs look where a recorder might be seen: in tracebacks, in stacks, in what tasks say of themselves, in how they
die. What is compared is all that they write, but for addresses in memory, times, and the module of Task.
"""

from __future__ import annotations

import ast
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cancelkit.trace.starting import environment_for
from cancelkit.trace.tape_reader import TapeReader

pytestmark = pytest.mark.core

PROGRAMS = Path(__file__).with_name("programs")
NEED_EAGER = sys.version_info < (3, 12)
ERRORS = ("ValueError", "KeyboardInterrupt", "SystemExit", "CancelledError", "StopIteration", "GeneratorExit", "Odd")

Said = tuple[str, str, int]


def functions_of(name: str, kind: type[ast.FunctionDef] | type[ast.AsyncFunctionDef], start: str = "") -> list[str]:
    """The functions without arguments that one of the programs can be asked for."""
    tree = ast.parse((PROGRAMS / f"{name}.py").read_text())
    defined = (node for node in tree.body if isinstance(node, kind) and not node.name.startswith("_"))
    return [node.name for node in defined if node.name.startswith(start) and not ast.unparse(node.args)]


def said(command: list[str], environment: dict[str, str], record: int | None = None) -> Said:
    """What a program writes to stdout and stderr, without addresses, and its status."""
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        env=environment,
        pass_fds=() if record is None else (record,),
        cwd=PROGRAMS.parents[1],
        timeout=60,
    )
    out, err = (_without_addresses(text.decode()) for text in (done.stdout, done.stderr))
    return out, err, done.returncode


def _without_addresses(text: str) -> str:
    # Python's messages call a class of C's by its module too, and one that is made in Python by its name alone.
    text = re.sub(r"0x[0-9a-f]+", "0x…", text).replace("_asyncio.Task", "Task")
    return re.sub(r"when=[\d.]+", "when=…", text)


def plain_and_recorded(*command: str) -> tuple[Said, Said]:
    """What it says without us and with us; and that it was recorded."""
    with tempfile.TemporaryFile() as record, ThreadPoolExecutor(2) as pool:
        environment = os.environ | {"PYTHONHASHSEED": "1"}
        recorded = environment_for("cancelkit.trace.child", {"record": record.fileno()}) | {"PYTHONHASHSEED": "1"}
        plain = pool.submit(said, list(command), environment)
        with_us = pool.submit(said, list(command), recorded, record.fileno())
        result = plain.result(), with_us.result()
        events = TapeReader(record.fileno()).new_events()
        assert events
        assert not [event for event in events if event.kind == "end of the record"]
    return result


def raising() -> Iterator[tuple[str, str]]:
    """A place and an error; an eager place only where there are eager tasks."""
    for place in functions_of("raises", ast.AsyncFunctionDef, "in_"):
        if not ("eager" in place and NEED_EAGER):
            for error in ERRORS:
                yield place, error


@pytest.mark.parametrize("place", sorted({place for place, _ in raising()}))
def test_errors_say_the_same(place: str) -> None:
    for error in ERRORS:
        if (place, error) == ("in_thread", "StopIteration"):
            continue  # no future takes it, so the program waits for ever
        plain, recorded = plain_and_recorded(str(PROGRAMS / "raises.py"), place, error)
        assert recorded == plain, error


LOOKS = [
    (name, function)
    for name in ("looks_at_loops", "looks_at_signals", "looks_at_stacks", "looks_at_tasks")
    for function in functions_of(name, ast.FunctionDef)
    if not function.startswith("ready_")  # these wait to be interrupted
]


@pytest.mark.parametrize(("program", "function"), [look for look in LOOKS if not ("eager" in look[1] and NEED_EAGER)])
def test_a_look_around_shows_the_same(program: str, function: str) -> None:
    plain, recorded = plain_and_recorded(str(PROGRAMS / f"{program}.py"), function)
    assert recorded == plain


READY = functions_of("looks_at_signals", ast.FunctionDef, "ready_")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("function", READY)
def test_a_signal_ends_a_program_the_same(function: str, signum: signal.Signals) -> None:
    plain = interrupted(function, signum, dict(os.environ))
    with tempfile.TemporaryFile() as record:
        environment = environment_for("cancelkit.trace.child", {"record": record.fileno()})
        assert interrupted(function, signum, environment, record.fileno()) == plain


def interrupted(function: str, signum: signal.Signals, environment: dict[str, str], *records: int) -> Said:
    """What a program says that is sent a signal when it waits, and its status."""
    command = [sys.executable, str(PROGRAMS / "looks_at_signals.py"), function]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, pass_fds=records
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        while Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "S":
            os.sched_yield()
        process.send_signal(signum)
        out, err = process.communicate()
    return _without_addresses(out), _without_addresses(err), process.returncode


def test_whatever_a_signal_hits_no_traceback_tells_of_us() -> None:
    _, (told, _, status) = plain_and_recorded(str(PROGRAMS / "is_hit.py"), "100")
    assert (told, status) == ("hit\nTrue\n", 0)


BUSY = """
import asyncio
async def spins():
    while True:
        await asyncio.sleep(0)
async def main():
    print("ready", flush=True)
    async with asyncio.TaskGroup() as group:
        for _ in range(20): group.create_task(spins())
asyncio.run(main())
"""


def test_an_interrupt_in_the_middle_of_the_recorders_work_is_raised_from_the_programs_lines(tmp_path: Path) -> None:
    """A busy loop run by hand, so that Python's own handler raises wherever it is: often, in lines of ours."""
    program = tmp_path / "busy.py"
    program.write_text(BUSY.replace("asyncio.run(main())", "asyncio.new_event_loop().run_until_complete(main())"))
    for number in range(int(os.environ.get("CANCELKIT_INTERRUPTS", "15"))):
        with tempfile.TemporaryFile() as record:
            process = subprocess.Popen(
                [sys.executable, program],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=environment_for("cancelkit.trace.child", {"record": record.fileno()}),
                pass_fds=[record.fileno()],
            )
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            while os.fstat(record.fileno()).st_size < (2 + number % 3) << 20:  # some hundred thousand steps
                os.sched_yield()
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate()
        assert process.returncode == -signal.SIGINT
        assert "KeyboardInterrupt" in stderr
        assert "cancelkit" not in stderr
