"""What else a notebook must not do: trust a magic that is not there, harm its kernel, or leave out who cannot see."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("IPython")  # the course is not part of the core

from course_notebooks import NOTEBOOKS, cells_of, tags_of
from IPython.core.inputtransformer2 import TransformerManager

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)

MAGICS = {"%load_ext cancelkit", "%interrupt", "%%interrupt", "%check", "%%answer"}
TAGS: tuple[list[str], ...] = ([], ["exercise"], ["check"], ["hint"], ["solution"])

COLOURS = r"\b(red|green|blue|pink|orange|yellow|gr[ae]y|purple|violet|teal|brown|coloured|colour)\b"
SHAPES = r"line|bar|band|box|diamond|triangle|dot|cross|arrow|mark|hatch|stripe|▼|▲|◆|█"
STATES = r"not started|running|awaiting|queued|cleaning up|finished|cancelled|failed|abandoned|clean\b"


def code_of(path: Path) -> list[str]:
    return [cell["source"] for cell in cells_of(path) if cell["cell_type"] == "code"]


def texts_of(path: Path) -> list[str]:
    return [cell["source"] for cell in cells_of(path) if cell["cell_type"] == "markdown"]


def in_the_kernel(path: Path) -> ast.Module:
    """What a notebook has its kernel do: without the cells that become programs of their own."""
    cells = [text for text in code_of(path) if not text.startswith("%%")]
    manager = TransformerManager()  # type: ignore[no-untyped-call]
    return ast.parse("\n".join(manager.transform_cell(text) for text in cells))


def called(tree: ast.AST) -> Iterator[str]:
    """The names of what is called, of a method its own; not in functions, many of which are for other processes."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Call):
            yield node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from called(node)


@each_notebook
def test_every_magic_is_there(path: Path) -> None:
    """An unknown one ends a cell without a word, and nbval takes it for a cell that says nothing."""
    for text in code_of(path):
        for line in text.splitlines():
            if line.startswith("%"):
                assert any(line == magic or line.startswith(f"{magic} ") for magic in MAGICS), line


@each_notebook
def test_no_cell_is_left_out_of_the_comparison(path: Path) -> None:
    """By a tag, that is: a cell that is said to raise passes if it does not."""
    for cell in cells_of(path):
        assert tags_of(cell) in TAGS
        assert not re.search(r"#\s*(NBVAL|PYTEST_VALIDATE)", cell["source"])


@each_notebook
def test_no_cell_harms_its_kernel(path: Path) -> None:
    """Cancelling all tasks cancels the kernel's own; stopping its loop ends it; a handler stays when a cell is over.

    What becomes of a kernel is looked at in test_recorded.py as well.
    """
    harmful = {"all_tasks", "stop", "set_event_loop", "set_event_loop_policy", "signal", "add_signal_handler", "apply"}
    assert {*called(in_the_kernel(path))}.isdisjoint({*harmful, "exit", "_exit", "kill", "killpg"})
    assert "nest_asyncio" not in "".join(code_of(path))


@each_notebook
def test_headings_are_in_order(path: Path) -> None:
    found = [re.findall(r"^(#+) ", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.M) for text in texts_of(path)]
    levels = [len(marks) for marks in itertools.chain(*found)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


@each_notebook
def test_it_begins_and_ends_as_all_do(path: Path) -> None:
    first, *_, last = texts_of(path)
    for words in ("**After this notebook you can**", "**Time**", "**You need**"):
        assert words in first
    assert last.startswith("## Remember")


@each_notebook
def test_no_colour_is_all_that_tells_things_apart(path: Path) -> None:
    """Where a text names a colour, it names the shape as well, or the state, which stands on the lane."""
    for text in texts_of(path):
        for sentence in re.split(r"(?<=[.;?])\s", text):
            if re.search(COLOURS, sentence):
                assert re.search(f"{SHAPES}|{STATES}", sentence), sentence


@each_notebook
def test_pictures_in_a_text_have_words(path: Path) -> None:
    for text in texts_of(path):
        assert not re.search(r"!\[\s*\]|<img(?![^>]*alt=\"[^\"]+\")", text)


@each_notebook
def test_links_lead_somewhere(path: Path) -> None:
    for text in texts_of(path):
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", text):
            assert target.startswith("https://") or (path.parent / target).exists(), target


@each_notebook
def test_something_is_predicted_before_it_is_seen(path: Path) -> None:
    assert sum("**Predict" in text for text in texts_of(path)) >= 3
