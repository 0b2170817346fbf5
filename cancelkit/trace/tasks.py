"""The class of tasks that stands in for asyncio's: it adds what no callback shows, making them and cancelling them."""

from __future__ import annotations

import ast
import asyncio
import functools
import inspect
import sys
from types import CodeType, CoroutineType
from typing import TYPE_CHECKING, Any, cast

from cancelkit.trace.unseen import without_us

if TYPE_CHECKING:
    from cancelkit.trace.recorder import Recorder

_NOTHING: Any = object()
_NO_LEAVES: dict[int, tuple[CodeType | None, int]] = {}

# What a task is asked, whatever a subclass of the program's has made of that.
_Task: Any = asyncio.Task
done, cancelled, cancelling = _Task.done, _Task.cancelled, _Task.cancelling
coro_of, name_of, loop_of = _Task.get_coro, _Task.get_name, _Task.get_loop


def task_class(recorder: Recorder) -> type[asyncio.Task[Any]]:
    """A subclass of Task whose tasks tell the recorder. Their slots are the recorder's.

    `_cancelkit_number` is 0 for a task that is not recorded, and negative once it has ended; `_cancelkit_asked` is what
    is known of its cancellation; `_cancelkit_leaves` is the shortest way to know where it waits (see `suspension`).

    Its methods take whatever they are given: what is wrong with that, the methods of Task say.
    """
    base: Any = asyncio.Task
    make, rename, cancel_it = base.__init__, base.set_name, base.cancel
    numbers, put_created = recorder.numbers, recorder.tape.put_created
    held, release = recorder.signals.held, recorder.signals.release

    class Task(base):  # type: ignore[misc]
        __slots__ = ("_cancelkit_asked", "_cancelkit_leaves", "_cancelkit_number")
        __doc__ = base.__doc__

        def __init__(
            self,
            /,
            coro: Any = _NOTHING,
            *rest: Any,
            loop: Any = None,
            name: Any = None,
            context: Any = None,
            **more: Any,
        ) -> None:
            ck_at_work, step = True, None
            self._cancelkit_asked = self._cancelkit_number = 0
            self._cancelkit_leaves = _NO_LEAVES
            try:
                latest = recorder.latest_loop
                if name is None and context is None and type(coro) is CoroutineType and recorder.next_main is None:
                    label = latest.coros.get(coro.__qualname__)
                    if label is not None and latest.reference() is loop is not None and not (more or rest):
                        # As most often: the same as below, shorter.
                        make(self, coro, loop=loop)
                        self._cancelkit_number = number = next(numbers)
                        put_created(number, label, int(name_of(self)[5:]))
                        if held:
                            release()
                        return
                loop_to_be = loop if loop is not None else asyncio._get_running_loop()
                recorder.before_made(loop_to_be)
                if more.get("eager_start") and loop_to_be is not None and loop_to_be.is_running():
                    name = name if name is None else str(name)  # only once, for the program may notice
                    step = recorder.before_eager_step(self, coro, loop_to_be, name)
                given = {"loop": loop, "name": name, "context": context}
                given = {key: value for key, value in given.items() if value is not None}
                ck_at_work = step is None
                make(self, *(() if coro is _NOTHING else (coro,)), *rest, **given, **more)
                ck_at_work = True  # noqa: F841
                if step is None:
                    recorder.on_made(self, coro, loop_of(self), name_of(self), name is None)
                else:
                    after, step = step, None
                    recorder.after_eager_step(self, *after)
                if held:
                    release()
            except BaseException as error:
                # From its first step; or from before that, and then it is no task that can be asked for anything.
                if step is not None and getattr(self, "_coro", None) is not None:
                    recorder.after_eager_step(self, *step)
                without_us(error)
                raise
            finally:
                # The error of an eager task refers to this: see the end of `run` in `steps`.
                self = coro = loop = context = rest = more = given = None  # type: ignore[assignment]

        @functools.wraps(rename)
        def set_name(self, /, *args: Any, **kwargs: Any) -> Any:
            ck_at_work = True  # noqa: F841
            try:
                rename(self, *args, **kwargs)
                recorder.on_named(self)
                if held:
                    release()
            except BaseException as error:
                try:
                    without_us(error)
                except RecursionError:
                    error.__traceback__ = None
                raise

        @functools.wraps(cancel_it)
        def cancel(self, /, *args: Any, **kwargs: Any) -> Any:
            ck_at_work = True  # noqa: F841
            try:
                may_be_handed_on = recorder.on_cancel(self, sys._getframe(1))
                try:
                    return cancel_it(self, *args, **kwargs)
                except BaseException as error:
                    without_us(error)
                    raise
                finally:
                    if may_be_handed_on:
                        recorder.after_cancel()
                    if held:
                        release()
            except BaseException as error:
                try:
                    without_us(error)
                except RecursionError:
                    error.__traceback__ = None
                raise

    Task.__module__ = base.__module__
    Task.__qualname__ = base.__qualname__
    Task.__init__.__qualname__ = base.__init__.__qualname__
    Task.__init__.__signature__ = _signature_of_init(base)  # type: ignore[attr-defined]
    return Task


def _signature_of_init(task: Any) -> inspect.Signature:
    """What a program is told that asks how a task is made."""
    text = task.__text_signature__
    if text is None:  # a class that is Python's
        return inspect.signature(task.__init__)
    # As `inspect` does it, only that this needs no tokenizer, whose patterns would have to be compiled for it.
    arguments = cast("Any", ast.parse(f"def __init__{text}: ...").body[0]).args
    parameters = [inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)]
    parameters += [
        inspect.Parameter(argument.arg, inspect.Parameter.POSITIONAL_OR_KEYWORD) for argument in arguments.args
    ]
    parameters += [
        inspect.Parameter(argument.arg, inspect.Parameter.KEYWORD_ONLY, default=ast.literal_eval(default))
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    return inspect.Signature(parameters)


def title_of_coroutine(coro: Any) -> str:
    """What a coroutine is called; an object of the program's that stands for one may notice that it was asked."""
    has_title = type(coro) is CoroutineType or any("__qualname__" in vars(kind) for kind in type(coro).__mro__)
    return str(coro.__qualname__ if has_title else type(coro).__qualname__)


def number_of(task: Any) -> int:
    """The number of a task, also of one that has ended; 0 for what is none, or is not recorded."""
    return abs(getattr(task, "_cancelkit_number", 0)) if issubclass(type(task), asyncio.Task) else 0


def cancellation_is_due(task: Any) -> bool:
    """Whether the coming step throws CancelledError into a task that was asked to be cancelled."""
    waiter = task._fut_waiter
    if task._must_cancel or waiter is None:
        return bool(task._must_cancel)
    # What gather() gives is not cancelled, but ends with that error when its tasks have.
    return waiter.cancelled() or isinstance(getattr(waiter, "_exception", None), asyncio.CancelledError)
