"""Build the editions of the course from its notebooks: one for students, one for teachers.

    python tools/editions.py student     no outputs and no solutions: predictions come before their experiments
    python tools/editions.py teacher     all outputs, solutions in the place of the exercises, and what the check says

Each goes to build/EDITION, with the scripts and documents that the notebooks refer to. The notebooks are the only
source: a cell with the tag `exercise` holds what there is to begin with, the one with `solution` that follows it what
is right.
"""

from __future__ import annotations

import argparse
import copy
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat

from cancelkit.course import Judgement, exercise

ROOT = Path(__file__).parents[1]

SOLUTION = re.compile(r"<details><summary>Solution</summary>\n\n```python\n(.*?)\n```\n\n(.*?)\n*</details>", re.DOTALL)
"""A cell with a solution: folded; its program, and why it is right."""


def main() -> int:
    """Build one edition."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("edition", choices=("student", "teacher"))
    parser.add_argument("--to", type=Path, default=ROOT / "build", help="the folder in which EDITION is made (build)")
    options = parser.parse_args()
    folder = options.to / options.edition
    build(options.edition, folder)
    print(f"{folder}: open its notebooks with `jupyter lab {folder / 'notebooks'}`")
    return 0


def build(edition: str, folder: Path) -> None:
    """Write an edition into a folder, in the place of what was there."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "notebooks").mkdir(parents=True)
    for name in ("scripts", "docs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "README.md", folder)
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        source = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        made = for_students(source) if edition == "student" else for_teachers(source)
        text = nbformat.writes(numbered(made)) + "\n"  # type: ignore[no-untyped-call]
        (folder / "notebooks" / path.name).write_text(text, encoding="utf-8")


def for_students(source: Any) -> Any:
    """A notebook without outputs and solutions."""
    notebook = copy.deepcopy(source)
    notebook.cells = [cell for cell in notebook.cells if not has_tag(cell, "solution")]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def for_teachers(source: Any) -> Any:
    """A notebook with each solution in the place of its exercise, what the check says of it, and why it is right."""
    notebook = copy.deepcopy(source)
    for number, answer, check, solution in exercises_in(notebook):
        program, why = parts_of(solution.source)
        answer.source = f"%%answer {number}\n{program}"
        check.outputs = [shown(exercise(number).check(program))]
        solution.source = why
    return notebook


def exercises_in(notebook: Any) -> Iterator[tuple[str, Any, Any, Any]]:
    """The exercises of a notebook: the name, and the cells with the tags exercise, check and solution."""
    tagged = [cell for cell in notebook.cells if cell.metadata.get("tags") not in (None, ["hint"])]
    for at in range(0, len(tagged), 3):
        answer, check, solution = tagged[at : at + 3]
        assert [cell.metadata.tags for cell in (answer, check, solution)] == [["exercise"], ["check"], ["solution"]]
        yield answer.source.partition("\n")[0].removeprefix("%%answer "), answer, check, solution


def parts_of(solution: str) -> tuple[str, str]:
    """The program of a solution's cell, and why it is right."""
    found = SOLUTION.fullmatch(solution)
    if found is None:
        sys.exit(f"this is no folded solution with a program and a reason:\n{solution}")
    return found[1], found[2]


def has_tag(cell: Any, tag: str) -> bool:
    """Whether a cell has a tag."""
    return tag in cell.metadata.get("tags", ())


def shown(judged: Judgement) -> Any:
    """What stands under a check's cell."""
    page = {"text/html": judged._repr_html_(), "text/plain": str(judged)}
    return nbformat.v4.new_output("execute_result", page)  # type: ignore[no-untyped-call]


def numbered(notebook: Any) -> Any:
    """The notebook with its outputs numbered as its cells are."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if output.output_type == "execute_result":
                output.execution_count = cell.execution_count
    return notebook


if __name__ == "__main__":
    sys.exit(main())
