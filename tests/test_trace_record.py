"""Records: what is written is what is read, however the file ended, and what is no record is said to be none."""

from __future__ import annotations

import json
import os
import re
import stat
import string
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cancelkit.errors import BadRecordError, CancelkitError
from cancelkit.trace import events as events_module
from cancelkit.trace.events import Event, in_order
from cancelkit.trace.lines import RULES
from cancelkit.trace.record import Record, lines_of, notes_of, parse_record, read_record, write_record
from cancelkit.trace.states import State

pytestmark = pytest.mark.core

EVENTS = (
    Event(0, "handler", None, {"signal": "SIGINT", "handler": "main.<locals>.stop", "before": "default"}),
    Event(1, "loop", None, {"loop": 1, "type": "_UnixSelectorEventLoop", "thread": "MainThread"}),
    Event(1, "created", 1, {"name": "ä🦑\ud800\n\r\x1b\u2028\x00", "coro": "main", "loop": 1}),
    Event(1, "named", 1, {"name": "main"}),
    Event(1, "main", 1),
    Event(2, "step", 1),
    Event(2, "created", 2, {"name": "job-1", "coro": "job", "loop": 1}),
    Event(3, "suspended", 1, {"on": "sleep", "at": "a b\n.py:3", "cleanup": False}),
    Event(3, "step", 2),
    Event(3, "suspended", 2, {"on": "Semaphore", "at": "", "cleanup": True, "cancelling": True}),
    Event(3, "left", None, {"what": "file", "name": "notes.txt"}),
    Event(3, "census"),
    Event(3, "waiting", None, {"counts": {"active": 1, "one of a later version": 2}}),
    Event(4, "report", 1, {"what": "begun", "job": "job-1"}),
    Event(4, "report", None, {"what": "cleanup halfway", "job": ""}),
    Event(5, "signal", None, {"name": "SIGINT"}),
    Event(5, "signal received", None, {"signal": "SIGINT"}),
    Event(6, "cancel requested", 1, {"by": "signal handler", "signal": "SIGINT", "at": "a.py:1"}),
    Event(6, "cancel requested", 2, {"by": "task", "requester": 1, "handed on": True, "at": "a.py:1"}),
    Event(6, "cancel requested", 2, {"by": "closing loop", "at": ""}),
    Event(6, "cancel requested", 2, {"by": "callback", "callback": "Timeout._on_timeout", "at": ""}),
    Event(6, "cancel requested", 2, {"by": "outside the loop", "thread": "MainThread", "at": "a.py:2"}),
    Event(6, "cancel requested", 2, {"by": "somebody of a later version", "at": "a.py:2"}),
    Event(6, "cancel delivered", 1),
    Event(7, "ended", 1, {"how": "cancelled"}),
    Event(7, "ended", 2, {"how": "failed", "error": "ValueError", "cancelling": True}),
    Event(7, "complaint", 2, {"what": "never retrieved"}),
    Event(7, "complaint", None, {"what": "never awaited", "coro": "job"}),
    Event(7, "closing", None, {"loop": 1}),
    Event(7, "closed", None, {"loop": 1}),
    Event(7, "forked"),
    Event(7, "end of the record", None, {"why": "No space left on device"}),
    Event(8, "exit", None, {"status": -2}),
    Event(9, "a kind of a later version", None, {"anything": [None, {"at": "all"}, 1.5], "requester": "who?"}),
)
RECORD = Record(EVENTS, "./prö gram.py --now", "3.14.0", notes_of(EVENTS))
HEADER = b'{"cancelkit record": 1}\n'
CREATED = b'{"time": 1, "kind": "created", "task": 1, "name": "", "coro": "", "loop": 1}\n'


def written(record: Record) -> bytes:
    return b"".join(lines_of(record))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    write_record(RECORD, path)
    assert read_record(path) == RECORD
    assert read_record(str(path)) == RECORD
    assert path.read_bytes() == written(RECORD)
    assert list(tmp_path.iterdir()) == [path]


def test_every_kind_is_among_these_examples() -> None:
    assert {event.kind for event in EVENTS} > set(RULES)
    for kind, rule in RULES.items():
        said = [event.detail for event in EVENTS if event.kind == kind]
        assert all(any(name in detail for detail in said) for name in {**rule.must, **rule.may})


def test_a_record_of_nothing_is_one() -> None:
    assert parse_record(written(Record(()))) == Record(())


