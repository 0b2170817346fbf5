"""What the source of a program says of a place in its code: the line, whose file it is, and whether it is cleanup.

Cleanup is what stands in a `finally` or `except` body, in `__aexit__` or in `aclose`.
"""

from __future__ import annotations

import ast
import functools
import os
from types import CodeType

_STANDARD_LIBRARY = os.path.dirname(os.__file__) + os.sep  # noqa: PTH120
_SITE_PACKAGES = os.path.join(_STANDARD_LIBRARY, "site-packages")  # noqa: PTH118

_PACKAGE = os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120
OURS = tuple(os.path.join(_PACKAGE, *folder, "") for folder in (["trace"], ["sweep", "inside"]))  # noqa: PTH118
"""Where the files are whose code runs in a program that is recorded, and is none of the program's."""

_CLEANUP_FUNCTIONS = frozenset({"__aexit__", "aclose", "_cleanup_of_finish"})
"""Coroutine functions that are cleanup from their first line to their last."""

Span = tuple[tuple[int, int], tuple[int, int]]  # two (line, column) pairs

_STARTED_IN = os.getcwd()  # noqa: PTH109 - a program's file name is relative to this, wherever it goes later


@functools.cache
def is_cleanup(code: CodeType, instruction: int, *, waits_for_tasks: bool) -> bool:
    """Whether a coroutine that is suspended at an instruction is cleaning up."""
    if code.co_name in _CLEANUP_FUNCTIONS:
        # At the end of a task group's block the owner waits for tasks whose work is not over: no cleanup yet.
        return not (code.co_name == "__aexit__" and waits_for_tasks)
    if is_library(code.co_filename):
        return False
    place = position_of(code, instruction)
    bodies = _cleanup_bodies(code.co_filename).get(code.co_firstlineno, ())
    return any(start <= place <= end for start, end in bodies)


@functools.cache
def position_of(code: CodeType, instruction: int) -> tuple[int, int]:
    """Line and column of an instruction."""
    for index, (line, _, column, _) in enumerate(code.co_positions()):
        if index * 2 == instruction:
            return line or code.co_firstlineno, column or 0
    return code.co_firstlineno, 0


@functools.cache
def _cleanup_bodies(filename: str) -> dict[int, list[Span]]:
    """Where the `finally` and `except` bodies of a source file are, by the first line of the function they belong to.

    By function, for a function that is defined in such a body, in place of an import that failed, is none itself.
    """
    try:
        with open(os.path.join(_STARTED_IN, filename), "rb") as file:  # noqa: PTH118, PTH123
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return {}
    found: dict[int, list[Span]] = {}
    inside: list[tuple[ast.AST, int]] = [(tree, 1)]
    while inside:
        node, function = inside.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            function = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        elif isinstance(node, ast.Try | ast.TryStar):
            for body in (node.finalbody, *(handler.body for handler in node.handlers)):
                if body:
                    found.setdefault(function, []).append(_extent(body))
        inside += [(child, function) for child in ast.iter_child_nodes(node)]
    return found


def _extent(body: list[ast.stmt]) -> Span:
    first, last = body[0], body[-1]
    end = (last.end_lineno or last.lineno, last.end_col_offset or 0)
    return (first.lineno, first.col_offset), end


@functools.cache
def is_library(filename: str) -> bool:
    """Whether a file is one of the standard library's, or of the recorder's."""
    in_library = filename.startswith(_STANDARD_LIBRARY) and not filename.startswith(_SITE_PACKAGES)
    return in_library or filename.startswith((*OURS, "<frozen "))


def is_own(filename: str) -> bool:
    """Whether a file is the program's; what was made of a string is in none."""
    return not (filename.startswith("<") or is_library(filename))
