"""A program that is traced runs as without us: the same words, streams, files, signals and status. Real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from cancelkit.errors import CancelkitError, UnusableProgramError
from cancelkit.trace.launch import run_program
from cancelkit.trace.record import Record, read_record

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("nothing_left")]

Said = tuple[bytes, bytes, int]
Trace = Callable[..., Said]
Write = Callable[[str], Path]


def plainly(*words: object, **options: Any) -> Said:
    """What Python says of a program, and how it ends."""
    return run([sys.executable, *words], **options)


def run(command: Sequence[object], **options: Any) -> Said:
    options = dict[str, Any](input=b"", start_new_session=True) | options
    done = subprocess.run([str(word) for word in command], capture_output=True, check=False, **options)
    return done.stdout, done.stderr, done.returncode


@pytest.fixture
def command(programs: Path, tmp_path: Path) -> list[str]:
    """What traces the program that comes after it."""
    return [sys.executable, str(programs / "traces.py"), str(tmp_path / "record.jsonl")]


@pytest.fixture
def traced(command: list[str]) -> Trace:
    """The same as `plainly`, traced."""
    return lambda *words, **options: run([*command, *words], **options)


@pytest.fixture
def record(tmp_path: Path) -> Callable[[], Record]:
    """The record of what was traced last."""
    return lambda: read_record(tmp_path / "record.jsonl")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a program."""

    def write(text: str) -> Path:
        (tmp_path / "program.py").write_text(textwrap.dedent(text))
        return tmp_path / "program.py"

    return write


@pytest.mark.parametrize(
    "name",
    [
        "ends_at_once",
        "ends_too_early",
        "exits_without_cleanup",
        "becomes_another",
        "reads_stdin",
        "writes_odd_complaints",
        "closes_every_descriptor",
        "tells_what_it_sees",
    ],
)
@pytest.mark.parametrize("process", [{"start_new_session": True}, {"start_new_session": False}])
def test_programs_end_the_same(programs: Path, traced: Trace, name: str, process: dict[str, bool]) -> None:
    words = (programs / "misbehave.py", name)
    assert traced(*words, **process, input=b"some text") == plainly(*words, **process, input=b"some text")


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("pass", 0),
        ("sys.exit(3)", 3),
        ("sys.exit('said at the end')", 1),
        ("raise LookupError('on purpose')", 1),
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
        ("os.kill(os.getpid(), signal.SIGSEGV)", -signal.SIGSEGV),
        ("os.kill(os.getpid(), signal.SIGINT)", -signal.SIGINT),
        ("os.abort()", -signal.SIGABRT),
    ],
)
def test_the_status_is_the_same(
    traced: Trace, write: Write, record: Callable[[], Record], code: str, status: int
) -> None:
    program = write(f"import os, signal, sys\n{code}")
    said = traced(program)
    assert said == plainly(program)
    assert said[2] == status
    event = record().events[-1]
    assert (event.kind, event.detail) == ("exit", {"status": status})
    assert record().program == str(program)
    assert not record().notes


def test_what_was_recorded_before_sigkill_is_there(traced: Trace, write: Write, record: Callable[[], Record]) -> None:
    program = write("""
        import asyncio, os, signal
        async def job(): await asyncio.Event().wait()
        async def main():
            jobs = [asyncio.create_task(job()) for _ in range(5)]
            await asyncio.sleep(0)
            os.kill(os.getpid(), signal.SIGKILL)
        asyncio.run(main())
    """)
    assert traced(program) == (b"", b"", -signal.SIGKILL)
    assert [str(lane) for lane in record().timeline.lanes][1:] == ["not started → running → awaiting → abandoned"] * 5
    assert record().events[-1].kind == "exit"


SEES = """
    import os, signal, sys
    print(sys.argv, sys.orig_argv[1:], sys.flags, __name__, sys.path)
    print(sorted(os.environ.items()), os.getcwd(), os.umask(0), os.isatty(0), os.isatty(1), os.isatty(2))
    print({number: str(signal.getsignal(number)) for number in signal.valid_signals()})
    print(signal.pthread_sigmask(signal.SIG_BLOCK, ()), os.open(os.devnull, os.O_RDONLY))
    print(sorted(int(name) for name in os.listdir('/dev/fd') if int(name) < 200))
    print(sys.modules.get('sitecustomize'))
"""


@pytest.mark.parametrize("pythonpath", [None, "", "/nowhere", "SITE"])
def test_a_program_sees_the_same(
    traced: Trace, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pythonpath: str | None
) -> None:
    (tmp_path / "sitecustomize.py").write_text("")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    if pythonpath is not None:
        monkeypatch.setenv("PYTHONPATH", pythonpath.replace("SITE", str(tmp_path)))
    monkeypatch.setenv("OF_ANOTHER_TIME", "\udcff\n")
    words = (write(SEES), "", "a b", "c\nd", "--save", "-m", "--", "*", "\udcff🦑", "$HOME")
    said = traced(*words)
    assert said == plainly(*words)
    assert said[2] == 0


