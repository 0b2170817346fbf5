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
import inspect
import itertools
import signal
import socket
import sys
import threading
import weakref
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Iterator
from types import FrameType
from typing import Any, NoReturn, Self, TypeVar

__all__ = ["Terminated", "finish", "run", "run_tasks"]

if sys.platform == "win32":
    raise ImportError(
        "cancelkit.run needs POSIX signals, which Windows does not have. "
        "Run it under WSL (the Windows Subsystem for Linux), or try it on Binder."
    )

T = TypeVar("T")

_interruption: _Interruption | None = None
"""That of the run() under way. There is one at most: signals belong to the main thread."""

_finishing: weakref.WeakSet[asyncio.Future[Any]] = weakref.WeakSet()
"""The cleanups inside a finish(), which closing the loop waits for instead of cancelling them."""


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
    up. When main has ended, the tasks it left behind are cancelled, once, and waited for; then the loop is closed.

    Args:
        main: the coroutine to run.
        signals: which signals ask the program to end.
        grace: how many seconds after the first signal the program may still take; None for ever. Tasks that take
            longer are named on stderr and left. A program that blocks the loop itself is not ended by this.
        loop_factory: makes the event loop; `asyncio.new_event_loop` unless told otherwise.

    Returns:
        What `main` returns.

    Raises:
        KeyboardInterrupt: the first signal was SIGINT.
        Terminated: the first signal was another one. It is a SystemExit with status 128 + the signal's number.
        RuntimeError: a loop is running already, or this is not the main thread.
        TypeError: `main` is not a coroutine.
    """
    _check_can_run(main)
    failure: BaseException | None = None
    with _Interruption(signals, grace) as interruption:
        try:
            result = interruption.run(main, loop_factory or asyncio.new_event_loop)
        except BaseException as error:
            failure = error
    # Only now, with the handlers of before back in place, can no signal be missed.
    if interruption.first is not None:
        interruption.report(failure)
        interruption.raise_first()
    if failure is not None:
        raise failure
    return result


async def run_tasks(tasks: Iterable[Callable[[], Awaitable[T]]], max_concurrent: int) -> list[T]:
    """Run jobs, at most `max_concurrent` at a time, each in a task of its own that is made when a slot is free.

    When this is cancelled, or a job fails, every job that has begun is cancelled once and its cleanup waited for;
    no other job begins. A second cancellation changes nothing.

    Args:
        tasks: the jobs: callables without arguments that return an awaitable. A generator is read as slots get free.
        max_concurrent: how many jobs may be between their first step and the end of their cleanup at any time.

    Returns:
        The results, in the order of the jobs.

    Raises:
        ExceptionGroup: of the errors of jobs that failed.
        ValueError: `max_concurrent` is below 1.
        TypeError: what `tasks` holds is not callable, or is a coroutine object.
    """
    if max_concurrent < 1:
        raise ValueError(f"max_concurrent is {max_concurrent!r}; it must be 1 or more, or no job could ever begin")
    jobs = _checked_jobs(tasks)
    try:
        return await _Batch(jobs, max_concurrent).run()
    finally:
        if inspect.isgenerator(tasks):
            tasks.close()


async def finish(awaitable: Awaitable[T]) -> T:
    """Run a cleanup to its end even if the task that awaits it is cancelled meanwhile; then let that go on.

    Written in a `finally`: `await finish(connection.goodbye())`. The cleanup runs in a task of its own. Under
    `cancelkit.run` no signal and no closing loop interrupts it. Under `asyncio.run` it outlives a cancellation of
    its task, but not a second Ctrl-C, which breaks out of the loop itself.

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
    while not cleanup.done():
        try:
            await asyncio.wait([cleanup])  # which, unlike awaiting it, does not hand a cancellation down
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None:
        return cleanup.result()
    try:
        _report_failure(cleanup, "a cleanup failed while its task was being cancelled")
        raise cancelled
    finally:
        del cancelled  # it refers to this frame through its traceback


async def _cleanup_of_finish(awaitable: Awaitable[T]) -> T:
    return await awaitable  # in a function of its own, by whose name a recorder knows what this task is for


