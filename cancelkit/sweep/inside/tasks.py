"""Tasks whose hash is their number. A set of tasks is in an order then that is the same in every run.

By default a hash is an address in memory, and asyncio keeps tasks in sets: which of them is cancelled first would be
left to chance.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from asyncio import tasks as asyncio_tasks
from typing import Any

from cancelkit.trace.recorder import Recorder
from cancelkit.trace.unseen import without_us


def have_tasks_hashed_in_order(recorder: Recorder) -> None:
    """Have each task that is made from now on hashed by its number, without a line of Python being run for that."""
    recorded: Any = asyncio.Task
    numbers, signals = itertools.count(), recorder.signals

    class Task(recorded):  # type: ignore[misc]
        __slots__ = ("__hash__",)
        __doc__ = recorded.__doc__

        def __init__(self, /, *args: Any, **kwargs: Any) -> None:
            ck_at_work = True  # noqa: F841
            try:
                self.__hash__ = next(numbers).__hash__  # type: ignore[method-assign]
                recorded.__init__(self, *args, **kwargs)
                if signals.held:
                    signals.release()
            except BaseException as error:
                without_us(error)
                raise

    Task.__module__, Task.__qualname__ = recorded.__module__, recorded.__qualname__
    for owner in (asyncio, asyncio_tasks):
        setattr(owner, "Task", Task)  # noqa: B010
        if sys.version_info >= (3, 12):
            setattr(owner, "eager_task_factory", asyncio.create_eager_task_factory(Task))  # noqa: B010