def test_notes_are_kept_and_not_doubled() -> None:
    noted = replace(RECORD, notes=("somebody was here", *RECORD.notes))
    assert parse_record(written(noted)).notes == noted.notes
    assert parse_record(written(replace(RECORD, notes=()))).notes == RECORD.notes


def test_each_line_is_text_that_any_tool_reads() -> None:
    lines = written(RECORD).split(b"\n")
    assert lines.pop() == b""
    assert len(lines) == 1 + len(EVENTS)
    for line in lines:
        assert isinstance(json.loads(line), dict)
        assert set(line.decode()) <= set(string.printable) - set("\n\r\x0b\x0c")


def test_a_program_of_another_language_may_leave_out_what_it_can_and_write_utf_8() -> None:
    line = '{"kind":"created","loop":1,"coro":"","name":"ä🦑","task":1,"time":1}\r\n'
    assert parse_record(HEADER + line.encode()).events == (
        Event(1, "created", 1, {"name": "ä🦑", "coro": "", "loop": 1}),
    )


def test_what_is_read_is_not_evaluated() -> None:
    code = "__import__('os').abort()"
    odd = Event(1, code, None, {code: code, "__class__": code, "py/object": code})
    assert parse_record(written(Record((odd,)))).events == (odd,)


def test_a_record_that_was_cut_off_is_read_up_to_there() -> None:
    whole = written(RECORD)
    first = whole.index(b"\n")
    for length in range(1, len(whole)):
        record = parse_record(whole[:length])
        complete = max(0, whole[:length].count(b"\n") - 1)
        assert record.events == EVENTS[:complete]
        if length <= first:
            assert record.notes == ("the file was cut off within its first line: no event is left",)
        else:
            missing = f"{len(EVENTS) - complete} of {len(EVENTS)} events are missing"
            assert record.notes[-1] == f"the file was cut off after line {complete + 1}: {missing}"
            assert (record.program, record.python) == (RECORD.program, RECORD.python)
    with pytest.raises(BadRecordError, match="the record is no record of cancelkit"):
        parse_record(b"")


@pytest.mark.parametrize("rest", [b'{"time": 2, "kind"', b'{"time": 2, "kind"\n', b"\0\0\0\0", b"\xff\n", b"\n"])
def test_a_last_line_that_is_not_whole_is_left_out(rest: bytes) -> None:
    record = parse_record(HEADER + CREATED + rest)
    assert len(record.events) == 1
    assert record.notes == ("the file was cut off after line 2",)


def test_only_the_last_line_can_have_been_cut_off() -> None:
    for rest in (b'{"time": 1, "ki\n', b'{"time": 1, "ki'):
        with pytest.raises(BadRecordError, match="the record, line 3: b'not JSON' is not a JSON object"):
            parse_record(HEADER + CREATED + b"not JSON\n" + rest)