class _Interruption:
    """What one run() knows of signals: which came, and whom to tell."""

    def __init__(self, signals: Iterable[signal.Signals], grace: float | None) -> None:
        self.first: int | None = None
        self._signals = tuple(signals)
        self._grace = grace
        self._order = itertools.count()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[Any] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._gave_up = False
        self._undo = contextlib.ExitStack()

    def __enter__(self) -> Self:
        global _interruption
        with contextlib.ExitStack() as undo:
            for signum in self._signals:
                before = signal.signal(signum, self._on_signal)
                # None stands for a handler that C code installed, which cannot be put back from Python.
                undo.callback(signal.signal, signum, signal.SIG_DFL if before is None else before)
            # A signal that arrives just before the selector sleeps must wake it: Python's C handler writes to one
            # end of this pair, and the loop reads from the other.
            self._woken, self._wake = socket.socketpair()
            for end in (self._woken, self._wake):
                undo.callback(end.close)
                end.setblocking(False)
            wakeup_fd = signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
            undo.callback(signal.set_wakeup_fd, wakeup_fd)
            self._undo = undo.pop_all()
        _interruption = self
        return self

    def __exit__(self, *_: object) -> None:
        global _interruption
        _interruption = None
        self._undo.close()

    def run(self, main: Coroutine[Any, Any, T], loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> T:
        """Run main, then what it left behind, and close the loop."""
        try:
            loop = loop_factory()
        except BaseException:
            main.close()
            raise
        asyncio.set_event_loop(loop)
        loop.add_reader(self._woken, self._drain)
        self._loop = loop
        try:
            try:
                return loop.run_until_complete(self._in_main(main))
            finally:
                self._wind_up(loop)
        finally:
            if self._deadline is not None:
                self._deadline.cancel()
            self._loop = None  # before it closes: the handler may run between any two lines
            loop.remove_reader(self._woken)
            asyncio.set_event_loop(None)
            loop.close()

    async def _in_main(self, main: Coroutine[Any, Any, T]) -> T:
        self._main = asyncio.current_task()
        if self.first is not None:
            main.close()
            raise asyncio.CancelledError
        return await main

    def _wind_up(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._gave_up:
            return
        if asyncio.all_tasks(loop):
            loop.run_until_complete(self._finish_leftovers())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())

    async def _finish_leftovers(self) -> None:
        # A cleanup may start tasks of its own, so look again whenever one has ended.
        cancelled: set[asyncio.Task[Any]] = set()
        while leftovers := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in leftovers - cancelled:
                if task not in _finishing:
                    task.cancel()
            cancelled |= leftovers
            done, _ = await asyncio.wait(leftovers, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                _report_failure(task, "a task that was left behind failed while the loop was closing")

    def _on_signal(self, signum: int, _frame: FrameType | None) -> None:
        # This runs between any two bytecodes of the main thread, even of itself; the counter's next is one step.
        is_first = next(self._order) == 0
        if is_first:
            self.first = signum
        if (loop := self._loop) is not None:
            loop.call_soon_threadsafe(self._begin if is_first else self._say_what_remains)

    def _begin(self) -> None:
        assert self._loop is not None
        if self._grace is not None:
            self._deadline = self._loop.call_later(self._grace, self._give_up)
        if self._main is not None:
            self._main.cancel()

    def _say_what_remains(self) -> None:
        names = ", ".join(sorted(task.get_name() for task in self._remaining())) or "nothing"
        limit = "as long as it takes"
        if self._deadline is not None and self._loop is not None:
            limit = f"at most {max(0.0, self._deadline.when() - self._loop.time()):.1f} s more"
        print(f"still being cleaned up: {names} ({limit}; Ctrl-\\ leaves at once)", file=sys.stderr)  # noqa: T201

    def _give_up(self) -> None:
        assert self._loop is not None
        for task in self._remaining():
            where = "".join(f", {f.f_code.co_filename}:{f.f_lineno}" for f in task.get_stack()[-1:])
            print(f"gave up waiting for {task.get_name()}{where}", file=sys.stderr)  # noqa: T201
        self._gave_up = True
        self._loop.stop()

    def _remaining(self) -> list[asyncio.Task[Any]]:
        return [task for task in asyncio.all_tasks(self._loop) if task is not self._main]

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._woken.recv(4096):
                pass

    def report(self, error: BaseException | None) -> None:
        """Say what went wrong while the program was being interrupted; the interrupt itself goes on."""
        if isinstance(error, Exception) and not self._gave_up:
            sys.excepthook(type(error), error, error.__traceback__)

    def raise_first(self) -> NoReturn:
        """End as the first signal asks."""
        assert self.first is not None
        if self.first == signal.SIGINT:
            raise KeyboardInterrupt
        raise Terminated(self.first)


class _Batch:
    """One call of run_tasks: starts the next job whenever one ends."""

    def __init__(self, jobs: Iterator[Callable[[], Awaitable[Any]]], max_concurrent: int) -> None:
        self._jobs = enumerate(jobs)
        self._max_concurrent = max_concurrent
        self._running: dict[asyncio.Task[Any], int] = {}
        self._results: list[Any] = []
        self._errors: list[Exception] = []
        self._fatal: BaseException | None = None
        self._stopping = False
        self._all_ended: asyncio.Future[None] | None = None

    async def run(self) -> list[Any]:
        self._start_jobs()
        loop = asyncio.get_running_loop()
        try:
            while self._running:
                self._all_ended = loop.create_future()
                try:
                    await self._all_ended
                except asyncio.CancelledError as error:
                    self._fatal = error
                    self._stop()
            if self._fatal is not None:
                self._report_errors(loop)
                raise self._fatal
            if self._errors:
                raise ExceptionGroup("jobs failed", self._errors)
            return self._results
        finally:
            self._fatal = None  # it refers to this frame through its traceback

    def _start_jobs(self) -> None:
        try:
            while len(self._running) < self._max_concurrent and not (self._stopping or _interrupted()):
                number, job = next(self._jobs)
                self._results.append(None)
                task = asyncio.create_task(_begin(job), name=f"job-{number + 1}")
                self._running[task] = number
                task.add_done_callback(self._on_end)
        except StopIteration:
            pass
        except BaseException as error:  # raised by the caller's generator, or by the check of what it gave
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

    def _report_errors(self, loop: asyncio.AbstractEventLoop) -> None:
        for error in self._errors:
            loop.call_exception_handler({"message": "a job failed while it was being cancelled", "exception": error})


async def _begin(job: Callable[[], Awaitable[T]]) -> T:
    if _interrupted():  # after this task was made, before its first step: too late to begin
        raise asyncio.CancelledError
    return await job()


def _interrupted() -> bool:
    return (
        _interruption is not None
        and _interruption.first is not None
        and threading.current_thread() is threading.main_thread()
    )


def _report_failure(future: asyncio.Future[Any], message: str) -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        future.get_loop().call_exception_handler({"message": message, "exception": error, "future": future})


def _checked_jobs(tasks: Iterable[Callable[[], Awaitable[T]]]) -> Iterator[Callable[[], Awaitable[T]]]:
    """The jobs as an iterator; what can be seen to be wrong beforehand is, and the rest as it comes."""
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
        main.close()
        raise problem
