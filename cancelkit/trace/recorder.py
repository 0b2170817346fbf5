"""The recorder: puts what the loop does with tasks on a tape, from inside the program, without changing it.

Three designs can see every step of a task. Wrapping each coroutine in a proxy breaks `task.get_coro()` and adds
frames to tracebacks; a task factory is the program's to set. So this one has two calls put into the place where every
callback of every standard loop passes, `Handle._run` (see `inject`): a callback that is a step knows its task
(`__self__`), and after the step the task knows what it waits for. What no callback shows, the making of a task and a
request to cancel it, a subclass of Task adds. A loop with handles of its own, such as uvloop's, has its `call_soon`
wrapped instead.

What can still be seen of it: one frame more in a stack that a program prints from the first step of an eager task, from
its own signal handler, or from a step under a loop with handles of its own. Tracebacks do not show it.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import os
import signal
import struct
import sys
import threading
import weakref
from asyncio import base_events, runners
from asyncio import events as asyncio_events
from asyncio import tasks as asyncio_tasks
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic_ns
from types import BuiltinMethodType, CodeType, FrameType, MethodType
from typing import Any

from cancelkit.errors import CancelkitError
from cancelkit.trace import reports
from cancelkit.trace.complaints import ComplaintWatch
from cancelkit.trace.foreign_loops import ForeignLoops
from cancelkit.trace.inject import Replacements, original_body, with_entry, with_surroundings
from cancelkit.trace.requests import Requests
from cancelkit.trace.signals import SignalWatch
from cancelkit.trace.suspension import Sites, Suspension, tell_semaphores_apart
from cancelkit.trace.tape import (
    CANCELLED,
    CANCELLING,
    CREATED,
    DELIVERED,
    FINISHED,
    SLOT,
    STEP,
    SUSPENDED,
    TOLD,
    Tape,
    put_into,
    quoted,
)

_STEPS_IN_PYTHON = frozenset({"__step", "__wakeup"})
"""What the callbacks that step a task are called where asyncio has no C behind it."""

_NO_LEAF = (None, 0)
_NO_LEAVES: dict[int, tuple[CodeType | None, int]] = {}

_LOOP_CLOSERS = frozenset(
    {
        "BaseEventLoop.shutdown_asyncgens",
        "BaseEventLoop.shutdown_default_executor",
        "Loop.shutdown_asyncgens",
        "Loop.shutdown_default_executor",
        "_Interruption._finish_leftovers",
    }
)
"""Coroutines that closing a loop runs in tasks of its own; they belong to the loop, not to the program."""

_ON_ITS_WAY, _HAS_COME = 1, 2
"""What is known of a task's cancellation: it was asked for; it has reached the task."""

_installed: Recorder | None = None


@dataclass(slots=True)
class _Loop:
    """A loop that was met: its number, and labels for what its tasks run."""

    reference: Callable[[], Any]
    number: int
    coros: dict[str, int] = field(default_factory=dict)
    is_closing: bool = False


