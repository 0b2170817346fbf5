"""The editions: both are made of the notebooks, and can differ from them in nothing but what they are for."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbformat")  # the course is not part of the core

import nbformat
from course_notebooks import NOTEBOOKS, cells_of, tags_of, written_exercises

import editions

each_notebook = pytest.mark.parametrize("name", [path.name for path in NOTEBOOKS])


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both editions."""
    folder = tmp_path_factory.mktemp("built")
    for edition in ("student", "teacher"):
        editions.build(edition, folder / edition)
    return folder


def source_path(name: str) -> Path:
    return next(path for path in NOTEBOOKS if path.name == name)


def source_of(name: str) -> list[dict[str, Any]]:
    return cells_of(source_path(name))


def edition_of(built: Path, edition: str, name: str) -> list[dict[str, Any]]:
    return cells_of(built / edition / "notebooks" / name)


@each_notebook
def test_students_get_all_but_outputs_and_solutions(built: Path, name: str) -> None:
    source = [cell for cell in source_of(name) if tags_of(cell) != ["solution"]]
    students = edition_of(built, "student", name)
    assert [(cell["id"], cell["source"]) for cell in students] == [(cell["id"], cell["source"]) for cell in source]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in students)


@each_notebook
def test_no_solution_can_be_read_by_students(built: Path, name: str) -> None:
    text = (built / "student/notebooks" / name).read_text()
    assert "<summary>Solution</summary>" not in text
    for written in written_exercises(source_path(name)):
        cells = [cell["source"] for cell in edition_of(built, "student", name)]
        # What an exercise begins with may be more than what an earlier one asked for.
        assert not any(written.solution in source for source in cells if not source.startswith("%%answer "))


@each_notebook
def test_teachers_get_the_same_with_solutions_which_are_right_in_the_place_of_exercises(built: Path, name: str) -> None:
    solutions = {written.name: written.solution for written in written_exercises(source_path(name))}
    for mine, source in zip(edition_of(built, "teacher", name), source_of(name), strict=True):
        match tags_of(source):
            case ["exercise"]:
                number = source["source"].partition("\n")[0].removeprefix("%%answer ")
                assert mine["source"] == f"%%answer {number}\n{solutions.pop(number)}"
            case ["check"]:
                assert mine["source"] == source["source"]
                judged = "".join(mine["outputs"][0]["data"]["text/plain"])
                assert judged.endswith(": solved"), f"\n{judged}"
            case ["solution"]:
                assert mine["source"] in source["source"]
                assert mine["source"].strip()
            case _:
                assert mine == source
    assert not solutions


def test_what_teachers_see_under_a_check_is_what_a_kernel_says(built: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "--nbval", "--nbval-current-env", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "notebooks/03_taskgroup.ipynb"], cwd=built / "teacher", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_solution_that_is_wrong_is_seen(built: Path) -> None:
    """The check of a teacher's edition is made when the edition is, by the same judge."""
    notebook = nbformat.read(source_path("03_taskgroup.ipynb"), as_version=4)  # type: ignore[no-untyped-call]
    _, _, _, solution = next(editions.exercises_in(notebook))
    solution.source = solution.source.replace(", return_exceptions=True", "")
    (check, *_) = (cell for cell in editions.for_teachers(notebook).cells if cell.metadata.get("tags") == ["check"])
    assert check.outputs[0].data["text/plain"].endswith("7 of 8 kept")


def test_a_solution_without_a_program_is_an_error() -> None:
    with pytest.raises(SystemExit, match="no folded solution"):
        editions.parts_of("<details><summary>Solution</summary>\n\nThink.\n\n</details>")


@each_notebook
def test_what_a_notebook_refers_to_comes_along(built: Path, name: str) -> None:
    for edition in ("student", "teacher"):
        for cell in edition_of(built, edition, name):
            for path in re.findall(r"\.\./((?:scripts|docs)/[\w/.-]+\.\w+|README\.md)", cell["source"]):
                assert (built / edition / path).is_file(), path


def test_scripts_come_along(built: Path) -> None:
    for edition in ("student", "teacher"):
        names = {path.name for path in (built / edition / "scripts").iterdir()}
        assert {path.name for path in Path(editions.ROOT, "scripts").iterdir() if path.is_file()} == names
