"""The recorder: turns what the loop does with tasks into events, from inside the program, without changing it.

Three designs can see every step of a task. Wrapping each coroutine in a proxy breaks `task.get_coro()` and adds
frames to tracebacks; a task factory is the program's to set. So this one hooks the place where every callback of every
standard loop passes, `Handle._run`: a callback that is a step knows its task (`__self__`), and after the step the task
knows what it waits for. What no callback shows, the making of a task and a request to cancel it, a subclass of Task
adds.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import weakref
from asyncio import events as asyncio_events
from asyncio import tasks as asyncio_tasks
from collections.abc import Callable
from time import monotonic_ns
from typing import Any

from cancelkit.trace import reports
from cancelkit.trace.events import Event
from cancelkit.trace.suspension import suspension_of

_STEP_NAMES = frozenset({None, "task_wakeup", "__step", "__wakeup"})
"""What the callbacks that step a task are called: C's own two (the first has no name), and the Python versions."""

_LOOP_CLOSERS = ("BaseEventLoop.shutdown_asyncgens", "BaseEventLoop.shutdown_default_executor")
"""Coroutines that closing a loop runs in tasks of its own; they belong to the loop, not to the program."""


class Recorder:
    """Sends an event to `sink` for everything that happens to a task of this process, once installed."""

    def __init__(self, sink: Callable[[Event], None]) -> None:
        self._sink = sink
        self._numbers = itertools.count(1)
        self._loops_seen: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()

    def install(self) -> None:
        """Hook asyncio, for the rest of this process's life but not in processes forked from it."""
        task_class = _task_class(self)
        # Both names: asyncio's own functions look for the first, programs for the second.
        asyncio_tasks.Task = asyncio.Task = task_class  # type: ignore[misc]
        if sys.version_info >= (3, 12):
            # The one that is there has the class of before inside.
            eager = asyncio.create_eager_task_factory(task_class)
            asyncio_tasks.eager_task_factory = asyncio.eager_task_factory = eager  # type: ignore[assignment]
        asyncio_events.Handle._run = _recording_run(self, asyncio_events.Handle._run, task_class)  # type: ignore[method-assign,assignment]
        reports.listen(self._on_report)
        os.register_at_fork(after_in_child=self._fall_silent)

    def emit(self, kind: str, task: int | None = None, /, **detail: Any) -> None:
        """Send one event that happens now."""
        self._sink(Event(monotonic_ns(), kind, task, detail))

    def on_made(self, task: Any) -> None:
        """A task was made, and has not had its first step."""
        self._introduce(task, task.get_coro(), task.get_loop(), task.get_name())

    def before_eager_start(self, task: Any, coro: Any, loop: Any = None, *, name: object = None) -> None:
        """A task is being made, and will have its first step while it is; so it has no name yet but a given one."""
        self._introduce(task, coro, loop or asyncio.get_running_loop(), "" if name is None else str(name))
        if task._cancelkit_number is not None:
            self.emit("step", task._cancelkit_number)

    def after_eager_start(self, task: Any) -> None:
        """The task was made, and has had its first step."""
        if task._cancelkit_number is not None:
            self.on_named(task)
            self.after_step(task)

    def _introduce(self, task: Any, coro: Any, loop: Any, name: str) -> None:
        function = str(getattr(coro, "__qualname__", type(coro).__qualname__))
        if function in _LOOP_CLOSERS:
            return
        task._cancelkit_number = next(self._numbers)
        detail: dict[str, Any] = {"name": name, "coro": function}
        if loop not in self._loops_seen:
            self._loops_seen.add(loop)
            detail["main"] = True
        self.emit("created", task._cancelkit_number, **detail)

    def on_named(self, task: Any) -> None:
        """The task was given a name; on Python 3.11, which gives it one only now, right after it was made."""
        if task._cancelkit_number is not None:
            self.emit("named", task._cancelkit_number, name=task.get_name())

    def on_cancel(self, task: Any) -> None:
        """Somebody asked for the task to be cancelled."""
        if task._cancelkit_number is not None and not task.done():
            task._cancelkit_asked = True
            self.emit("cancel requested", task._cancelkit_number)

    def before_step(self, task: Any) -> None:
        """The loop is about to step the task."""
        number = task._cancelkit_number
        if task._cancelkit_asked and _cancellation_is_due(task):
            task._cancelkit_asked = False
            self.emit("cancel delivered", number)
            if not task._cancelkit_begun:
                return  # it ends before the first line of its coroutine
        task._cancelkit_begun = True
        self.emit("step", number)

    def after_step(self, task: Any) -> None:
        """The task has given control back to the loop."""
        number = task._cancelkit_number
        if not task.done():
            where = suspension_of(task)
            cancelling = task.cancelling() > 0
            self.emit("suspended", number, on=where.on, at=where.at, cleanup=where.cleanup, cancelling=cancelling)
        elif task.cancelled():
            self.emit("ended", number, how="cancelled")
        else:
            # Asking for task.exception() would mark it as retrieved and silence asyncio's own warning.
            self.emit("ended", number, how="failed" if task._exception is not None else "finished")

    def _on_report(self, what: reports.What, job: str) -> None:
        try:
            task = asyncio.current_task()
        except RuntimeError:
            task = None
        self.emit("report", getattr(task, "_cancelkit_number", None), what=what, job=job)

    def _fall_silent(self) -> None:
        self._sink = lambda event: None


