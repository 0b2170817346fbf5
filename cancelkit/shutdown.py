"""run(), run_tasks() and finish(): a whole program that ends well on Ctrl-C.

`asyncio.run` turns the first Ctrl-C into one cancellation of the main task, and leaves the second, SIGTERM and the
closing of the loop to chance: a KeyboardInterrupt then lands wherever Python happens to be, and cleanup that was
under way is lost. The two halves of the mend are here. `run` owns the process's signals from before main's first
step until the loop is closed, so that a signal is never more than a request; `finish` lets a cleanup run to its end
although the task that awaits it is cancelled. `run_tasks` uses both to run many jobs under a limit.

This file needs nothing but the standard library: copy it into a service as it stands.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import inspect
import os
import signal
import socket
import sys
import threading
import traceback
import weakref
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Iterator
from contextvars import ContextVar
from types import FrameType
from typing import Any, NoReturn, Self, TypeVar

__all__ = ["Terminated", "finish", "run", "run_tasks"]

if sys.platform == "win32":
    raise ImportError(
        "cancelkit.run needs POSIX signals, which Windows does not have. "
        "Run it under WSL (the Windows Subsystem for Linux), or try it on Binder."
    )

T = TypeVar("T")

_SECONDS_TO_UNBLOCK = 2.0
"""How long after the grace period a loop that is blocked may stay so."""

_interruption: _Interruption | None = None
"""That of the run() under way. There is one at most: signals belong to the main thread."""

_finishing: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()
"""The cleanups inside a finish(), which closing the loop waits for instead of cancelling them."""

_in_finish: ContextVar[bool] = ContextVar("cancelkit_in_finish", default=False)
"""Whether this is part of such a cleanup. Tasks inherit it from the task that makes them."""


class Terminated(SystemExit):
    """Raised by `run` when SIGTERM ended the program: a SystemExit with status 143, as a shell reports it."""

    def __init__(self, signum: int) -> None:
        super().__init__(128 + signum)


def run(
    main: Coroutine[Any, Any, T],
    *,
    signals: Iterable[signal.Signals] = (signal.SIGINT, signal.SIGTERM),
    grace: float | None = 10.0,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> T:
    """Run a coroutine to its end, as `asyncio.run` does, owning `signals` meanwhile.

    The first signal cancels the main task, once. Later ones interrupt nothing: they say what is still being cleaned
    up. When main has ended, the tasks it left behind are waited for: those inside a `finish` run to its end first,
    then each is cancelled, unless somebody did so already and a signal came. Then the loop is closed.

    Args:
        main: the coroutine to run.
        signals: which signals ask the program to end. One that is ignored when this is called, because of `nohup`
            or a shell's `&`, stays ignored, as under `asyncio.run`.
        grace: how many seconds after the first signal the program may still take; None for ever. Tasks that take
            longer are named on stderr, with where they are stuck, and left. If code blocks the loop, so that this
            cannot be done either, `faulthandler` writes the stacks of all threads to stderr two seconds later and
            ends the process with status 1. Python itself waits for threads before it exits, however long.
        loop_factory: makes the event loop; `asyncio.new_event_loop` unless told otherwise.

    Returns:
        What `main` returns.

    Raises:
        KeyboardInterrupt: the first signal was SIGINT. If main ends with an error nevertheless, that is printed.
        Terminated: the first signal was another one. It is a SystemExit with status 128 + the signal's number.
        RuntimeError: a loop is running already, or this is not the main thread.
        TypeError: `main` is not a coroutine.
    """
    failure: BaseException | None = None
    try:
        _check_can_run(main)
        with _Interruption(signals, grace) as interruption:
            try:
                result = interruption.run(main, loop_factory or asyncio.new_event_loop)
            except BaseException as error:
                failure = error
        # Only now, with the handlers of before back in place, can no signal be missed.
        if interruption.received:
            interruption.report(failure)
            interruption.raise_first()
        if failure is not None:
            raise failure
        return result
    finally:
        if inspect.iscoroutine(main) and inspect.getcoroutinestate(main) == inspect.CORO_CREATED:
            main.close()  # it was never begun, and must not warn of that


async def run_tasks(tasks: Iterable[Callable[[], Awaitable[T]]], max_concurrent: int) -> list[T]:
    """Run jobs, at most `max_concurrent` at a time, each in a task of its own that is made when a slot is free.

    When this is cancelled, or a job fails, every job that has begun is cancelled once and its cleanup waited for;
    no other job begins. A second cancellation changes nothing. Under `run`, a signal ends every call in this way, and
    a call that is made after it begins nothing, unless it is part of a cleanup inside `finish`.

    Args:
        tasks: the jobs: callables without arguments that return an awaitable. A generator is read as slots get free.
        max_concurrent: how many jobs may be between their first step and the end of their cleanup at any time.

    Returns:
        The results, in the order of the jobs.

    Raises:
        ExceptionGroup: of the errors of jobs that failed.
        CancelledError: this was cancelled, or a job was by somebody else, or a signal came. Errors of the jobs'
            cleanup then go to the loop's exception handler, so that they never take the place of the interrupt.
        ValueError: `max_concurrent` is not a whole number of 1 or more.
        TypeError: `tasks` is not iterable, or what it holds is not callable: a coroutine object, for example.
        BaseException: what the generator of jobs raised, after the jobs that had begun were cancelled.
    """
    try:
        jobs = _checked_jobs(tasks)
        if not isinstance(max_concurrent, int) or max_concurrent < 1:
            raise ValueError(f"max_concurrent is {max_concurrent!r}; it must be a whole number of 1 or more")
        return await _Batch(jobs, max_concurrent).run()
    finally:
        if inspect.isgenerator(tasks):
            tasks.close()


async def finish(awaitable: Awaitable[T]) -> T:
    """Run a cleanup to its end even if the task that awaits it is cancelled meanwhile; then let that go on.

    Written in a `finally`: `await finish(connection.goodbye())`. The cleanup runs in a task of its own. Under
    `cancelkit.run` no signal and no closing loop interrupts it. Under `asyncio.run` it outlives a cancellation of
    its task, but neither a second Ctrl-C, which breaks out of the loop itself, nor main's end.

    Returns:
        What `awaitable` returns.

    Raises:
        CancelledError: the task was cancelled meanwhile; an error of the cleanup then goes to the loop's exception
            handler, so that it never takes the place of the interrupt.
    """
    owner = asyncio.current_task()
    name = f"{owner.get_name()} cleanup" if owner is not None else None
    cleanup = asyncio.create_task(_cleanup_of_finish(awaitable), name=name)
    _finishing.add(cleanup)
    cancelled = None
    try:
        while not cleanup.done():
            try:
                await asyncio.wait([cleanup])  # which, unlike awaiting it, does not hand a cancellation down
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is None:
            return cleanup.result()
        _report_failure(cleanup, "a cleanup failed while its task was being cancelled")
        raise cancelled
    finally:
        del cleanup, cancelled  # their errors refer to this frame through their tracebacks


async def _cleanup_of_finish(awaitable: Awaitable[T]) -> T:
    # A function of its own, by whose name a recorder knows what this task is for.
    _in_finish.set(True)
    return await awaitable


class _Interruption:
    """What one run() knows of signals: which came, and whom to tell."""

    def __init__(self, signals: Iterable[signal.Signals], grace: float | None) -> None:
        self.received: list[int] = []
        self._signals = tuple(dict.fromkeys(signals))
        self._grace = grace
        self._pid = os.getpid()
        self._before: dict[int, Any] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[Any] | None = None
        self._closer: asyncio.Task[Any] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._begun = False
        self._gave_up = self._is_main_left = False
        self._undo = contextlib.ExitStack()

    def __enter__(self) -> Self:
        global _interruption
        with contextlib.ExitStack() as undo:
            for signum in self._signals:
                if signal.getsignal(signum) is signal.SIG_IGN:
                    continue  # whoever started the program decided so
                before = signal.signal(signum, self._on_signal)
                # None stands for a handler that C code installed, which cannot be put back from Python.
                self._before[signum] = signal.SIG_DFL if before is None else before
                undo.callback(signal.signal, signum, self._before[signum])
            # A signal that arrives just before the selector sleeps, or in another thread, must wake it: Python's C
            # handler writes to one end of this pair, and the loop reads from the other.
            self._woken, self._wake = socket.socketpair()
            for end in (self._woken, self._wake):
                undo.callback(end.close)
                end.setblocking(False)
            wakeup_fd = signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
            undo.callback(signal.set_wakeup_fd, wakeup_fd)
            undo.callback(self._call_off_last_resort)
            self._undo = undo.pop_all()
        _interruption = self
        return self

    def __exit__(self, *_: object) -> None:
        global _interruption
        self._is_main_left = self._main is not None and not self._main.done()
        # While signals are only noted: when a task dies, asyncio's set of them is told by a weak reference's callback,
        # and what a signal raises in there is lost.
        self._main = self._closer = self._deadline = None
        _interruption = None
        self._undo.close()

    def run(self, main: Coroutine[Any, Any, T], loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> T:
        """Run main, then what it left behind, and close the loop."""
        loop = loop_factory()
        asyncio.set_event_loop(loop)
        loop.add_reader(self._woken, self._drain)
        self._loop = loop
        try:
            try:
                return loop.run_until_complete(self._in_main(main))
            finally:
                self._wind_up(loop)
        finally:
            self._loop = None  # before it closes: the handler may run between any two lines
            loop.remove_reader(self._woken)
            asyncio.set_event_loop(None)
            loop.close()

    async def _in_main(self, main: Coroutine[Any, Any, T]) -> T:
        self._main = asyncio.current_task()
        assert self._main is not None
        self._main.set_name("main")
        if self.received:
            raise asyncio.CancelledError
        return await main

    def _wind_up(self, loop: asyncio.AbstractEventLoop) -> None:
        leftovers = [self._finish_leftovers] if asyncio.all_tasks(loop) else []
        for step in (*leftovers, loop.shutdown_asyncgens, loop.shutdown_default_executor):
            if self._gave_up:
                return
            try:
                loop.run_until_complete(step())
            except RuntimeError:  # what a stopped loop raises
                if not self._gave_up:
                    raise

    async def _finish_leftovers(self) -> None:
        self._closer = asyncio.current_task()
        while leftovers := asyncio.all_tasks() - {self._closer}:
            # Nobody can say which of the other tasks a cleanup inside a finish() needs, so that comes first. What a
            # cleanup starts from now on is left to it, until all of these have ended.
            finishing = leftovers.intersection(_finishing)
            if finishing:
                await asyncio.wait(finishing)
            for task in leftovers - finishing:
                if not (self.received and task.cancelling()):  # or its cleanup would be interrupted
                    task.cancel()
            await asyncio.wait(leftovers)
            for task in leftovers - finishing:
                _report_failure(task, "a task that was left behind failed while the loop was closing")

    def _on_signal(self, signum: int, _frame: FrameType | None) -> None:
        # This runs between any two bytecodes of the main thread, even of itself, so it takes a note and no more.
        if os.getpid() != self._pid:
            # A process that was forked from this one, by multiprocessing say, must end as if run() were not there.
            signal.signal(signum, self._before[signum])
            signal.raise_signal(signum)
            return
        self.received.append(signum)
        if len(self.received) == 1:
            self._prepare_last_resort()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._act)

    def _prepare_last_resort(self) -> None:
        """Have the process end even if the loop, which is to do that, is blocked."""
        if self._grace is not None:
            with contextlib.suppress(RuntimeError, AttributeError, OSError, ValueError):  # there is no stderr
                faulthandler.dump_traceback_later(self._grace + _SECONDS_TO_UNBLOCK, exit=True)

    def _call_off_last_resort(self) -> None:
        if self.received and self._grace is not None:
            faulthandler.cancel_dump_traceback_later()

    def _act(self) -> None:
        if self._begun:
            self._say_what_remains()
            return
        self._begun = True
        if self._main is not None:
            self._main.cancel()
        if self._grace is not None and self._loop is not None:
            self._deadline = self._loop.call_later(self._grace, self._give_up)

    def _say_what_remains(self) -> None:
        tasks = asyncio.all_tasks(self._loop) - {self._closer}
        names = ", ".join(sorted(map(_title, tasks - {self._main} or tasks))) or "nothing"
        limit = "as long as it takes"
        if self._deadline is not None and self._loop is not None:
            limit = f"at most {max(0.0, self._deadline.when() - self._loop.time()):.1f} s more"
        print(f"still being cleaned up: {names} ({limit}; Ctrl-\\ leaves at once)", file=sys.stderr)  # noqa: T201

    def _give_up(self) -> None:
        assert self._loop is not None
        self._gave_up = True
        self._loop.stop()  # first, for stderr may be gone
        for task in sorted(asyncio.all_tasks(self._loop) - {self._closer}, key=_title):
            print(f"gave up waiting for {_title(task)}, which is here:\n{_stack_of(task)}", end="", file=sys.stderr)  # noqa: T201

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._woken.recv(4096):
                pass

    def report(self, error: BaseException | None) -> None:
        """Say what went wrong while the program was being interrupted; the interrupt itself goes on."""
        expected = (asyncio.CancelledError, KeyboardInterrupt, SystemExit)
        if error is not None and not self._is_main_left and not isinstance(error, expected):
            sys.excepthook(type(error), error, error.__traceback__)

    def raise_first(self) -> NoReturn:
        """End as the first signal asks."""
        if self.received[0] == signal.SIGINT:
            raise KeyboardInterrupt
        raise Terminated(self.received[0])


class _Batch:
    """One call of run_tasks: starts the next job whenever one ends."""

    def __init__(self, jobs: Iterator[Callable[[], Awaitable[Any]]], max_concurrent: int) -> None:
        self._jobs = enumerate(jobs)
        self._max_concurrent = max_concurrent
        self._running: dict[asyncio.Task[Any], int] = {}
        self._results: list[Any] = []
        self._errors: list[Exception] = []
        self._fatal: BaseException | None = None
        self._owner: asyncio.Task[Any] | None = None
        self._cancelled_before = 0
        self._stopping = False
        self._all_ended: asyncio.Future[None] | None = None

    async def run(self) -> list[Any]:
        self._owner = asyncio.current_task()
        assert self._owner is not None
        self._cancelled_before = self._owner.cancelling()
        loop = asyncio.get_running_loop()
        try:
            self._start_jobs()
            while self._running:
                self._all_ended = loop.create_future()
                try:
                    await self._all_ended
                except asyncio.CancelledError as error:
                    if isinstance(self._fatal, Exception):  # of the generator's
                        self._errors.append(self._fatal)
                    self._fatal = error
                    self._stop()
            if self._fatal is not None:
                for failed in self._errors:
                    context = {"message": "a job failed while it was being cancelled", "exception": failed}
                    loop.call_exception_handler(context)
                raise self._fatal
            if self._errors:
                raise ExceptionGroup("jobs failed", self._errors)
            return self._results
        finally:
            self._fatal = self._owner = None  # which refer to this frame: through a traceback, and through an error

    def _start_jobs(self) -> None:
        try:
            while len(self._running) < self._max_concurrent and not self._stopping:
                _check_may_begin(self._owner, self._cancelled_before)
                number, job = next(self._jobs)
                self._results.append(None)
                task = asyncio.create_task(_begin(job, self._owner, self._cancelled_before), name=f"job-{number + 1}")
                self._running[task] = number
                task.add_done_callback(self._on_end)
        except StopIteration:
            pass
        except BaseException as error:  # of the caller's generator, or of the check of what it gave
            self._fatal = error
            self._stop()

    def _on_end(self, task: asyncio.Task[Any]) -> None:
        number = self._running.pop(task)
        if task.cancelled():
            if not self._stopping:  # the job raised CancelledError of its own accord
                self._fatal = asyncio.CancelledError()
                self._stop()
        elif (error := task.exception()) is None:
            self._results[number] = task.result()
        elif isinstance(error, Exception):
            self._errors.append(error)
            self._stop()
        else:
            self._fatal = error
            self._stop()
        self._start_jobs()
        if not self._running and self._all_ended is not None and not self._all_ended.done():
            self._all_ended.set_result(None)

    def _stop(self) -> None:
        if not self._stopping:
            self._stopping = True
            for task in self._running:
                task.cancel()


async def _begin(job: Callable[[], Awaitable[T]], owner: asyncio.Task[Any] | None, cancelled_before: int) -> T:
    try:
        _check_may_begin(owner, cancelled_before)  # once more, for a signal may have come since this task was made
    finally:
        del owner  # a job's error refers to this frame through its traceback, and the owner may end with that error
    return await job()


def _check_may_begin(owner: asyncio.Task[Any] | None, cancelled_before: int) -> None:
    # The owner may have been cancelled and not had its turn yet. And a signal ends this also where no cancellation
    # comes by: in a task that nobody waits for, say.
    if _interrupted() or (owner is not None and owner.cancelling() > cancelled_before):
        raise asyncio.CancelledError


def _interrupted() -> bool:
    return (
        _interruption is not None
        and threading.current_thread() is threading.main_thread()
        and not _in_finish.get()
        and len(_interruption.received) > 0
    )


def _report_failure(future: asyncio.Future[Any], message: str) -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        future.get_loop().call_exception_handler({"message": message, "exception": error, "future": future})


def _title(task: asyncio.Task[Any]) -> str:
    name = task.get_name()
    return getattr(task.get_coro(), "__qualname__", name) if name.startswith("Task-") else name


def _stack_of(task: asyncio.Task[Any]) -> str:
    """Where a suspended task is, from the outermost of the coroutines that await each other to the innermost."""
    frames = []
    link: Any = task.get_coro()  # task.get_stack() knows only the outermost
    while link is not None:
        kind = "gi" if inspect.isgenerator(link) else "cr"
        frame = getattr(link, f"{kind}_frame", None)
        if frame is not None:
            frames.append((frame, frame.f_lineno))
        link = getattr(link, "gi_yieldfrom" if kind == "gi" else "cr_await", None)
    return "".join(traceback.StackSummary.extract(iter(frames)).format())


def _checked_jobs(tasks: Any) -> Iterator[Callable[[], Awaitable[Any]]]:
    """The jobs as an iterator; what can be seen to be wrong beforehand is, and the rest as it comes."""
    if not isinstance(tasks, Iterable):
        if inspect.iscoroutine(tasks):
            tasks.close()
        raise TypeError(f"tasks is {tasks!r}; give run_tasks a list or a generator of jobs")
    if isinstance(tasks, Collection):
        wrong = next((pair for pair in enumerate(tasks) if not callable(pair[1])), None)
        if wrong is not None:
            for item in tasks:
                if inspect.iscoroutine(item):
                    item.close()  # or each would warn once more that it was never awaited
            _refuse_job(*wrong)
    return _check_each(tasks)


def _check_each(tasks: Iterable[Any]) -> Iterator[Callable[[], Awaitable[T]]]:
    for number, job in enumerate(tasks):
        if not callable(job):
            if inspect.iscoroutine(job):
                job.close()
            _refuse_job(number, job)
        yield job


def _refuse_job(number: int, job: object) -> NoReturn:
    kind = "a coroutine object" if inspect.iscoroutine(job) else "not callable"
    raise TypeError(
        f"job number {number} is {job!r}, {kind}: give run_tasks the coroutine function itself, "
        "or functools.partial(function, argument), so that nothing is made before it can begin"
    )


def _check_can_run(main: Coroutine[Any, Any, Any]) -> None:
    problem: Exception | None = None
    if not inspect.iscoroutine(main):
        raise TypeError(f"run() was given {main!r}; it takes a coroutine: run(main()), with the parentheses")
    if threading.current_thread() is not threading.main_thread():
        problem = RuntimeError(
            f"run() was called in {threading.current_thread().name!r}: Python only handles "
            "signals in the main thread; use asyncio.run() in any other"
        )
    with contextlib.suppress(RuntimeError):
        loop = asyncio.get_running_loop()
        problem = RuntimeError(f"run() was called while {loop!r} is running: await main() there instead")
    if problem is not None:
        raise problem
