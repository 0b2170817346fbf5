"""What strict nbval does not see: cells that were never run, stray metadata, pictures without words."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code_cells(path: Path) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


def outputs(path: Path) -> list[dict[str, Any]]:
    return [output for cell in code_cells(path) for output in cell["outputs"]]


def test_there_are_notebooks() -> None:
    names = ["00_start_here", "01_what_ctrl_c_does", "02_task_states", "03_taskgroup"]
    names += ["04_manual_tracking", "05_signal_handlers", "06_context_manager", "07_pitfalls"]
    names += ["08_testing_with_real_signals"]
    names += ["09_every_interrupt_point", "10_choosing", "11_debugging", "12_capstone"]
    names += ["lecture"]
    assert [path.stem for path in NOTEBOOKS] == names


@each_notebook
def test_every_cell_was_run_in_order(path: Path) -> None:
    cells = code_cells(path)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))


@each_notebook
def test_no_cell_failed_or_complained(path: Path) -> None:
    for output in outputs(path):
        assert output["output_type"] != "error"
        assert output.get("name") != "stderr"


@each_notebook
def test_nothing_of_this_machine_or_run_is_kept(path: Path) -> None:
    notebook = json.loads(path.read_text())
    assert notebook["metadata"] == {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    assert {tuple(cell["metadata"]) for cell in notebook["cells"]} <= {(), ("tags",)}
    assert str(ROOT) not in path.read_text()


@each_notebook
def test_every_picture_says_the_same_in_words(path: Path) -> None:
    pictures = [output for output in outputs(path) if "image/png" in output.get("data", {})]
    assert pictures
    # Of a timeline, of a matrix, of a checklist, of a sweep.
    known = r"^(signal 1: SIG|\+ kept, x broken|nothing leaked: |.*: (one|two) signals? at )"
    for picture in pictures:
        words = "".join(picture["data"]["text/plain"])
        assert re.search(known, words, re.MULTILINE)
        assert picture["metadata"]["image/png"]["alt"] == words


@each_notebook
def test_cells_are_short_and_ids_are_readable(path: Path) -> None:
    for cell in json.loads(path.read_text())["cells"]:
        assert cell["cell_type"] == "markdown" or len(cell["source"]) <= 25
        assert cell["id"].replace("-", "").isalnum()


def test_executing_a_notebook_again_changes_no_byte() -> None:
    pytest.importorskip("nbclient")
    pytest.importorskip("matplotlib")
    command = [sys.executable, "tools/notebooks.py", "--check", "notebooks/03_taskgroup.ipynb"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
