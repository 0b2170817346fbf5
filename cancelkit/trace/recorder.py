"""The recorder: puts what the loop does with tasks on a tape, from inside the program, without changing it.

Three designs can see every step of a task. Wrapping each coroutine in a proxy breaks `task.get_coro()` and adds
frames to tracebacks; a task factory is the program's to set. So this one has two calls put into the place where every
callback of every standard loop passes, `Handle._run` (see `steps`): a callback that is a step knows its task
(`__self__`), and after the step the task knows what it waits for. What no callback shows, the making of a task and a
request to cancel it, a subclass of Task adds (see `tasks`). A loop with handles of its own, such as uvloop's, has its
`call_soon` wrapped instead (see `foreign_loops`).

What can still be seen of it, by a program that walks frames itself: one more in the first step of an eager task, in
its own signal handler, and in a step under a loop with handles of its own. Tracebacks and printed stacks do not show
it. And Python's own messages say 'Task' where they would say '_asyncio.Task'.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import itertools
import os
import sys
import threading
import weakref
from asyncio import base_events, runners, unix_events
from asyncio import events as asyncio_events
from asyncio import tasks as asyncio_tasks
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

from cancelkit.errors import CancelkitError
from cancelkit.trace import reports
from cancelkit.trace.complaints import ComplaintWatch
from cancelkit.trace.foreign_loops import ForeignLoops
from cancelkit.trace.inject import Replacements, with_entry, with_surroundings
from cancelkit.trace.requests import Requests
from cancelkit.trace.signals import SignalWatch
from cancelkit.trace.steps import surroundings_of_a_callback
from cancelkit.trace.suspension import Sites, Suspension, tell_semaphores_apart
from cancelkit.trace.tape import (
    CANCELLED,
    CANCELLING,
    CREATED,
    DELIVERED,
    FINISHED,
    STEP,
    SUSPENDED,
    TOLD,
    Tape,
    quoted,
)
from cancelkit.trace.tasks import (
    cancellation_is_due,
    cancelled,
    cancelling,
    coro_of,
    done,
    name_of,
    number_of,
    task_class,
    title_of_coroutine,
)
from cancelkit.trace.unseen import hide_from_stacks

if TYPE_CHECKING:
    from _typeshed import SupportsNext

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


class _Loop:
    """A loop that was met: its number, and labels for what its tasks run."""

    __slots__ = ("coros", "is_closing", "number", "reference")

    def __init__(self, reference: Callable[[], Any], number: int, coros: dict[str, int]) -> None:
        self.reference, self.number, self.coros = reference, number, coros
        self.is_closing = False


def _harmless(method: Any) -> Any:
    """A method of the recorder's whose failure must not become an error of the program; it gives None then."""

    @functools.wraps(method)
    def attempt(self: Recorder, *args: Any) -> Any:
        try:
            return method(self, *args)
        except RecursionError:
            return None  # without a call, for there may be no room for another
        except Exception as error:
            self.on_failure(error)
            return None

    return attempt