class Recorder:
    """Records what happens to the tasks of this process on a tape, from `install` to `uninstall`."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.sites = Sites(self._on_new_site)
        self.signals = SignalWatch(tape)
        self._requests = Requests(self.signals)
        self._complaints = ComplaintWatch(tape)
        self._run = _surroundings_of_a_callback(self)
        self._foreign_loops = ForeignLoops(self._run, self._on_loop_close, self._complaints)
        self._replacements = Replacements()
        self.numbers, self._loop_numbers = itertools.count(1), itertools.count(1)
        self._loops: weakref.WeakKeyDictionary[Any, _Loop] = weakref.WeakKeyDictionary()
        self.latest_loop = _Loop(lambda: None, 0)
        self.next_main: weakref.ref[Any] | None = None

    def install(self) -> None:
        """Hook asyncio, in this process but not in processes forked from it.

        Raises:
            CancelkitError: this process is being recorded already, or the source of asyncio is not there.
        """
        global _installed
        if _installed is not None:
            raise CancelkitError("this process is being recorded already: one recording at a time")
        try:
            self._hook()
        except BaseException:
            self._replacements.undo()
            raise
        _installed = self

    def _hook(self) -> None:
        put = self._replacements.put
        loop_class, handle_class, runner_class = base_events.BaseEventLoop, asyncio_events.Handle, runners.Runner
        put(handle_class, "_run", with_surroundings(handle_class._run, self._run))
        put(loop_class, "run_until_complete", with_entry(loop_class.run_until_complete, self._on_run_until_complete))
        put(loop_class, "close", with_entry(loop_class.close, self._on_loop_close))
        put(runner_class, "close", with_entry(runner_class.close, self._on_runner_close))
        task_class = _task_class(self)
        # Both names: asyncio's own functions look for the first, programs for the second.
        put(asyncio_tasks, "Task", task_class)
        put(asyncio, "Task", task_class)
        if sys.version_info >= (3, 12):
            eager = asyncio.create_eager_task_factory(task_class)  # the one that is there has the class of before inside
            put(asyncio_tasks, "eager_task_factory", eager)
            put(asyncio, "eager_task_factory", eager)
        tell_semaphores_apart(self._replacements)
        self._complaints.install(self._replacements)
        self.signals.install(self._replacements)
        reports.listen(self._on_report)

    def uninstall(self) -> None:
        """Undo that. Tasks that were made meanwhile go on, unrecorded."""
        global _installed
        _installed = None
        self.tape.abandon("the recording has ended")
        reports.listen(None)
        self.signals.uninstall()
        self._foreign_loops.let_go()
        self._replacements.undo()

    # What happens to a task. Its number is in `_cancelkit_number`: 0 if it is not recorded, negative once it has ended.

    def before_made(self, loop: Any) -> None:
        """A task is about to be made for a loop."""
        self._foreign_loops.adopt(type(loop))

    def on_made(self, task: Any, coro: Any, loop: Any, name: str, is_default_name: bool) -> None:
        """A task was made, or is being made and about to have its first step."""
        if self.latest_loop.reference() is not loop:
            self.latest_loop = self._loops.get(loop) or self._meet(loop, coro)
        function = getattr(coro, "__qualname__", None) or type(coro).__qualname__
        label = self.latest_loop.coros.get(function) or self._new_label(function, self.latest_loop)
        if not label:
            return
        task._cancelkit_number = number = next(self.numbers)
        if is_default_name:
            self.tape.put_created(number, label, int(name[5:]))
        else:
            members = f'"name":{quoted(name)},"coro":{quoted(str(function))},"loop":{self.latest_loop.number}'
            self.tape.put_text(f'"kind":"created","task":{number},{members}')
        if self.next_main is not None and self.next_main() is coro:
            self.next_main = None
            self._on_main(number)

    def _new_label(self, function: str, loop: _Loop) -> int:
        """A label for tasks of a loop that run a coroutine; 0 for those with which a loop is closed."""
        if function in _LOOP_CLOSERS:
            self.next_main = None
            self._on_closing(loop.reference())
            return 0
        label = self.tape.label(CREATED, f'"coro":{quoted(str(function))},"loop":{loop.number}')
        loop.coros[function] = label
        return label

    def _on_main(self, number: int) -> None:
        self.tape.put_text(f'"kind":"main","task":{number}')

    def on_named(self, task: Any) -> None:
        """The task was given a name; on Python 3.11, which gives it one only now, right after it was made."""
        if number := _number_of(task):
            self.tape.put_text(f'"kind":"named","task":{number},"name":{quoted(task.get_name())}')

    def before_eager_step(self, task: Any) -> tuple[memoryview, int]:
        """A task that is being made has its first step now; where that is on the tape."""
        return self.tape.put(task._cancelkit_number, STEP)

    def after_eager_step(self, task: Any, chunk: memoryview, at: int) -> None:
        """It has had it, and only now it has a name."""
        number = task._cancelkit_number
        self.on_named(task)
        self.tape.put_second(chunk, at, number, self.after_step(task))

    def after_step(self, task: Any) -> int:
        """What a task waits for that has given control back, or how it has ended."""
        try:
            if task.done():
                return self._how_ended(task)
            what = self.sites.site_of(task)
            return what | CANCELLING if task._cancelkit_asked and task.cancelling() else what
        except Exception as error:
            self.on_failure(error)
            return TOLD

    def on_cancel(self, task: Any, frame: FrameType) -> bool:
        """Somebody asks for the task to be cancelled; whether this may be handed on to another task."""
        if task._cancelkit_number <= 0 or task.done():
            return False
        task._cancelkit_asked |= _ON_ITS_WAY
        number = _number_of(task)
        self.tape.put_text(f'"kind":"cancel requested","task":{number},{self._requests.who(frame)}')
        self._requests.handed_on_by(number)
        return True

    def after_cancel(self) -> None:
        """The request has been handed on as far as it goes."""
        self._requests.handed_on()

    def on_asked(self, task: Any) -> bool:
        """A task that was asked to end is about to have a step; whether a line of its own will run."""
        if not (task._cancelkit_asked & _ON_ITS_WAY and _cancellation_is_due(task)):
            return True
        task._cancelkit_asked = _HAS_COME
        self.tape.put(task._cancelkit_number, DELIVERED)
        coro = task.get_coro()
        return bool(getattr(coro, "cr_suspended", getattr(coro, "gi_suspended", True)))

    def _how_ended(self, task: Any) -> int:
        """How a task has ended; TOLD if that takes a text, and was said."""
        number = task._cancelkit_number
        task._cancelkit_number = -number
        if task.cancelled():
            return CANCELLED
        error = task._exception  # task.exception() would mark it as retrieved
        if error is None:
            return FINISHED | CANCELLING if task.cancelling() else FINISHED
        title, cancelling = quoted(type(error).__qualname__), ',"cancelling":true' if task.cancelling() else ""
        self.tape.put_text(f'"kind":"ended","task":{number},"how":"failed","error":{title}{cancelling}')
        return TOLD

    def on_failure(self, error: Exception) -> None:
        """The recorder itself has failed, which must not become an error of the program."""
        self.tape.stop(f"the recorder failed: {error!r}")

    # What happens to a loop and to the process.

    def _meet(self, loop: Any, coro: Any) -> _Loop:
        """Introduce a loop that has not made a task before."""
        met = self._loops[loop] = _Loop(weakref.ref(loop), next(self._loop_numbers))
        kind, thread = quoted(type(loop).__qualname__), quoted(threading.current_thread().name)
        self.tape.put_text(f'"kind":"loop","loop":{met.number},"type":{kind},"thread":{thread}')
        if not isinstance(loop, base_events.BaseEventLoop):
            self.next_main = weakref.ref(coro)  # nothing tells which task it is run for: most often, the first
        return met

    def _on_run_until_complete(self, _loop: Any, future: Any) -> None:
        if inspect.iscoroutine(future):
            self.next_main = weakref.ref(future)
        elif getattr(future, "_cancelkit_number", 0) > 0:
            self._on_main(_number_of(future))

    def _on_runner_close(self, runner: Any) -> None:
        self._on_closing(runner._loop)

    def _on_closing(self, loop: Any) -> None:
        met = self._loops.get(loop) if loop is not None else None
        if met is not None and not met.is_closing:
            met.is_closing = True
            self.tape.put_text(f'"kind":"closing","loop":{met.number}')

    def _on_loop_close(self, loop: Any) -> None:
        if loop in self._loops and not loop.is_closed():
            self.tape.put_text(f'"kind":"closed","loop":{self._loops[loop].number}')

    def _on_report(self, what: reports.What, job: str) -> None:
        task = None if asyncio._get_running_loop() is None else asyncio.current_task()
        number = _number_of(task)
        about = f'"task":{number},' if number else ""
        self.tape.put_text(f'"kind":"report",{about}"what":{quoted(what)},"job":{quoted(job)}')

    def _on_new_site(self, suspension: Suspension) -> int:
        on, at = quoted(suspension.on), quoted(suspension.at)
        cleanup = "true" if suspension.cleanup else "false"
        return self.tape.label(SUSPENDED, f'"on":{on},"at":{at},"cleanup":{cleanup}')


def _number_of(task: Any) -> int:
    """The number of a task, also of one that has ended; 0 for what is none, or is not recorded."""
    return abs(getattr(task, "_cancelkit_number", 0))


def _after_fork_in_parent() -> None:
    if _installed is not None:
        _installed.tape.put_text('"kind":"forked"')


def _after_fork_in_child() -> None:
    if _installed is not None:
        _installed.tape.abandon("this is a copy of the process that is recorded")


os.register_at_fork(after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)


def _task_class(recorder: Recorder) -> type[asyncio.Task[Any]]:
    make, numbers, put_created = asyncio.Task.__init__, recorder.numbers, recorder.tape.put_created

    class Task(asyncio.Task):  # type: ignore[type-arg]
        __slots__ = ("_cancelkit_asked", "_cancelkit_leaves", "_cancelkit_number")

        def __init__(
            self, coro: Any, *, loop: Any = None, name: Any = None, context: Any = None, **more: Any
        ) -> None:
            self._cancelkit_asked = self._cancelkit_number = 0
            self._cancelkit_leaves = _NO_LEAVES
            latest = recorder.latest_loop
            if name is None and context is None and not more and recorder.next_main is None:
                label = latest.coros.get(getattr(coro, "__qualname__", None))
                if label is not None and latest.reference() is loop is not None:
                    # As most often: the same as at the end, shorter.
                    make(self, coro, loop=loop)
                    self._cancelkit_number = number = next(numbers)
                    put_created(number, label, int(self.get_name()[5:]))
                    if self._source_traceback:  # type: ignore[attr-defined]
                        _hide_from_trail(self)
                    return
            loop_to_be = loop if loop is not None else asyncio._get_running_loop()
            recorder.before_made(loop_to_be)
            if more.get("eager_start") and loop_to_be is not None and loop_to_be.is_running():
                recorder.on_made(self, coro, loop_to_be, "" if name is None else str(name), False)
                step = recorder.before_eager_step(self)
                try:
                    make(self, coro, loop=loop, name=name, context=context, **more)
                except (KeyboardInterrupt, SystemExit) as error:  # of its first step; asyncio lets no other through
                    recorder.after_eager_step(self, *step)
                    if error.__traceback__ is not None:
                        error.__traceback__ = error.__traceback__.tb_next
                    raise
                recorder.after_eager_step(self, *step)
            else:
                make(self, coro, loop=loop, name=name, context=context, **more)
                recorder.on_made(self, coro, self.get_loop(), self.get_name(), name is None)
            if self._source_traceback:  # type: ignore[attr-defined]
                _hide_from_trail(self)

        def set_name(self, value: object, /) -> None:
            super().set_name(value)
            recorder.on_named(self)

        def cancel(self, *args: Any, **kwargs: Any) -> bool:
            if not recorder.on_cancel(self, sys._getframe(1)):
                return super().cancel(*args, **kwargs)
            try:
                return super().cancel(*args, **kwargs)
            finally:
                recorder.after_cancel()

    Task.__module__ = asyncio.Task.__module__
    Task.__qualname__ = "Task"
    for method in (Task.__init__, Task.set_name, Task.cancel):
        method.__qualname__ = f"Task.{method.__name__}"
    return Task


def _hide_from_trail(task: Any) -> None:
    """In debug mode a task knows who made it: no line of ours, nor one of a task this is the first step of."""
    task._source_traceback[:] = [line for line in task._source_traceback if line.filename != __file__]


def _cancellation_is_due(task: Any) -> bool:
    """Whether the coming step throws CancelledError into a task that was asked to be cancelled."""
    waiter = task._fut_waiter
    if task._must_cancel or waiter is None:
        return bool(task._must_cancel)
    # What gather() gives is not cancelled, but ends with that error when its tasks have.
    return waiter.cancelled() or isinstance(getattr(waiter, "_exception", None), asyncio.CancelledError)


def _type_of_a_first_step() -> type | None:
    """What the callback is that gives a task its first step: a type of C's that has no name elsewhere."""

    class Probe:
        def call_soon(self, callback: Any, *_: Any, **__: Any) -> None:
            self.callback = callback

        def get_debug(self) -> bool:
            return False

    async def nothing() -> None: ...

    probe, coro = Probe(), nothing()
    task: Any = asyncio.Task(coro, loop=probe, name="probe")  # type: ignore[arg-type]
    task._log_destroy_pending = False
    coro.close()
    return None if isinstance(probe.callback, MethodType) else type(probe.callback)


