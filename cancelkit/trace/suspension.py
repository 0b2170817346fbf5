"""What a suspended task waits for, at which line, and whether that line is cleanup code.

A task that waits is a chain of coroutines, each awaiting the next, that ends at a future. The innermost coroutine
says what is waited for; the innermost one of the program's own says where; and if any of them stands in a `finally` or
`except` body, in `__aexit__` or in `aclose`, the task is cleaning up: the source says so, nobody has to be asked. (An
`__aexit__` that waits for other tasks is the end of a task group's block, and no cleanup.)

All this is found out once for each chain of places. From then on `Sites` knows its number, after one look along it.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import itertools
import os
from asyncio import locks
from collections.abc import Callable, Iterator
from types import CodeType, CoroutineType, FrameType, FunctionType, GeneratorType
from typing import Any, NamedTuple

from cancelkit.trace.inject import Replacements
from cancelkit.trace.sources import is_cleanup, is_library, position_of
from cancelkit.trace.tasks import coro_of

_ASYNCIO = os.path.dirname(asyncio.__file__) + os.sep  # noqa: PTH120 - pathlib is slow to import in every child

_WRAPPERS = frozenset({"coroutine_wrapper", "anext_awaitable", "async_generator_asend", "async_generator_athrow"})
_INSIDE_WRAPPERS = frozenset({"coroutine", "async_generator", *_WRAPPERS})

_OF_FUNCTION = {"sleep": "sleep", "__sleep0": "sleep", "_wait": "tasks", "wait_for": "wait_for", "to_thread": "thread"}
"""What a task waits for that stands in one of these functions of asyncio,"""

_OF_CLASS = frozenset({"Semaphore", "Lock", "Event", "Condition", "Queue", "Barrier", "TaskGroup"})
"""in a method of one of these classes,"""

_LEAVES = frozenset(
    {"sleep", "Semaphore.acquire", "Lock.acquire", "Event.wait", "Queue.get", "Queue.put", "Queue.join", "_wait"}
    | {"StreamReader._wait_for_data"}
)
"""Coroutine functions of these that await nothing else of a program's: no need to look inside;"""

_OF_MODULE = {
    "subprocess": "subprocess",
    "base_subprocess": "subprocess",
    "streams": "socket",
    "selector_events": "socket",
    "base_events": "socket",
    "unix_events": "socket",
    "sslproto": "socket",
}
"""anywhere in one of these modules,"""

_OF_CALLBACK = {"shield": "shield", "_chain_future": "executor"}
"""or at a future that a callback defined in one of these functions completes."""

_BOUNDED_ACQUIRE = FunctionType(asyncio.Semaphore.acquire.__code__.replace(), vars(locks))
"""The same as Semaphore's, which BoundedSemaphore inherits, but another object, so that they can be told apart."""

_TASKS = frozenset({"task", "tasks", "TaskGroup", "gather", "shield"})


class Suspension(NamedTuple):
    """What a task waits `on`, `at` which file:line of its program, and whether that is `cleanup`."""

    on: str
    at: str
    cleanup: bool


def tell_semaphores_apart(replacements: Replacements) -> None:
    """Give BoundedSemaphore a method of its own, by which tasks that are suspended in it can be known."""
    functools.update_wrapper(_BOUNDED_ACQUIRE, asyncio.Semaphore.acquire)
    del _BOUNDED_ACQUIRE.__wrapped__  # type: ignore[attr-defined]
    replacements.put(asyncio.BoundedSemaphore, "acquire", _BOUNDED_ACQUIRE)


class _Varying(NamedTuple):
    """What is waited for in a place where that can differ: `which` tells it, and `code_of` has the code for it."""

    which: Callable[[Any, Any], str]
    code_of: Callable[[str], int]


class _Places(dict[int, Any]):
    """What is known of a coroutine by the place in its code where it waits.

    Attributes:
        leaves: by place, the code of the leaf that is awaited there, and the code of the suspension.
    """

    def __init__(self) -> None:
        self.leaves: dict[int, tuple[CodeType, int]] = {}


