"""docs/coverage.md: for every part of the subject, the script, the section and the test that it names are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NamedTuple

import pytest
from course_notebooks import cells_of

ROOT = Path(__file__).parents[1]
LINK = r"\[([^\]]*)\]\(\.\./([^)]*)\)"


class Row(NamedTuple):
    """A line of the table: a part of the subject, and links: what they say, and where they lead."""

    part: str
    script: str
    section: str
    notebook: Path
    test: str
    tests: Path


def rows() -> list[Row]:
    found = []
    for line in (ROOT / "docs/coverage.md").read_text().splitlines():
        if line.startswith("| ") and not line.startswith("| part"):
            part, *_ = line.strip("| ").split(" | ")
            (script, path), (section, notebook), (test, tests) = re.findall(LINK, line)
            assert path == f"scripts/{script}"
            found.append(Row(part, script, section, ROOT / notebook, test, ROOT / tests))
    return found


each_row = pytest.mark.parametrize("row", rows(), ids=lambda row: row.part)


def test_the_table_has_every_group() -> None:
    groups = re.findall(r"^## (.*)", (ROOT / "docs/coverage.md").read_text(), re.MULTILINE)
    first = ["Approaches", "States at the moment of the signal", "How a signal travels", "The checklist", "Scenarios"]
    assert groups[:9] == [*first, "Pitfalls", "Choosing", "Testing", "Debugging"]
    assert len(rows()) >= 50


@each_row
def test_the_script_says_what_to_press_and_what_to_see(row: Row) -> None:
    docstring = ast.get_docstring(ast.parse((ROOT / "scripts" / row.script).read_text()))
    assert docstring
    assert re.search(r"[Pp]ress|Ctrl-C|signal|SIG", docstring)


@each_row
def test_the_section_is_there_and_is_about_the_script(row: Row) -> None:
    number, _, heading = row.section.partition(": ")
    assert row.notebook.name.startswith(f"{number}_")
    cells = cells_of(row.notebook)
    assert any(re.search(rf"^##+ {re.escape(heading)}$", cell["source"], re.MULTILINE) for cell in cells)
    text = "\n".join(cell["source"] for cell in cells) + row.notebook.read_text()
    assert row.script.removesuffix(".py") in text


@each_row
def test_the_test_is_there(row: Row) -> None:
    functions = {node.name for node in ast.walk(ast.parse(row.tests.read_text())) if isinstance(node, ast.FunctionDef)}
    assert row.test in functions