def _surroundings_of_a_callback(recorder: Recorder) -> Callable[[Any], None]:
    """What is put around the body of `Handle._run`. Every step of every task passes here, so each line counts."""
    tape, site_of, held = recorder.tape, recorder.sites.site_of, recorder.signals.held
    first_step = _type_of_a_first_step()

    def run(self: Any) -> None:
        ck_at_work = True  # which the watch over signals looks for
        ck_task = ck_chunk = None
        try:
            ck_callback = self._callback
            ck_kind = type(ck_callback)
            if ck_kind is first_step or (ck_kind is BuiltinMethodType and ck_callback.__name__ == "task_wakeup") or (ck_kind is MethodType and ck_callback.__name__ in _STEPS_IN_PYTHON):
                ck_task = ck_callback.__self__
            if ck_task is not None:
                ck_number = ck_task._cancelkit_number
                if ck_number <= 0:
                    ck_task = None
                elif not ck_task._cancelkit_asked or recorder.on_asked(ck_task):
                    ck_reserve, ck_chunk, ck_rest = tape.place
                    ck_at = ck_reserve()
                    put_into(ck_chunk, ck_at, monotonic_ns(), ck_number, STEP)
        except struct.error:
            ck_chunk, ck_at = tape.put(ck_number, STEP)
        except AttributeError:  # a task of a class that was there before
            ck_task = None
        ck_at_work = False
        while held:
            signal.raise_signal(held.pop())
        try:
            original_body()
        finally:
            ck_at_work = True
            if ck_task is not None:
                try:
                    if not ck_task.done():
                        # Most often, a coroutine of the program awaits one of asyncio's that is known.
                        ck_coro = ck_task.get_coro()
                        ck_leaf, ck_what = ck_task._cancelkit_leaves.get(ck_coro.cr_frame.f_lasti, _NO_LEAF)
                        if ck_leaf is None or ck_coro.cr_await.cr_code is not ck_leaf or ck_task._cancelkit_asked:
                            ck_what = recorder.after_step(ck_task)
                    elif ck_task._exception is None and not (ck_task._cancelkit_asked or ck_task.cancelled()):
                        ck_task._cancelkit_number, ck_what = -ck_number, FINISHED
                    else:
                        ck_what = recorder.after_step(ck_task)
                except AttributeError:
                    ck_what = recorder.after_step(ck_task)
                try:
                    put_into(ck_chunk, ck_at + SLOT, monotonic_ns(), ck_number, ck_what)
                except (NameError, TypeError, ValueError, struct.error):
                    # It ended before its first step; or this process is a copy by now, or the recording is over.
                    tape.put(ck_number, ck_what)
            ck_at_work = False
            # The traceback of an error refers to the frames below it. A task that failed and is kept alive by this one
            # would be missed, and asyncio's complaint that nobody asked for its error come late.
            ck_callback = ck_task = ck_coro = None
            while held:
                signal.raise_signal(held.pop())

    return run