class Sites:
    """A code for each suspension that differs. `announce` makes it, before it is given out for the first time."""

    def __init__(self, announce: Callable[[Suspension], int]) -> None:
        self._announce = announce
        self._there_are_pipes = False
        self._codes: dict[Suspension, int] = {}
        self._known: dict[Any, Any] = {}
        self._kept_alive: dict[int, CodeType] = {}

    def site_of(self, task: Any) -> int:
        """The code of what a suspended task waits for, and where."""
        known, link, coro = self._known, coro_of(task), None
        try:
            while True:
                kind = type(link)
                if kind is CoroutineType:
                    known = known[id(link.cr_code)]
                    if type(known) is _Places:
                        if coro is None:
                            task._cancelkit_leaves = known.leaves
                        known = known[link.cr_frame.f_lasti]
                    elif type(known) is int:  # a leaf: whatever is inside makes no difference
                        return known
                    coro = link
                    link = link.cr_await
                elif kind is GeneratorType:
                    known = known[id(link.gi_code)]
                    if type(known) is _Places:
                        known = known[link.gi_frame.f_lasti]
                    link = link.gi_yieldfrom
                else:
                    break
            waiter = task._fut_waiter
            site = known[kind][type(waiter)]
            return site if type(site) is int else site.code_of(site.which(coro, waiter))
        except (KeyError, AttributeError):
            return self._look(task, task._fut_waiter)

    def on_pipe(self, *_: object) -> None:
        """A pipe is about to be read from: no longer is every stream a socket."""
        if not self._there_are_pipes:
            self._there_are_pipes = True
            self._known.clear()

    def _look(self, task: Any, waiter: Any) -> int:
        """Find out about a chain that has not been seen before, or that has links of another kind."""
        coro = coro_of(task)
        links = list(_chain(coro))
        if not links:
            return self._code_of(Suspension("next step" if waiter is None else "future", "", cleanup=False))
        on = _waited_for([code for code, _ in links], waiter, there_are_pipes=self._there_are_pipes)
        decide = self._decider(links)
        if isinstance(on, str):
            self._remember(task, waiter, decide(on))
            return decide(on)
        self._remember(task, waiter, _Varying(on, decide))
        return decide(on(_innermost(coro), waiter))

    def _decider(self, links: list[tuple[CodeType, int]]) -> Callable[[str], int]:
        """What gives the code of a suspension in this place, once it is known what is waited for."""
        own = [link for link in links if not is_library(link[0].co_filename)] or links[:1]
        code, instruction = own[-1]
        at = f"{code.co_filename}:{position_of(code, instruction)[0]}"

        @functools.cache
        def decide(on: str) -> int:
            cleanup = any(is_cleanup(*link, waits_for_tasks=on in _TASKS) for link in links)
            return self._code_of(Suspension(on, at, cleanup))

        return decide

    def _remember(self, task: Any, waiter: Any, site: int | _Varying) -> None:
        known: Any = self._known
        coro: Any = coro_of(task)
        link = coro
        while isinstance(link, CoroutineType | GeneratorType):
            code, frame, inner = _parts_of(link)
            self._kept_alive[id(code)] = code  # for it is known by its address
            if code.co_filename.startswith(_ASYNCIO) and code.co_qualname in _LEAVES and isinstance(site, int):
                known[id(code)] = site
                outermost = self._known[id(coro.cr_code)]
                if link is coro.cr_await and isinstance(outermost, _Places):
                    outermost.leaves[coro.cr_frame.f_lasti] = code, site
                return
            # Where in a function of the library makes no difference, and to look would make a frame object each time.
            places = known.setdefault(id(code), {} if is_library(code.co_filename) else _Places())
            known = places.setdefault(frame.f_lasti, {}) if isinstance(places, _Places) else places
            link = inner
        if not hasattr(link, "ag_frame") and type(link).__name__ not in _WRAPPERS:  # which can be suspended anywhere
            known.setdefault(type(link), {})[type(waiter)] = site

    def _code_of(self, suspension: Suspension) -> int:
        code = self._codes.get(suspension)
        if code is None:
            code = self._codes[suspension] = self._announce(suspension)
        return code


