"""The magic and the displays, in a real kernel: what appears under a cell, and what does not."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
pytest.importorskip("matplotlib")

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of what runs kernels
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

Output = dict[str, Any]
Cell = Callable[[str], list[Output]]

JOBS = """
import asyncio
from helper import name

async def job():
    async with slots:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            print("cleaned up")

async def main():
    global slots
    slots = asyncio.Semaphore(2)
    async with asyncio.TaskGroup() as group:
        for number in range(3):
            group.create_task(job(), name=name(number))

asyncio.run(main())
"""

TEXT = """\
main   not started → running → awaiting → cleaning up → cancelled
job-0  not started → running → awaiting → cleaning up → cancelled
job-1  not started → running → awaiting → cleaning up → cancelled
job-2  not started → running → queued → cancelled
signal 1: SIGINT, landed on 2 active, 1 queued
the program: killed by SIGINT
the checklist: clean"""

CHECKLIST = """\
running tasks were cancelled: not applicable
awaiting tasks were cancelled: kept
queued tasks were cancelled, and none began: kept
cleanup ran to its end: kept
nothing leaked: kept
the exit status is the expected one: kept"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the notebook is: next to a module of its own."""
    folder = tmp_path_factory.mktemp("notebook")
    (folder / "helper.py").write_text("def name(number): return f'job-{number}'\n")
    (folder / "program.py").write_text(JOBS)
    (folder / "arguments.py").write_text("import sys; print(sys.argv[1:])\n")
    return folder


@pytest.fixture(scope="module")
def run(folder: Path) -> Iterator[Cell]:
    """Runs a cell in one kernel; its outputs."""
    notebook = nbformat.v4.new_notebook()
    client = nbclient.NotebookClient(notebook, timeout=60, allow_errors=True, resources={"metadata": {"path": folder}})
    with client.setup_kernel():

        def run(text: str) -> list[Output]:
            notebook.cells.append(nbformat.v4.new_code_cell(text))
            cell = client.execute_cell(notebook.cells[-1], len(notebook.cells) - 1)
            return list(cell.outputs)

        assert run("%load_ext cancelkit") == []
        yield run


def printed(outputs: list[Output], stream: str = "stdout") -> str:
    return "".join(each["text"] for each in outputs if each.get("name") == stream)


def picture(output: Output) -> tuple[str, str]:
    """What a picture says in words, to whoever compares it and to whoever cannot see it."""
    assert base64.b64decode(output["data"]["image/png"]).startswith(b"\x89PNG")
    return output["data"]["text/plain"], output["metadata"]["image/png"]["alt"]


def test_what_appears_under_the_cell(run: Cell) -> None:
    outputs = run(f"%%interrupt --when active=2,queued=1 --as once\n{JOBS}")
    assert printed(outputs) == f"cleaned up\ncleaned up\n{TEXT}\n"
    assert printed(outputs, "stderr") == ""
    assert [picture(each) for each in outputs if "data" in each] == [(TEXT, TEXT)]


@pytest.mark.parametrize(("value", "text"), [("once", TEXT), ("once.checklist", CHECKLIST)])
def test_values_are_displayed_as_pictures(run: Cell, value: str, text: str) -> None:
    run(f"%%interrupt --when active=2,queued=1 --as once --quiet\n{JOBS}")
    (shown,) = run(value)
    assert picture(shown) == (text, text)


def test_a_timeline_and_a_matrix_are_displayed_too(run: Cell) -> None:
    run(f"%%interrupt --when active=2,queued=1 --as once --quiet\n{JOBS}")
    (shown,) = run("once.timeline")
    assert picture(shown)[0] == TEXT[: TEXT.index("\nthe program")]
    (shown,) = run(
        "from cancelkit.contract.matrix import Column, Matrix\nfrom cancelkit.contract.check import Verdict\n"
        "Matrix('3', ('lazy',), (Column('one', 'a:b', 'c:d', verdicts=(Verdict('lazy', 'kept', ''),)),))"
    )
    assert picture(shown)[0].splitlines()[:2] == ["       1", "lazy   +"]


def test_a_file_with_arguments_several_signals_and_nothing_printed(run: Cell) -> None:
    words = '--when active=2,queued=1 --then at-once --signal TERM --expect -15 --quiet --title "a title"'
    outputs = run(f"%interrupt {words} program.py")
    text = printed(outputs)
    assert "signal 1: SIGTERM, landed on 2 active, 1 queued\n" in text
    assert "cleaned up" not in text
    assert printed(run("%interrupt arguments.py first 'second one' --when x")).startswith(
        "['first', 'second one', '--when', 'x']\n"
    )