class Recorder:
    """Records what happens to the tasks of this process on a tape, from `install` to `uninstall`."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.sites = Sites(self._on_new_site)
        self.signals = SignalWatch(tape)
        self._requests = Requests(self.signals)
        self._complaints = ComplaintWatch(tape, self.signals.guarded)
        self._run = surroundings_of_a_callback(self)
        self._on_close = self.signals.guarded(self._on_loop_close)
        self._foreign_loops = ForeignLoops(self._run, self._on_close, self._complaints)
        self._replacements = Replacements()
        self.numbers: SupportsNext[int] = itertools.count(1)
        self.loop_numbers: SupportsNext[int] = itertools.count(1)
        # By id, and not weakly by themselves: when one dies, nothing of ours is to run in the middle of the program.
        self._loops: dict[int, _Loop] = {}
        self._coros: dict[int, dict[str, int]] = {}
        self.latest_loop = _Loop(lambda: None, 0, {})
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
        put, guarded = self._replacements.put, self.signals.guarded
        loop_class, handle_class, runner_class = base_events.BaseEventLoop, asyncio_events.Handle, runners.Runner
        put(handle_class, "_run", with_surroundings(handle_class._run, self._run))
        on_run, on_runner_close = guarded(self._on_run_until_complete), guarded(self._on_runner_close)
        put(loop_class, "run_until_complete", with_entry(loop_class.run_until_complete, on_run))
        put(loop_class, "close", with_entry(loop_class.close, self._on_close))
        put(runner_class, "close", with_entry(runner_class.close, on_runner_close))
        recorded_task = task_class(self)
        # Both names: asyncio's own functions look for the first, programs for the second.
        put(asyncio_tasks, "Task", recorded_task)
        put(asyncio, "Task", recorded_task)
        if sys.version_info >= (3, 12):
            # The one that is there has the class of before inside.
            eager = asyncio.create_eager_task_factory(recorded_task)
            put(asyncio_tasks, "eager_task_factory", eager)
            put(asyncio, "eager_task_factory", eager)
        unix_loop: Any = unix_events._UnixSelectorEventLoop
        make_pipe = unix_loop._make_read_pipe_transport
        self.signals.put_lazily(
            self._replacements,
            unix_loop,
            "_make_read_pipe_transport",
            lambda: with_entry(make_pipe, self.sites.on_pipe),
        )
        tell_semaphores_apart(self._replacements)
        hide_from_stacks(self._replacements)
        self._complaints.install(self._replacements)
        self.signals.install(self._replacements)
        reports.listen(guarded(self._on_report))

    def uninstall(self) -> None:
        """Undo that. Tasks that were made meanwhile go on, unrecorded."""
        global _installed
        _installed = None
        self.tape.abandon("the recording has ended")
        reports.listen(None)
        self.signals.uninstall()
        self._foreign_loops.let_go()
        self._replacements.undo()

    # What happens to a task.

    @_harmless
    def before_made(self, loop: Any) -> None:
        """A task is about to be made for a loop."""
        self._foreign_loops.adopt(type(loop))

    @_harmless
    def on_made(self, task: Any, coro: Any, loop: Any, name: str, is_default_name: bool) -> None:
        """A task was made, or is being made and about to have its first step."""
        if self.latest_loop.reference() is not loop:
            self.latest_loop = self._met(loop) or self._meet(loop, coro)
        function = title_of_coroutine(coro)
        label = self.latest_loop.coros.get(function) or self._new_label(function, self.latest_loop)
        if not label:
            return
        task._cancelkit_number = number = next(self.numbers)
        if is_default_name:
            self.tape.put_created(number, label, int(name[5:]))
        else:
            members = f'"name":{quoted(name)},"coro":{quoted(function)},"loop":{self.latest_loop.number}'
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
        label = self.tape.label(CREATED, f'"coro":{quoted(function)},"loop":{loop.number}')
        loop.coros[function] = label
        return label

    def _on_main(self, number: int) -> None:
        self.tape.put_text(f'"kind":"main","task":{number}')

    @_harmless
    def on_named(self, task: Any) -> None:
        """The task was given a name; on Python 3.11, which gives it one only now, right after it was made."""
        if number := number_of(task):
            self.tape.put_text(f'"kind":"named","task":{number},"name":{quoted(name_of(task))}')

    @_harmless
    def before_eager_step(self, task: Any, coro: Any, loop: Any, name: str | None) -> tuple[memoryview, int] | None:
        """A task that is being made has its first step now; where that is on the tape."""
        if not asyncio.iscoroutine(coro):
            return None  # as Task is about to say
        self.on_made(task, coro, loop, name or "", False)
        return self.tape.put(task._cancelkit_number, STEP)

    @_harmless
    def after_eager_step(self, task: Any, chunk: memoryview, at: int) -> None:
        """It has had it, and only now it has a name."""
        number = task._cancelkit_number
        self.on_named(task)
        self.tape.put_second(chunk, at, number, self.after_step(task))

    def after_step(self, task: Any) -> int:
        """What a task waits for that has given control back, or how it has ended."""
        try:
            if done(task):
                return self._how_ended(task)
            what = self.sites.site_of(task)
            return what | CANCELLING if task._cancelkit_asked and cancelling(task) else what
        except Exception as error:
            self.on_failure(error)
            return TOLD

    @_harmless
    def on_cancel(self, task: Any, frame: FrameType) -> bool:
        """Somebody asks for the task to be cancelled; whether this may be handed on to another task."""
        number = number_of(task)
        if not number or task._cancelkit_number < 0 or done(task):
            return False
        task._cancelkit_asked |= _ON_ITS_WAY
        self.tape.put_text(f'"kind":"cancel requested","task":{number},{self._requests.who(frame)}')
        self._requests.handed_on_by(number)
        return True

    def after_cancel(self) -> None:
        """The request has been handed on as far as it goes."""
        self._requests.handed_on()

    @_harmless
    def on_asked(self, task: Any) -> bool:
        """A task that was asked to end is about to have a step; whether a line of its own will run."""
        if not (task._cancelkit_asked & _ON_ITS_WAY and cancellation_is_due(task)):
            return True
        task._cancelkit_asked = _HAS_COME
        self.tape.put(task._cancelkit_number, DELIVERED)
        coro = coro_of(task)
        return bool(getattr(coro, "cr_suspended", getattr(coro, "gi_suspended", True)))

    def _how_ended(self, task: Any) -> int:
        """How a task has ended; TOLD if that takes a text, and was said."""
        number = task._cancelkit_number
        task._cancelkit_number = -number
        if cancelled(task):
            return CANCELLED
        error = task._exception  # task.exception() would mark it as retrieved
        if error is None:
            return FINISHED | CANCELLING if cancelling(task) else FINISHED
        title, more = quoted(type(error).__qualname__), ',"cancelling":true' if cancelling(task) else ""
        self.tape.put_text(f'"kind":"ended","task":{number},"how":"failed","error":{title}{more}')
        return TOLD

    def on_failure(self, error: Exception) -> None:
        """The recorder itself has failed, which must not become an error of the program."""
        self.signals.on_failure(error)

    # What happens to a loop and to the process.

    def _met(self, loop: Any) -> _Loop | None:
        """What is known of a loop."""
        met = self._loops.get(id(loop))
        return met if met is not None and loop is not None and met.reference() is loop else None

    def _meet(self, loop: Any, coro: Any) -> _Loop:
        """Introduce a loop that has not made a task before."""
        number = next(self.loop_numbers)
        self._loops = {key: known for key, known in self._loops.items() if known.reference() is not None}
        met = self._loops[id(loop)] = _Loop(weakref.ref(loop), number, self._coros.setdefault(number, {}))
        kind, thread = quoted(type(loop).__qualname__), quoted(threading.current_thread().name)
        self.tape.put_text(f'"kind":"loop","loop":{met.number},"type":{kind},"thread":{thread}')
        if not isinstance(loop, base_events.BaseEventLoop):
            self.next_main = weakref.ref(coro)  # nothing tells which task it is run for: most often, the first
        return met

    def _on_run_until_complete(self, _loop: Any, future: Any) -> None:
        if inspect.iscoroutine(future):
            self.next_main = weakref.ref(future)
        elif number_of(future) and not done(future):
            self._on_main(number_of(future))

    def _on_runner_close(self, runner: Any) -> None:
        self._on_closing(runner._loop)

    def _on_closing(self, loop: Any) -> None:
        met = self._met(loop)
        if met is not None and not met.is_closing:
            met.is_closing = True
            self.tape.put_text(f'"kind":"closing","loop":{met.number}')

    def _on_loop_close(self, loop: Any) -> None:
        met = self._met(loop)
        if met is not None and not loop.is_closed():
            self.tape.put_text(f'"kind":"closed","loop":{met.number}')

    def _on_report(self, what: reports.What, job: str) -> None:
        task = None if asyncio._get_running_loop() is None else asyncio.current_task()
        number = number_of(task)
        about = f'"task":{number},' if number else ""
        self.tape.put_text(f'"kind":"report",{about}"what":{quoted(what)},"job":{quoted(job)}')

    def _on_new_site(self, suspension: Suspension) -> int:
        on, at = quoted(suspension.on), quoted(suspension.at)
        cleanup = "true" if suspension.cleanup else "false"
        return self.tape.label(SUSPENDED, f'"on":{on},"at":{at},"cleanup":{cleanup}')


def _after_fork_in_parent() -> None:
    if _installed is not None:
        _installed.tape.put_text('"kind":"forked"')


def _after_fork_in_child() -> None:
    if _installed is not None:
        _installed.tape.abandon("this is a copy of the process that is recorded")


os.register_at_fork(after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