def _parts_of(link: Any) -> tuple[CodeType, Any, Any]:
    """The code and the frame of a coroutine or generator, and what it awaits."""
    if isinstance(link, CoroutineType):
        return link.cr_code, link.cr_frame, link.cr_await
    return link.gi_code, link.gi_frame, link.gi_yieldfrom


def _chain(awaitable: Any) -> Iterator[tuple[CodeType, int]]:
    """Code and place of each coroutine from the task's own to the innermost."""
    while awaitable is not None:
        for prefix, link in (("cr_", "await"), ("ag_", "await"), ("gi_", "yieldfrom")):
            # An object of the program's that stands for a coroutine may notice that it was asked.
            has_frame = hasattr(type(awaitable), prefix + "frame")
            frame = getattr(awaitable, prefix + "frame") if has_frame else None
            if isinstance(frame, FrameType):
                yield frame.f_code, frame.f_lasti
                awaitable = getattr(awaitable, prefix + link)
                break
        else:
            awaitable = _behind(awaitable)


def _innermost(coro: Any) -> Any:
    """The innermost coroutine that is awaited by way of nothing but coroutines."""
    while isinstance(getattr(coro, "cr_await", None), CoroutineType):
        coro = coro.cr_await
    return coro


def _behind(awaitable: Any) -> Any:
    """What one of Python's own wrappers, such as an async generator's `aclose()`, steps on behalf of its awaiter."""
    if type(awaitable).__name__ not in _WRAPPERS:
        return None
    return next((inner for inner in gc.get_referents(awaitable) if type(inner).__name__ in _INSIDE_WRAPPERS), None)


def _waited_for(codes: list[CodeType], waiter: Any, *, there_are_pipes: bool) -> str | Callable[[Any, Any], str]:
    """What is waited for; or what tells it, from the innermost coroutine and the future, where that can differ."""
    inside = list(itertools.takewhile(lambda code: code.co_filename.startswith(_ASYNCIO), reversed(codes)))
    modules = [code.co_filename.removeprefix(_ASYNCIO).removesuffix(".py") for code in inside]
    if not inside:
        return _of_future(waiter)
    owner, _, function = inside[0].co_qualname.rpartition(".")
    if not owner and function in _OF_FUNCTION:
        return _OF_FUNCTION[function]
    if inside[0] is _BOUNDED_ACQUIRE.__code__:
        return "BoundedSemaphore"
    # The outermost: a barrier waits by means of a condition, which waits by means of a lock.
    owners = [code.co_qualname.rpartition(".")[0] for code in reversed(inside)]
    if named := next((name for name in owners if name in _OF_CLASS), None):
        return named
    if "subprocess" in (kinds := {_OF_MODULE.get(module) for module in modules}):
        return "subprocess"
    if owner == "StreamReader" and there_are_pipes:
        return _which_stream
    return "socket" if "socket" in kinds else _of_future(waiter)


def _which_stream(coro: Any, _: Any) -> str:
    transport = getattr(coro.cr_frame.f_locals.get("self"), "_transport", None)
    if "Pipe" not in type(transport).__name__:
        return "socket"
    return "subprocess" if "Subprocess" in type(getattr(transport, "_protocol", None)).__name__ else "pipe"


def _of_future(waiter: Any) -> str | Callable[[Any, Any], str]:
    if waiter is None:
        return "next step"
    if isinstance(waiter, asyncio.Task):
        return "task"
    return "gather" if type(waiter).__name__ == "_GatheringFuture" else _which_future


def _which_future(_: Any, waiter: Any) -> str:
    for callback, *_context in getattr(waiter, "_callbacks", None) or ():
        function = getattr(callback, "__qualname__", "").partition(".")[0]
        if function in _OF_CALLBACK:
            return _OF_CALLBACK[function]
    return "future"
