"""The tape: what was put is read, whoever puts it, however long it is, and whatever becomes of the disk."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cancelkit.trace import tape as tapes
from cancelkit.trace.events import Event
from cancelkit.trace.tape import (
    CANCELLED,
    CANCELLING,
    CHUNK,
    CREATED,
    DELIVERED,
    FINISHED,
    STEP,
    SUSPENDED,
    Tape,
)
from cancelkit.trace.tape_reader import TapeReader

pytestmark = pytest.mark.core


@pytest.fixture
def descriptor() -> Iterator[int]:
    with tempfile.TemporaryFile() as file:
        yield file.fileno()


def test_what_is_put_is_read(descriptor: int) -> None:
    tape, reader = Tape(descriptor), TapeReader(descriptor)
    coro = tape.label(CREATED, '"coro":"main","loop":1')
    site = tape.label(SUSPENDED, '"on":"sleep","at":"x.py:1","cleanup":false')
    tape.put_created(1, coro, 17)
    place = tape.put(1, STEP)
    tape.put_text('"kind":"named","task":1,"name":"ä\\n\\ud800"')
    assert [event.kind for event in reader.new_events()] == ["created", "step", "named"]
    tape.put_second(*place, 1, site | CANCELLING)
    tape.put(1, DELIVERED)
    place = tape.put(1, STEP)
    tape.put_second(*place, 1, FINISHED)
    tape.put(1, CANCELLED)
    seen = reader.new_events()
    assert [event.kind for event in seen] == ["suspended", "cancel delivered", "step", "ended", "ended"]
    assert seen[0].detail == {"on": "sleep", "at": "x.py:1", "cleanup": False, "cancelling": True}
    assert [event.detail.get("how") for event in seen[-2:]] == ["finished", "cancelled"]
    whole = TapeReader(descriptor).new_events()
    assert whole[0].detail == {"name": "Task-17", "coro": "main", "loop": 1}
    assert [event.time for event in whole] == sorted(event.time for event in whole)
    assert len(whole) == 8


def test_it_goes_on_over_many_chunks_with_texts_of_every_length(descriptor: int) -> None:
    tape, reader = Tape(descriptor), TapeReader(descriptor)
    expected = []
    seen: list[int] = []
    for number in range(1, 120_001):
        tape.put(number, DELIVERED)
        if number % 1000 == 0:
            text = "x" * (number // 7)
            tape.put_text(f'"kind":"note","text":"{text}"')
            expected.append(len(text))
            seen += [len(event.detail["text"]) for event in reader.new_events() if event.kind == "note"]
    assert seen == expected
    assert os.fstat(descriptor).st_size > 4 * CHUNK
    puts = [event.task for event in TapeReader(descriptor).new_events() if event.kind == "cancel delivered"]
    assert puts == list(range(1, 120_001))


def test_a_text_of_any_length_is_cut_where_it_must_be(descriptor: int) -> None:
    tape = Tape(descriptor)
    tape.put_text(f'"kind":"named","task":1,"name":"{"ä" * 1_000_000}"')
    (event,) = TapeReader(descriptor).new_events()
    assert (event.kind, event.task) == ("named", 1)
    assert event.detail["name"] == "ä" * 1024 + "… (1000000 characters)"


def test_nothing_is_read_half_while_another_process_writes(descriptor: int) -> None:
    tasks, reader = 100_000, TapeReader(descriptor)
    events: list[Event] = []
    program = Path(__file__).parent / "programs" / "fills_a_tape.py"
    os.set_inheritable(descriptor, True)
    with subprocess.Popen([sys.executable, program, str(descriptor), str(tasks)], pass_fds=[descriptor]) as writer:
        try:
            while writer.poll() is None:
                events += reader.new_events()
        finally:
            writer.kill()
    events += reader.new_events()
    assert writer.returncode == 0
    told = [(event.kind, event.task, event.detail["coro"].split("-")[1]) for event in events]
    assert told == [("created", number, str(number)) for number in range(1, tasks + 1)]


def test_a_chunk_is_filled_and_another_begun_when_the_end_of_it_has_just_been_read(
    descriptor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    tape, reader = Tape(descriptor), TapeReader(descriptor)
    tasks = range(1, CHUNK // tapes.PLACE + 10)
    pread = os.pread

    def read_and_then_write(*where: int) -> bytes:
        data = pread(*where)
        monkeypatch.setattr(os, "pread", pread)
        for number in tasks:
            tape.put(number, CANCELLED)
        return data

    monkeypatch.setattr(os, "pread", read_and_then_write)
    assert [event.task for event in reader.new_events() + reader.new_events()] == [*tasks]


def test_what_was_read_too_early_is_read_again(descriptor: int) -> None:
    tape, reader = Tape(descriptor), TapeReader(descriptor)
    tape.put_created(1, tape.label(CREATED, f'"coro":"{"main" * 40}"'), 1)
    head = os.pread(descriptor, tapes.SLOT, 0)
    os.pwrite(descriptor, bytes(tapes.SLOT), 0)
    assert reader.new_events() == ()
    os.pwrite(descriptor, head, 0)
    (event,) = reader.new_events()
    assert event.detail["coro"] == "main" * 40


def test_several_threads_put_at_once(descriptor: int) -> None:
    tape, reader = Tape(descriptor), TapeReader(descriptor)
    total, each = 8, 12_000
    start = threading.Barrier(total + 1)

    def put(thread: int) -> None:
        start.wait()
        for number in range(each):
            task = thread * each + number + 1
            place = tape.put(task, STEP)
            if number % 10 == 0:
                tape.put_text(f'"kind":"note","task":{task}')
            tape.put_second(*place, task, FINISHED)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(total) as pool:
            running = [pool.submit(put, thread) for thread in range(total)]
            start.wait()
            events: list[Event] = []
            while not all(job.done() for job in running):
                events += reader.new_events()
            for job in running:
                job.result()
    finally:
        sys.setswitchinterval(before)
    events += reader.new_events()
    for kind, expected in (("step", total * each), ("ended", total * each), ("note", total * each // 10)):
        assert len({event.task for event in events if event.kind == kind}) == expected
    assert len(events) == total * each * 2 + total * each // 10
    assert len(TapeReader(descriptor).new_events()) == len(events)


def test_a_handler_puts_in_the_middle_of_another_put(descriptor: int) -> None:
    """At many different bytecodes, for the signal comes when it likes."""
    tape = Tape(descriptor)
    handled = 0

    def handler(*_: object) -> None:
        nonlocal handled
        handled += 1
        tape.put_text(f'"kind":"handled","number":{handled}')

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
    put = 0
    try:
        while handled < 300:
            put += 1
            tape.put(put, DELIVERED)
            tape.put_text(f'"kind":"note","number":{put}')
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    events = TapeReader(descriptor).new_events()
    assert [e.task for e in events if e.kind == "cancel delivered"] == list(range(1, put + 1))
    assert [e.detail["number"] for e in events if e.kind == "note"] == list(range(1, put + 1))
    # A handler can come in the middle of itself.
    assert sorted(e.detail["number"] for e in events if e.kind == "handled") == list(range(1, handled + 1))


def fill(tape: Tape, limit: int = 10_000_000) -> int:
    """Put steps on a tape until it takes no more; how many it took."""
    for number in range(1, limit):
        tape.put(number, DELIVERED)
        if tape.why_over:
            return number - 1
    raise AssertionError("it took everything")


@contextlib.contextmanager
def largest_file(size: int) -> Iterator[None]:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_when_no_file_may_grow_the_end_is_said(descriptor: int) -> None:
    with largest_file(CHUNK + 1000):
        taken = fill(Tape(descriptor))
    events = TapeReader(descriptor).new_events()
    assert [event.task for event in events[:-1]] == list(range(1, taken + 1))
    assert taken > 30_000
    assert (events[-1].kind, events[-1].detail) == ("end of the record", {"why": "File too large"})


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="a file system of its own takes root")
def test_a_full_disk_is_no_bus_error(tmp_path: Path) -> None:
    mount = f"mount -t tmpfs -o size={CHUNK + CHUNK // 2} none '{tmp_path}'"
    if os.system(f"{mount} 2>/dev/null") != 0:
        pytest.skip("no file system can be mounted here")
    try:
        with (tmp_path / "tape").open("w+b") as file:
            taken = fill(Tape(file.fileno()))
            events = TapeReader(file.fileno()).new_events()
    finally:
        os.system(f"umount '{tmp_path}'")
    assert [event.task for event in events[:-1]] == list(range(1, taken + 1))
    assert events[-1].detail == {"why": "No space left on device"}


@pytest.mark.parametrize("is_taken", [False, True])
def test_a_descriptor_that_was_closed_is_left_alone(is_taken: bool, tmp_path: Path) -> None:
    with (tmp_path / "tape").open("w+b") as file, (tmp_path / "another").open("w+b") as another:
        tape = Tape(file.fileno())
        reader = TapeReader(file.fileno())
        tape.put(1, STEP)
        copy = os.dup(file.fileno())
        os.close(file.fileno())
        if is_taken:
            os.dup2(another.fileno(), file.fileno())
        try:
            fill(tape)
            with pytest.raises(OSError, match="descriptor"):
                reader.new_events()
        finally:
            os.dup2(copy, file.fileno())
        assert (tmp_path / "another").read_bytes() == b""
        events = TapeReader(copy).new_events()
        os.close(copy)
    assert events[-1].kind == "end of the record"
    assert events[-1].detail["why"] in ("the program has closed the record's descriptor", "Bad file descriptor")


def test_a_copy_of_the_process_puts_nothing(descriptor: int) -> None:
    tape = Tape(descriptor)
    place = tape.put(1, STEP)
    if (child := os.fork()) == 0:
        try:
            tape.abandon("a copy")
            tape.put_second(*place, 1, FINISHED)
            tape.put(2, STEP)
            tape.put_text('"kind":"note"')
            os._exit(int(tape.go_on_after(tape.place)))
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(70)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    tape.put_second(*place, 1, CANCELLED)
    assert [(event.kind, event.detail) for event in TapeReader(descriptor).new_events()] == [
        ("step", {}),
        ("ended", {"how": "cancelled"}),
    ]


def test_half_a_text_is_none(descriptor: int) -> None:
    """As after a SIGKILL in the middle, wherever that is."""
    tape = Tape(descriptor)
    tape.put(1, STEP)
    tape.put_text('"kind":"note","text":"' + "x" * 100 + '"')
    tape.put(2, STEP)
    whole = os.pread(descriptor, CHUNK, 0)
    header, end = tapes.PLACE, tapes.PLACE * 5
    for done in range(0, 100, 7):
        cut = bytearray(whole)
        cut[header + tapes.SLOT + done : end] = bytes(end - header - tapes.SLOT - done)
        cut[header + 12] = tapes.UNFINISHED_TEXT
        os.pwrite(descriptor, cut, 0)
        reader = TapeReader(descriptor)
        assert [event.task for event in reader.new_events()] == [1, 2]
        os.pwrite(descriptor, whole, 0)
        assert [event.kind for event in reader.new_events()] == ["note"]
        assert reader.new_events() == ()


def test_the_process_keeps_no_more_than_a_chunk(descriptor: int) -> None:
    """A million events go by, and leave nothing in its memory."""
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("only Linux says how much")
    tape = Tape(descriptor)
    fill_one_chunk = CHUNK // tapes.PLACE
    for number in range(fill_one_chunk):
        tape.put(number + 1, DELIVERED)

    def resident() -> int:
        return sum(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmRSS"))

    before = resident()
    for number in range(1_000_000):
        tape.put(number + 1, DELIVERED)
    assert resident() - before < 2 * CHUNK // 1024
