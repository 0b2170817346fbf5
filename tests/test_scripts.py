"""What all scripts have in common: one idea, few lines, and a docstring that says what to do and what to see."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parents[1] / "scripts").glob("*.py"))
MOST = 40
LONGER = {
    "service": 80,  # a whole service, to be copied
    "stubborn_retry": 70,  # long enough for a bug that is to be looked for
    "task_states": 70,  # four states at the same moment, and a fifth
}

each_script = pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)


def docstring_lines(tree: ast.Module) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = node.body[0]
            if isinstance(first, ast.Expr) and ast.get_docstring(node):
                yield from range(first.lineno, (first.end_lineno or first.lineno) + 1)


@each_script
def test_it_says_what_to_do_and_what_to_see(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert docstring
    title, _, rest = docstring.partition("\n\n")
    assert title.endswith(".")
    assert re.search(r"(Start|Run) me|[Pp]ress", rest)
    assert len(rest.split()) >= 15


@each_script
def test_it_has_few_lines(path: Path) -> None:
    text = path.read_text()
    not_code = set(docstring_lines(ast.parse(text)))
    lines = [line for number, line in enumerate(text.splitlines(), 1) if number not in not_code]
    code = [line for line in lines if line.strip() and not line.strip().startswith("#")]
    assert 5 <= len(code) <= LONGER.get(path.stem, MOST)