def test_a_file_that_ends_after_its_header_says_so() -> None:
    assert parse_record(HEADER) == Record((), notes=("the file ends after its first line: no event is left",))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("[1]", "the record, line 3: b'[1]' is not a JSON object"),
        ("null", "is not a JSON object"),
        ("{", "b'{' is not a JSON object"),
        ("\x00\xff", "is not a JSON object"),
        ('{"time": NaN}', "is not a JSON object"),
        ("[" * 100_000, "is not a JSON object"),
        ('{"time": 1' + "0" * 5000 + "}", "is not a JSON object"),
        ('{"kind": "step", "task": 1}', "line 3: it does not say 'time': {'kind': 'step', 'task': 1}"),
        ('{"time": 1, "task": 1}', "it does not say 'kind'"),
        ('{"time": 1, "kind": "ended", "task": 1}', "'ended' does not say 'how'"),
        ('{"time": 1, "kind": "report", "task": 1, "job": "x"}', "does not say 'what'"),
        ('{"time": 1, "kind": "signal"}', "'signal' does not say 'name'"),
        ('{"time": "1", "kind": "step", "task": 1}', "it says 'time' is '1', which is not a whole number"),
        ('{"time": 1.5, "kind": "step", "task": 1}', "'time' is 1.5, which is not a whole number"),
        ('{"time": true, "kind": "step", "task": 1}', "'time' is True, which is not a whole number"),
        ('{"time": 1, "kind": ["step"], "task": 1}', "'kind' is ['step'], which is not a string"),
        ('{"time": 1, "kind": "step", "task": [1]}', "'task' is [1], which is not a whole number"),
        ('{"time": 1, "kind": "step", "task": null}', "'task' is None, which is not a whole number"),
        ('{"time": 1, "kind": "step", "task": 2}', "'step' is about task 2, which no line before it created"),
        ('{"time": 1, "kind": "step"}', "'step' does not say 'task'"),
        ('{"time": 1, "kind": "of tomorrow", "task": 2}', "'of tomorrow' is about task 2, which no line before"),
        (
            '{"time": 1, "kind": "signal", "name": "SIGINT", "task": 1}',
            "'signal' says 'task' is 1; it is about the proc",
        ),
        (CREATED.decode().strip(), "'created' is about task 1, which a line before it created"),
        ('{"time": 0, "kind": "step", "task": 1}', "its time, 0, is before that of the line above, 1"),
        (
            '{"time": 1, "kind": "ended", "task": 1, "how": "well"}',
            "'how' is 'well'; it must be finished, cancelled, f",
        ),
        (
            '{"time": 1, "kind": "ended", "task": 1, "how": "' + "x" * 5000 + '"}',
            "; it must be finished, cancelled, failed",
        ),
        ('{"time": 1, "kind": "ended", "task": 1, "how": "failed"}', "'ended' does not say 'error'"),
        ('{"time": 1, "kind": "report", "what": "hello", "job": ""}', "'what' is 'hello'; it must be begun, holding"),
        (
            '{"time": 1, "kind": "suspended", "task": 1, "on": "", "at": "", "cleanup": 0}',
            "'suspended' says 'cleanup' is 0, which is not true or false",
        ),
        (
            '{"time": 1, "kind": "suspended", "task": 1, "on": "", "at": "", "cleanup": true, "cancelling": "yes"}',
            "'cancelling' is 'yes', which is not true or false",
        ),
        ('{"time": 1, "kind": "cancel requested", "task": 1, "by": "task", "at": ""}', "does not say 'requester'"),
        (
            '{"time": 1, "kind": "cancel requested", "task": 1, "by": "task", "at": "", "requester": 7}',
            "'cancel requested' is about task 7, which no line before it created",
        ),
        ('{"time": 1, "kind": "waiting", "counts": [1]}', "'counts' is [1], which is not an object"),
        (
            '{"time": 1, "kind": "waiting", "counts": {"active": "1"}}',
            "'counts' says 'active' is '1', which is not a w",
        ),
    ],
)
def test_a_line_that_is_no_event(line: str, says: str) -> None:
    end = b'{"time": 9, "kind": "forked"}\n'
    with pytest.raises(BadRecordError) as caught:
        parse_record(HEADER + CREATED + line.encode("latin-1") + b"\n" + end)
    assert says in str(caught.value)
    assert len(str(caught.value)) < 400


