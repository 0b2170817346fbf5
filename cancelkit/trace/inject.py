"""Lines of ours inside functions of the standard library, where no frame tells of them.

A wrapper around a function is a frame more: in the tracebacks of what passes through it, in a stack that the program
prints, in what debug mode remembers of who made a task. So a function that has to be watched is compiled anew from its
own source, with calls of ours put in. File, name, lines and columns stay those of the original, and a call that has
returned leaves no trace. As it is made from the source of the interpreter that runs, it fits every version.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import inspect
import linecache
from collections.abc import Callable, Sequence
from types import CodeType, FunctionType
from typing import Any, cast

from cancelkit.errors import CancelkitError

_MAKER = "_cancelkit_maker"
_INHERITED = object()
_LINES_OF_BRACKETS = 20
"""How many lines a function may have after the last in which something is done."""


def with_entry(function: Any, entry: Callable[..., object]) -> FunctionType:
    """The function with a call of `entry` as its first statement, which gets the function's positional arguments."""

    def edit(body: list[ast.stmt], arguments: list[str]) -> list[ast.stmt]:
        (call,) = ast.parse(f"_cancelkit_entry({', '.join(arguments)})").body
        _place(call, body[0])
        return [call, *body]

    return _rebuilt(function, edit, {"_cancelkit_entry": entry})


def with_call_in_first_try(function: Any, entry: Callable[..., object], held: list[int], release: Any) -> FunctionType:
    """The function with a call of `entry` just before the one that it tries first, and seen to be in the same place.

    `entry` gets the function's positional arguments; then `release` is called with each number in `held`, and `entry`
    again, for what was released may have changed what it looks at, or not.
    """

    def edit(body: list[ast.stmt], arguments: list[str]) -> list[ast.stmt]:
        tried = next(statement for statement in body if isinstance(statement, ast.Try))
        call = next(node for node in ast.walk(tried.body[0]) if isinstance(node, ast.Call))
        enter = f"_cancelkit_entry({', '.join(arguments)})"
        added = ast.parse(f"""{enter}
while _cancelkit_held:
    while _cancelkit_held: _cancelkit_release(_cancelkit_held.pop(0))
    {enter}
""").body
        for node in (node for statement in added for node in ast.walk(statement)):
            ast.copy_location(node, call)
        tried.body = [*added, *tried.body]
        return body

    names = {"_cancelkit_entry": entry, "_cancelkit_held": held, "_cancelkit_release": release}
    return _rebuilt(function, edit, names)


def original_body() -> Any:
    """Stands in a template where the body of the function goes that the template surrounds."""
    raise AssertionError("a template is not to be called")


def with_surroundings(function: Any, template: Any) -> FunctionType:
    """The function inside another: a copy of `template` with its body where that says `original_body()`.

    A template takes the same arguments. What it refers to outside of itself keeps its meaning; its variables should
    have names that the function does not use.
    """
    _, outer = _parsed(template)
    names = inspect.getclosurevars(template)
    references = {**names.globals, **names.nonlocals}
    del references[original_body.__name__]

    def edit(body: list[ast.stmt], _: list[str]) -> list[ast.stmt]:
        surroundings = outer.body[ast.get_docstring(outer) is not None :]
        for statement in surroundings:
            _place(statement, body[0])
        return _with_body(surroundings, body)

    return _rebuilt(function, edit, references)


def _with_body(statements: list[ast.stmt], body: list[ast.stmt]) -> list[ast.stmt]:
    filled: list[ast.stmt] = []
    for statement in statements:
        if isinstance(statement, ast.Expr) and ast.unparse(statement) == f"{original_body.__name__}()":
            filled += body
            continue
        if isinstance(statement, ast.Try):
            statement.body = _with_body(statement.body, body)
        filled.append(statement)
    return filled


def _place(statement: ast.stmt, at: ast.stmt) -> None:
    """Have a statement say that it stands where another does, or what that one tries first."""
    while isinstance(at, ast.Try):
        at = at.body[0]
    for node in ast.walk(statement):
        ast.copy_location(node, at)