def _task_class(recorder: Recorder) -> type[asyncio.Task[Any]]:
    class Task(asyncio.Task):  # type: ignore[type-arg]
        _cancelkit_number: int | None = None
        _cancelkit_begun = False
        _cancelkit_asked = False

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            if kwargs.get("eager_start") and _is_running(kwargs.get("loop")):
                self._cancelkit_begun = True
                recorder.before_eager_start(
                    self, kwargs.get("coro", *args), kwargs.get("loop"), name=kwargs.get("name")
                )
                try:
                    super().__init__(*args, **kwargs)
                except (KeyboardInterrupt, SystemExit):  # of its first step; asyncio lets no other through
                    recorder.after_eager_start(self)
                    raise
                recorder.after_eager_start(self)
            else:
                super().__init__(*args, **kwargs)
                recorder.on_made(self)
            if trail := self._source_traceback:  # type: ignore[attr-defined]
                del trail[-1]  # in debug mode a task knows who made it: not this line
            del self, args, kwargs  # its first step may have failed: see the end of _run

        def set_name(self, value: object, /) -> None:
            super().set_name(value)
            recorder.on_named(self)

        def cancel(self, *args: Any, **kwargs: Any) -> bool:
            recorder.on_cancel(self)
            return super().cancel(*args, **kwargs)

    Task.__module__ = asyncio.Task.__module__
    Task.__qualname__ = "Task"
    return Task


def _is_running(loop: asyncio.AbstractEventLoop | None) -> bool:
    return asyncio._get_running_loop() is not None if loop is None else loop.is_running()


def _cancellation_is_due(task: Any) -> bool:
    """Whether the coming step throws CancelledError into a task that was asked to be cancelled."""
    waiter = task._fut_waiter
    if task._must_cancel or waiter is None:
        return bool(task._must_cancel)
    # What gather() gives is not cancelled, but ends with that error when its tasks have.
    return waiter.cancelled() or isinstance(getattr(waiter, "_exception", None), asyncio.CancelledError)


def _recording_run(
    recorder: Recorder, run: Callable[[Any], None], task_class: type[asyncio.Task[Any]]
) -> Callable[[Any], None]:
    def _run(handle: Any) -> None:
        callback = handle._callback
        task = getattr(callback, "__self__", None)
        try:
            if (
                not isinstance(task, task_class)
                or getattr(callback, "__name__", None) not in _STEP_NAMES
                or task._cancelkit_number is None  # type: ignore[attr-defined]
                or task.done()
            ):
                return run(handle)
            recorder.before_step(task)
            try:
                return run(handle)
            finally:
                recorder.after_step(task)
        finally:
            # The traceback of an error refers to the frames that were below it. A task that failed and is kept alive
            # by this one would be missed, and asyncio's complaint that nobody asked for its error come late.
            handle = callback = task = None

    return _run
