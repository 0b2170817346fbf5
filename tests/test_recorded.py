"""Where no process may be started, or none be sent a signal, the notebooks show recorded runs, and say so."""

from __future__ import annotations

import itertools
import json
import platform
import re
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbformat")  # the course is not part of the core

import nbclient
import nbformat
from course_notebooks import NOTEBOOKS, tags_of

from cancelkit.errors import ForbiddenError
from cancelkit.lab import Experiment, perform, recorded

if sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"):
    pytest.skip("no filter for this system's calls", allow_module_level=True)

ROOT = Path(__file__).parents[1]
SAYS_SO = r"What you see comes from (a|\d+) recorded runs?: no process may be (started|sent a signal) here .*\n"


@pytest.fixture
def run_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Any], Any]:
    """Have a notebook run by a kernel that has given up the right to "start" processes, or to "signal" them."""

    def run(right: str, notebook: Any) -> Any:
        spec = tmp_path / "kernels/forbidden"
        spec.mkdir(parents=True)
        command = [sys.executable, str(ROOT / "tests/programs/forbidden.py"), right, "-f", "{connection_file}"]
        spec.joinpath("kernel.json").write_text(json.dumps({"argv": command, "display_name": "", "language": "python"}))
        monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
        where = {"metadata": {"path": str(ROOT / "notebooks")}}
        nbclient.NotebookClient(notebook, kernel_name="forbidden", timeout=100, resources=where).execute()
        return notebook

    return run


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def words_of(text: str) -> str:
    return re.sub(SAYS_SO, "", text).strip()


def seen(cell: Any) -> list[str]:
    """What there is to be read under a cell; what is printed as one, in however many pieces it was sent."""
    printed = "".join(output.text for output in cell.outputs if output.output_type == "stream")
    others = [output["data"]["text/plain"] for output in cell.outputs if output.output_type != "stream"]
    return [words_of(printed), *map(words_of, others)]


def printed_last(cell: Any) -> str:
    """What is printed under a cell below all else, in however many pieces it was sent."""
    pieces = itertools.takewhile(lambda output: output.output_type == "stream", reversed(cell.get("outputs", ())))
    return "".join(reversed([output.text for output in pieces]))


LOOKS_AROUND = """
import asyncio, signal
print(asyncio.get_running_loop().is_running(), *map(signal.getsignal, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)))
print(sorted(task.get_coro().__qualname__ for task in asyncio.all_tasks()))
"""


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_shows_the_same(path: Path, run_without: Callable[[str, Any], Any]) -> None:
    """And it leaves its kernel as it found it: the loop runs, the handlers and the tasks are the same."""
    before = read(path)
    after = read(path)
    looks = [nbformat.v4.new_code_cell(LOOKS_AROUND) for _ in range(2)]  # type: ignore[no-untyped-call]
    after.cells = [looks[0], *after.cells, looks[1]]
    _, *after.cells, _ = run_without("start", after).cells
    assert seen(looks[0]) == seen(looks[1])
    assert seen(looks[0])[0].startswith("True ")
    for old, new in zip(before.cells, after.cells, strict=True):
        if old.cell_type == "code":
            assert seen(new) == seen(old)
    assert re.search(SAYS_SO, json.dumps(after).replace("\\n", "\n"))


def test_it_is_said_under_the_cell_that_shows_one(run_without: Callable[[str, Any], Any]) -> None:
    path = ROOT / "notebooks/03_taskgroup.ipynb"
    after = run_without("signal", read(path))
    for cell in after.cells:
        says_so = re.search(SAYS_SO, printed_last(cell))
        if cell.source.startswith("%interrupt") or "check" in tags_of(cell):
            assert says_so
            assert "sent a signal" in says_so[0]
        else:
            printed = "".join(output.get("text", "") for output in cell.get("outputs", ()))
            assert not re.search(SAYS_SO, printed) or "perform" in cell.source or "check(" in cell.source


def test_an_answer_that_nobody_recorded_is_an_error_that_says_so(run_without: Callable[[str, Any], Any]) -> None:
    notebook = read(ROOT / "notebooks/03_taskgroup.ipynb")
    cells = {cell.id: cell for cell in notebook.cells}
    cells["answer-1"].source = "%%answer 03.1\nprint('something new')"
    cells["check-1"].metadata["tags"] = ["raises-exception"]
    notebook.cells = [cells["setup"], cells["answer-1"], cells["check-1"]]
    (error,) = run_without("start", notebook).cells[-1].outputs
    assert "no process may be started here" in "".join(error["traceback"])
    assert "no run of exactly this was recorded" in "".join(error["traceback"])


def test_nothing_stands_in_for_a_run_outside_of_notebooks(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("subprocess.Popen", refuse)
    program = ROOT / "notebooks/../scripts/task_group.py"
    with pytest.raises(ForbiddenError, match="no process may be started here"):
        perform(Experiment(program, ()))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_ships_names_no_place_of_the_machine_that_made_it(path: Path) -> None:
    with zipfile.ZipFile(recorded.SHIPPED / f"{path.stem}.zip") as archive:
        for name in archive.namelist():
            text = archive.read(name).decode()
            for place in (ROOT, Path.home(), Path(sys.prefix), Path(sys.base_prefix)):
                assert str(place) not in text