def _rebuilt(
    function: Any, edit: Callable[[list[ast.stmt], list[str]], list[ast.stmt]], names: dict[str, object]
) -> FunctionType:
    original = inspect.unwrap(function)
    tree, definition = _parsed(original)
    definition.decorator_list = []
    docstring = definition.body[: ast.get_docstring(definition) is not None]
    arguments = [argument.arg for argument in (*definition.args.posonlyargs, *definition.args.args)]
    definition.body = [*docstring, *edit(definition.body[len(docstring) :], arguments)]
    maker = ast.parse(f"def {_MAKER}({', '.join(names)}): pass")
    maker.body[0].body = tree.body  # type: ignore[attr-defined]
    return _replaced(original, compile(maker, original.__code__.co_filename, "exec"), names)


def _parsed(function: FunctionType) -> tuple[ast.Module, ast.FunctionDef]:
    """A module with nothing but the function, and in it the function's definition.

    Raises:
        CancelkitError: its source is not where it should be.
    """
    code = function.__code__
    lines = _source_of(function)[code.co_firstlineno - 1 :]
    # Below a line of ours instead of dedented, so that columns stay right: Python marks them in tracebacks.
    owner = function.__qualname__.rpartition(".")[0].rpartition(".")[2]
    is_inside = bool(lines) and lines[0][:1].isspace()
    head = "" if not is_inside else "if True:\n" if owner in ("", "<locals>") else f"class {owner}:\n"
    # tokenize could tell where it ends, and would take longer than all the rest.
    least = _last_line(code) - code.co_firstlineno + 1
    for end in range(least, min(len(lines), least + _LINES_OF_BRACKETS) + 1):
        with contextlib.suppress(SyntaxError):  # the last bracket is not closed yet
            tree = ast.parse("".join([head, *lines[:end]]))
            (definition,) = cast("Any", tree.body[0]).body if is_inside else cast("Any", tree.body)
            return tree, definition
    raise CancelkitError(f"cannot record: the source of {function.__qualname__} is not at {code.co_filename}")


def _source_of(function: FunctionType) -> Sequence[str]:
    """The lines of the file that a function is defined in; none if it cannot be found."""
    try:
        return _read(function.__code__.co_filename)
    except (OSError, UnicodeDecodeError):  # of a library in an archive, for one
        return linecache.getlines(function.__code__.co_filename, function.__globals__)


@functools.lru_cache(maxsize=1)
def _read(filename: str) -> list[str]:
    # Not by way of linecache, which takes several times as long, and keeps what it has read.
    with open(filename, encoding="utf-8") as file:  # noqa: PTH123 - no pathlib in a child
        return file.readlines()


def _last_line(code: CodeType) -> int:
    """The last line that something is done in."""
    inner = (_last_line(const) for const in code.co_consts if isinstance(const, CodeType))
    return max(code.co_firstlineno, *(line for _, _, line in code.co_lines() if line), *inner)


def _replaced(original: FunctionType, module: CodeType, names: dict[str, object]) -> FunctionType:
    """The innermost function of what was compiled, in place of the original."""
    code = module
    while code.co_name != original.__name__ or code is module:
        code = next(inner for inner in code.co_consts if isinstance(inner, CodeType))
    made = FunctionType(
        _moved(code, original.__code__.co_firstlineno - code.co_firstlineno).replace(
            co_qualname=original.__code__.co_qualname
        ),
        original.__globals__,
        original.__name__,
        original.__defaults__,
        tuple(_cell(names[name]) for name in code.co_freevars),
    )
    for name in ("__kwdefaults__", "__qualname__", "__doc__", "__module__", "__annotations__"):
        setattr(made, name, getattr(original, name))
    return made


def _moved(code: CodeType, lines: int) -> CodeType:
    """The code so many lines further down."""
    # Empty lines for the parser would do the same, and take longer than all it parses.
    consts = tuple(_moved(const, lines) if isinstance(const, CodeType) else const for const in code.co_consts)
    return code.replace(co_firstlineno=code.co_firstlineno + lines, co_consts=consts)


def _cell(value: object) -> Any:
    return (lambda: value).__closure__[0]  # type: ignore[index]


class Replacements:
    """Attributes of other people's modules and classes, replaced, until they are put back."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []

    def put(self, owner: Any, name: str, value: object) -> None:
        """Replace an attribute that the owner has, or has inherited.

        Raises:
            TypeError: it cannot be set.
        """
        before = vars(owner).get(name, _INHERITED)
        setattr(owner, name, value)
        self._undo.append(lambda: delattr(owner, name) if before is _INHERITED else setattr(owner, name, before))

    def undo(self) -> None:
        """Put everything back, last things first."""
        while self._undo:
            self._undo.pop()()