def test_members_that_are_not_known_are_kept() -> None:
    line = b'{"time": 1, "kind": "forked", "by whom": [1]}\n'
    assert parse_record(HEADER + line).events == (Event(1, "forked", None, {"by whom": [1]}),)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "run.jsonl is no record of cancelkit: its first line would start with"),
        (b"\x89PNG\r\n\x1a\n", "its first line would start with {\"cancelkit record\": , and is b'\\x89PNG\\r'"),
        (b"print('hello')", "is no record of cancelkit"),
        (b'{"time": 1, "kind": "signal"}\n', "is no record of cancelkit"),
        (b'{"cancelkit record": "1"}\n', "is no record of cancelkit"),
        (b'{"cancelkit record": true}\n', "is no record of cancelkit"),
        (b'["cancelkit record", 1]\n', "is no record of cancelkit"),
        (
            b'{"cancelkit record": 2, "python": 4}\nnot even JSON\n\n',
            "run.jsonl is a record of version 2, and this cancelkit reads version 1: upgrade cancelkit to read it",
        ),
        (b'{"cancelkit record": 0}\n', "run.jsonl says it is a record of version 0; the first was 1"),
        (
            b'{"cancelkit record": 1, "python": 3.11}\n',
            "run.jsonl, line 1: it says 'python' is 3.11, which is not a str",
        ),
        (b'{"cancelkit record": 1, "program": null}\n', "line 1: it says 'program' is None, which is not a string"),
        (
            b'{"cancelkit record": 1, "events": "all"}\n',
            "line 1: it says 'events' is 'all', which is not a whole number",
        ),
        (b'{"cancelkit record": 1, "notes": "none"}\n', "line 1: it says 'notes' is 'none', which is not a list"),
        (b'{"cancelkit record": 1, "notes": [1]}\n', "line 1: it says 'notes' is 1, which is not a string"),
    ],
)
def test_a_file_that_is_no_record(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(data)
    with pytest.raises(BadRecordError) as caught:
        read_record(path)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("name", "says"),
    [("", "Is a directory"), ("not there", "No such file or directory"), ("a\nb", r"a\\nb': No such")],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(CancelkitError, match=f"cannot read '.*{says}"):
        read_record(tmp_path / name)


@pytest.mark.parametrize(
    ("detail", "says"),
    [
        ({"x": {1, 2}}, "cannot be written as JSON: Object of type set is not JSON serializable"),
        ({"x": float("nan")}, "cannot be written as JSON: Out of range float values"),
        ({"time": 1}, "call what its detail has as 'time' something else"),
        ({"task": 1}, "call what its detail has as 'task' something else"),
    ],
)
def test_an_event_that_cannot_be_written(tmp_path: Path, detail: dict[str, Any], says: str) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text("before")
    with pytest.raises(BadRecordError, match=says):
        write_record(Record((*EVENTS, Event(9, "odd", None, detail))), path)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


class Interrupting(dict[str, Any]):
    def keys(self) -> Any:
        raise KeyboardInterrupt


def test_an_interrupt_while_writing_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text("before")
    with pytest.raises(KeyboardInterrupt):
        write_record(Record((*EVENTS, Event(9, "odd", None, Interrupting()))), path)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_is_full_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text("before")
    code = (
        "import resource, sys\n"
        "from cancelkit.trace.record import Record, write_record\n"
        "from cancelkit.trace.events import Event\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        "write_record(Record((Event(1, 'forked'),) * 10_000), sys.argv[1])\n"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    assert done.stderr.endswith(f"CancelkitError: cannot write {str(path)!r}: File too large\n")
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_to(tmp_path: Path) -> None:
    with pytest.raises(CancelkitError, match=r"cannot write '.*/not/there': No such file or directory"):
        write_record(RECORD, tmp_path / "not" / "there")
    with pytest.raises(CancelkitError, match=r"cannot write '.*': Is a directory"):
        write_record(RECORD, tmp_path)
    assert list(tmp_path.iterdir()) == []


class HangingUp(dict[str, Any]):
    """The detail of an event after which nobody reads the pipe any more."""

    def keys(self) -> Any:
        os.close(self["reader"])
        return ()


def test_a_pipe_that_nobody_reads(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    detail = HangingUp(reader=os.open(path, os.O_RDONLY | os.O_NONBLOCK))
    with pytest.raises(CancelkitError, match=r"cannot write '.*pipe': Broken pipe"):
        write_record(Record((Event(9, "odd", None, detail),)), path)
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_a_link_goes_on_to_lead_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    path, link = tmp_path / "elsewhere" / "run.jsonl", tmp_path / "link"
    link.symlink_to(path)
    for _ in range(2):  # the first time the file is not there
        write_record(RECORD, link)
        assert link.is_symlink()
        assert read_record(path) == RECORD


def test_a_new_file_can_be_read_by_whom_other_new_files_can(tmp_path: Path) -> None:
    write_record(RECORD, tmp_path / "run.jsonl")
    (tmp_path / "other").touch()
    assert (tmp_path / "run.jsonl").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_pipe_with_a_name_is_written_to(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(path.read_bytes()))
    reader.start()
    write_record(RECORD, path)
    reader.join()
    assert read == [written(RECORD)]
    assert stat.S_ISFIFO(path.stat().st_mode)


@pytest.mark.parametrize("is_file", [False, True])
def test_standard_output_is_written_to(tmp_path: Path, is_file: bool) -> None:
    code = (
        "from pathlib import Path\n"
        "from cancelkit.trace.files import _is_written_as_it_is\n"
        "from cancelkit.trace.record import Record, write_record\n"
        "assert _is_written_as_it_is(Path('/dev/stdout'))\n"
        "print('before', flush=True)\n"
        "write_record(Record(()), '/dev/fd/1')  # which is never harmed, unlike the link to it\n"
    )
    path = tmp_path / "output"
    with path.open("wb") as file:
        inode = path.stat().st_ino
        done = subprocess.run([sys.executable, "-c", code], stdout=file if is_file else subprocess.PIPE, check=True)
    assert (path.read_bytes() if is_file else done.stdout) == b"before\n" + written(Record(()))
    assert path.stat().st_ino == inode


def test_notes_tell_what_the_events_say_is_missing() -> None:
    assert notes_of(()) == ()
    assert RECORD.notes == (
        "the process forked; copies of it are not recorded",
        "nothing was recorded after 0.000 s: No space left on device",
    )
    events = [
        Event(5_000_000_000, "step", 1),
        Event(6_000_000_000, "forked"),
        Event(6_000_000_000, "forked"),
        Event(6_234_567_890, "end of the record", None, {"why": "odd\n\x1b"}),
    ]
    assert notes_of(events) == (
        "the process forked; copies of it are not recorded",
        "nothing was recorded after 1.235 s: odd\\n\\x1b",
    )


def test_order_is_by_time_and_otherwise_kept() -> None:
    events = [Event(2, "a"), Event(1, "b"), Event(2, "c"), Event(1, "d")]
    assert [event.kind for event in in_order(events)] == ["b", "d", "a", "c"]


# The page, the table of `events` and the rules that are checked say the same.

PAGE = (Path(__file__).parents[1] / "docs" / "record-format.md").read_text()
TYPES = {"string": str, "whole number": int, "true or false": bool, "object": dict, "list": list}
OF_TASK = {"yes": True, "no": False, "if any": None}


def table(text: str, heading: str) -> list[list[str]]:
    """The cells of the rows of the table that has this heading."""
    rows = text[text.index(heading) :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def members(cell: str) -> dict[str, type]:
    found = re.findall(r"`([\w ]+)` ([a-z ]+?)(?: \*)?(?:, |$)", cell)
    assert cell.count("`") == 2 * len(found)
    return {name: TYPES[kind] for name, kind in found}


def test_the_page_has_the_kinds_of_events_that_are_checked() -> None:
    rows = table(PAGE, "| kind | about a task | members | meaning |")
    assert [kind.strip("`") for kind, *_ in rows] == list(RULES)
    for kind, of_task, cell, _ in rows:
        rule = RULES[kind.strip("`")]
        assert OF_TASK[of_task] is rule.of_task, kind
        assert members(cell) == {**rule.must, **rule.may}, kind
        assert re.findall(r"`([\w ]+)` [a-z ]+ \*", cell) == list(rule.may), kind


def test_the_page_has_the_words_that_are_checked() -> None:
    rows = table(PAGE, "| kind | member | word | then also |")
    said = [(kind.strip("`"), member.strip("`"), word, members(more)) for kind, member, word, more in rows]
    rules = [(kind, rule.word, word, dict(more)) for kind, rule in RULES.items() for word, more in rule.words.items()]
    assert sorted(said, key=str) == sorted(rules, key=str)


def test_the_page_has_the_members_of_the_header_and_of_every_event() -> None:
    of_header = {name.strip("`"): TYPES[kind] for name, kind, _ in table(PAGE, "| member | type | meaning |")}
    header = json.loads(next(lines_of(RECORD)))
    assert {name: type(value) for name, value in header.items()} == of_header
    of_event = PAGE[PAGE.index("Members of every event:") :]
    assert [name for name, *_ in table(of_event, "| member | type | meaning |")] == ["`time`", "`kind`", "`task`"]


def test_the_table_of_events_has_the_kinds_that_are_checked() -> None:
    text = events_module.__doc__ or ""
    rows = table(text, "| kind | of a task | detail |")
    assert [kind.strip("`") for kind, *_ in rows] == list(RULES)
    for kind, of_task, cell in rows:
        rule = RULES[kind.strip("`")]
        assert OF_TASK[of_task] is rule.of_task, kind
        named = set(re.findall(r"`([\w ]+)`", cell if kind != "`cancel requested`" else text))
        assert {*rule.must, *rule.may, *(name for more in rule.words.values() for name in more)} <= named, kind


def test_the_example_on_the_page_can_be_read() -> None:
    (example,) = re.findall(r"```jsonl\n(.*?)```", PAGE, re.S)
    record = parse_record(example.encode())
    assert record.notes == ()
    assert written(record) == example.encode()
    assert [(lane.name, lane.end) for lane in record.timeline.lanes] == [
        ("main", State.FINISHED),
        ("job", State.CANCELLED),
    ]
    (program,) = re.findall(r"```python\n(import asyncio.*?)```", PAGE, re.S)
    lines = {event.detail["at"] for event in record.events if "at" in event.detail}
    assert lines == {f"program.py:{number}" for number in (6, 8, 13, 14, 15)}
    assert "task.cancel()" in program.splitlines()[13]