def test_without_a_moment_no_signal_is_sent(run: Cell) -> None:
    outputs = run("%%interrupt --as plain\nimport sys\nprint(sys.argv[1:])")
    assert printed(outputs).startswith("[]\n")
    assert printed(run("print(plain.returncode, plain.timeline.signals)")) == "0 ()\n"


def test_an_error_is_told_with_the_line_of_the_cell(run: Cell) -> None:
    outputs = run("%%interrupt --when active=1\nimport asyncio\nasync def main():\n    1 / 0\nasyncio.run(main())")
    told = printed(outputs, "stderr")
    assert 'File "this cell", line 4, in main\n    1 / 0' in told
    assert 'File "this cell", line 5, in <module>' in told
    (error,) = [each for each in outputs if each["output_type"] == "error"]
    assert error["traceback"] == [
        "signal 1 was not sent, as active=1 had not come: exited 1\nmain  not started → running → failed"
    ]


def test_what_is_no_python_is_told_with_the_line_of_the_cell(run: Cell) -> None:
    outputs = run("%%interrupt --when active=1\n\ndef main(:")
    assert 'File "this cell", line 3\n    def main(:' in printed(outputs, "stderr")
    assert outputs[-1]["output_type"] == "error"


def test_stderr_is_shown_when_asked_for(run: Cell) -> None:
    cell = "import sys\nprint('a word', file=sys.stderr)"
    assert printed(run(f"%%interrupt\n{cell}"), "stderr") == ""
    assert printed(run(f"%%interrupt --stderr\n{cell}"), "stderr") == "a word\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("%%interrupt --when nonsense=1\npass", "UsageError: 'nonsense' in the moment 'nonsense=1' cannot be counted"),
        ("%%interrupt --signal NONSENSE --when active=1\npass", "NONSENSE"),
        ("%interrupt --when active=1", "UsageError: give %interrupt the path of a program"),
        ("%%interrupt program.py\npass", "UsageError: give %interrupt the path of a program"),
        ("%%interrupt --as a-b\npass", "UsageError: --as a-b: that is no name"),
        ("%%interrupt --deadline 0\npass", "UsageError: deadline is 0.0; it must be a number of seconds above 0"),
    ],
)
def test_what_cannot_be_used_is_told_in_plain_words(run: Cell, text: str, says: str) -> None:
    (output,) = run(text)
    assert (output["name"], "Traceback" in output["text"]) == ("stderr", False)
    assert says in output["text"]


def test_a_program_that_is_not_there(run: Cell) -> None:
    (output,) = run("%interrupt --when active=1 nothing.py")
    assert output["traceback"] == [
        "UnusableProgramError: cannot interrupt 'nothing.py': it does not exist; give the path of a Python program"
    ]


def test_the_help_is_there(run: Cell) -> None:
    assert printed(run("from cancelkit.notebook.magic import InterruptMagic as m; print(m.interrupt.__doc__)")).count(
        "--"
    )


def test_the_kernel_is_as_it_was(run: Cell) -> None:
    run("import os, signal, sys")
    run("def state(): return signal.getsignal(signal.SIGINT), os.getcwd(), dict(os.environ), sys.path[:], os.listdir()")
    run("before = state()")
    run(f"%%interrupt --when active=2,queued=1\n{JOBS}")
    assert printed(run("print(state() == before)")) == "True\n"


ANSWER = "%%answer 03.1\nprint('nothing of this runs in the kernel')\nin_the_kernel = True\n"


def test_an_answer_is_kept_and_not_run_and_the_check_is_a_page(run: Cell) -> None:
    assert run(ANSWER) == []
    assert printed(run("print('in_the_kernel' in globals())")) == "False\n"
    (shown,) = run("%check 03.1")
    assert shown["data"]["text/plain"].endswith("03.1: 1 of 5 kept")
    assert "<details><summary>Hint</summary>" in shown["data"]["text/html"]


def test_the_last_answer_counts(run: Cell) -> None:
    run(ANSWER)
    run("%%answer 03.1\ndef\n")
    (shown,) = run("%check 03.1")
    assert "it is Python" in shown["data"]["text/plain"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("%check 03.2", "there is no answer to 03.2 yet: first run the cell that begins with %%answer 03.2"),
        ("%check 99.9", "there is no exercise '99.9'; there are 00.1"),
        ("%%answer\nx = 1", "there is no exercise ''; there are 00.1"),
    ],
)
def test_what_cannot_be_checked_is_one_plain_line(run: Cell, text: str, says: str) -> None:
    outputs = run(text)
    assert says in printed(outputs, "stderr")
    assert "Traceback" not in printed(outputs, "stderr")