@pytest.mark.parametrize(
    "start", ["trap '' INT CHLD USR1", "exec 7</dev/null 3>&1", "exec 2>&-", "exec <&- >&-", "umask 77"]
)
def test_what_a_shell_hands_down_reaches_the_program(command: list[str], write: Write, start: str) -> None:
    program = write(SEES)
    shell = ("/bin/sh", "-c", f'{start}; exec "$@"', "sh")
    said = run([*shell, *command, program])
    assert said == run([*shell, sys.executable, program])


def test_signals_that_are_held_back_stay_so(command: list[str], write: Write) -> None:
    program = write(SEES)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGTSTP})
    try:
        said, plain = run([*command, program]), plainly(program)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    assert said == plain
    assert b"SIGTSTP" in said[0]


def test_an_inherited_pipe_is_there(command: list[str], write: Write) -> None:
    told, tell = os.pipe()
    program = write(f"import os; os.write({tell}, b'from the program')")
    assert run([*command, program], pass_fds=(tell,)) == (b"", b"", 0)
    os.close(tell)
    with os.fdopen(told) as pipe:
        assert pipe.read() == "from the program"


def test_output_comes_in_the_same_order(traced: Trace, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python gathers what is printed to a pipe; what is written past that comes first."""
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    program = write("import os; print('printed'); os.write(1, b'written\\n'); print('more')")
    assert traced(program) == plainly(program) == (b"written\nprinted\nmore\n", b"", 0)


def test_descriptors_of_the_kit_do_not_reach_programs_that_the_program_starts(traced: Trace, write: Write) -> None:
    code = "import os; print(*sorted(os.listdir('/dev/fd')))"
    program = write(f"import os, sys; os.execv(sys.executable, [sys.executable, '-c', {code!r}])")
    assert traced(program) == plainly(program)


def test_a_module_of_a_package(traced: Trace, tmp_path: Path, record: Callable[[], Record]) -> None:
    package = tmp_path / "a_package"
    package.mkdir()
    (package / "__init__.py").write_text("print('imported')")
    (package / "__main__.py").write_text(
        "import sys, asyncio\nasyncio.run(asyncio.sleep(0))\nprint(__spec__.name, __name__, sys.argv)"
    )
    words = ("-m", "a_package", "-m", "--save", "x")
    said = traced(*words, cwd=tmp_path)
    assert said == plainly(*words, cwd=tmp_path)
    assert said[0].startswith(b"imported\na_package.__main__ __main__ [")
    assert len(record().timeline.lanes) == 1
    assert record().program == "-m a_package -m --save x"


def test_python_says_itself_that_there_is_no_such_module(traced: Trace, record: Callable[[], Record]) -> None:
    said = traced("-m", "no_such_module")
    assert said == plainly("-m", "no_such_module")
    assert said[2] == 1
    assert record().events[-1].detail == {"status": 1}


def test_a_copy_of_the_process_is_not_recorded(traced: Trace, write: Write, record: Callable[[], Record]) -> None:
    program = write("""
        import asyncio, os
        async def parent(): await asyncio.sleep(0)
        async def child(): await asyncio.sleep(0)
        if os.fork() == 0:
            asyncio.run(child())
            os._exit(0)
        os.wait()
        asyncio.run(parent())
    """)
    assert traced(program) == (b"", b"", 0)
    assert [lane.coro for lane in record().timeline.lanes] == ["parent"]
    assert any("forked" in note for note in record().notes)


def test_a_program_that_closes_all_descriptors(traced: Trace, write: Write, record: Callable[[], Record]) -> None:
    program = write("""
        import asyncio, os
        async def job(): await asyncio.sleep(0)
        async def main():
            await asyncio.gather(*(job() for _ in range(20000)))
        os.closerange(3, 4096)
        asyncio.run(main())
    """)
    assert traced(program) == (b"", b"", 0)
    assert record().timeline.lanes
    assert any("nothing was recorded after" in note for note in record().notes)


def test_nothing_is_left_where_temporary_files_are(
    traced: Trace, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    program = write(f"import os; print(os.listdir({str(folder)!r}))")
    assert traced(program) == (b"[]\n", b"", 0)
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("program", "says"), [("no_such.py", "does not exist"), (".", "is a directory"), ("", "does not exist")]
)
def test_what_cannot_be_run_is_refused_before_anything_happens(program: str, says: str) -> None:
    with pytest.raises(UnusableProgramError, match=rf"cannot run '{program}': it {says}"):
        run_program(program)


def test_a_full_disk_is_known_before_the_program_runs(write: Write, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    program = write("open('it ran', 'w')")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(CancelkitError, match="cannot record: File too large; it takes room in"):
            run_program(program)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not (tmp_path / "it ran").exists()
