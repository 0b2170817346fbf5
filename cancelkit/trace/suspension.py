"""What a suspended task waits for, at which line, and whether that line is cleanup code.

A task that waits is a chain of coroutines, each awaiting the next, that ends at a future. The innermost coroutine
says what is waited for; the innermost one of the program's own says where; and if any of them stands in a `finally` or
`except` body, in `__aexit__` or in `aclose`, the task is cleaning up: the source says so, nobody has to be asked. (An
`__aexit__` that waits for other tasks is the end of a task group's block, and no cleanup.)
"""

from __future__ import annotations

import ast
import asyncio
import functools
import gc
import os
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

_ASYNCIO = os.path.dirname(asyncio.__file__) + os.sep  # noqa: PTH120 - pathlib is slow to import in every child
_STANDARD_LIBRARY = os.path.dirname(os.__file__) + os.sep  # noqa: PTH120
_SITE_PACKAGES = os.path.join(_STANDARD_LIBRARY, "site-packages")  # noqa: PTH118

_CLEANUP_FUNCTIONS = frozenset({"__aexit__", "aclose", "_cleanup_of_finish"})
"""Coroutine functions that are cleanup from their first line to their last."""

_WRAPPERS = frozenset({"coroutine_wrapper", "anext_awaitable", "async_generator_asend", "async_generator_athrow"})
_INSIDE_WRAPPERS = frozenset({"coroutine", "async_generator", *_WRAPPERS})

_TASKS = frozenset({"task", "tasks", "TaskGroup"})

Span = tuple[tuple[int, int], tuple[int, int]]  # two (line, column) pairs

_STARTED_IN = os.getcwd()  # noqa: PTH109 - a program's file name is relative to this, wherever it goes later


@dataclass(frozen=True, slots=True)
class Suspension:
    """What a task waits `on`, `at` which file:line of its program, and whether that is `cleanup`."""

    on: str
    at: str
    cleanup: bool


def suspension_of(task: asyncio.Task[Any]) -> Suspension:
    """Describe what a suspended task waits for."""
    places = list(_chain(task.get_coro()))
    if not places:
        return Suspension(_kind_of_future(task), "", cleanup=False)
    own = [place for place in places if not _is_library(place[0].co_filename)] or places[:1]
    code, instruction = own[-1]
    on = _waited_for(places[-1][0]) or _kind_of_future(task)
    return Suspension(
        on,
        f"{code.co_filename}:{_position(code, instruction)[0]}",
        cleanup=any(_is_cleanup(*place, waits_for_tasks=on in _TASKS) for place in places),
    )


def _chain(awaitable: Any) -> Iterator[tuple[CodeType, int]]:
    """Code and place of each coroutine from the task's own to the innermost."""
    while awaitable is not None:
        for prefix, link in (("cr_", "await"), ("ag_", "await"), ("gi_", "yieldfrom")):
            frame = getattr(awaitable, prefix + "frame", None)
            if isinstance(frame, FrameType):
                yield frame.f_code, frame.f_lasti
                awaitable = getattr(awaitable, prefix + link)
                break
        else:
            awaitable = _behind(awaitable)


def _behind(awaitable: Any) -> Any:
    """What one of Python's own wrappers, such as an async generator's `aclose()`, steps on behalf of its awaiter."""
    if type(awaitable).__name__ not in _WRAPPERS:
        return None
    return next((inner for inner in gc.get_referents(awaitable) if type(inner).__name__ in _INSIDE_WRAPPERS), None)


def _waited_for(code: CodeType) -> str | None:
    """Name one of asyncio's own things to wait for, from the coroutine that waits."""
    if not code.co_filename.startswith(_ASYNCIO):
        return None
    owner, _, method = code.co_qualname.rpartition(".")
    if method == "acquire" or owner in ("Event", "Condition", "Queue", "Barrier"):
        return owner
    return {"sleep": "sleep", "__aexit__": owner, "_wait": "tasks"}.get(method)


def _kind_of_future(task: asyncio.Task[Any]) -> str:
    waiter = getattr(task, "_fut_waiter", None)
    if waiter is None:
        return "next step"
    return "task" if isinstance(waiter, asyncio.Task) else "future"


@functools.cache
def _is_cleanup(code: CodeType, instruction: int, *, waits_for_tasks: bool) -> bool:
    if code.co_name in _CLEANUP_FUNCTIONS:
        # At the end of a task group's block the owner waits for tasks whose work is not over: no cleanup yet.
        return not (code.co_name == "__aexit__" and waits_for_tasks)
    if _is_library(code.co_filename):
        return False
    place = _position(code, instruction)
    bodies = _cleanup_bodies(code.co_filename).get(code.co_firstlineno, ())
    return any(start <= place <= end for start, end in bodies)


@functools.cache
def _position(code: CodeType, instruction: int) -> tuple[int, int]:
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
def _is_library(filename: str) -> bool:
    return filename.startswith(_STANDARD_LIBRARY) and not filename.startswith(_SITE_PACKAGES)
