"""Tasks that are the same in every run: numbered from 1, and hashed by their number, as sets of them are in order then.

By default a hash is an address in memory, and asyncio keeps tasks in sets: which of them is cancelled first would be
left to chance. And the numbers in default names are counted on from run to run.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio import tasks as asyncio_tasks
from collections.abc import Callable
from typing import Any

from cancelkit.sweep.inside.counting import counter
from cancelkit.trace.recorder import Recorder
from cancelkit.trace.unseen import without_us


def install_with_numbers(recorder: Recorder) -> Callable[[], None]:
    """Install the recorder, and have tasks hashed by number, without a line of Python being run for that.

    What is returned is to be called before each run.
    """
    numbers, numbers_of_record, loop_numbers = counter(1), counter(1), counter(1)
    recorder.numbers, recorder.loop_numbers = numbers_of_record, loop_numbers
    recorder.install()
    recorded: Any = asyncio.Task
    signals = recorder.signals

    def begin_anew() -> None:
        for counted in (numbers, numbers_of_record, loop_numbers):
            counted.begin(1)

    class Task(recorded):  # type: ignore[misc]
        __slots__ = ("__hash__",)
        __doc__ = recorded.__doc__

        def __init__(self, /, *args: Any, **kwargs: Any) -> None:
            ck_at_work = True  # noqa: F841
            try:
                number = next(numbers)
                self.__hash__ = number.__hash__  # type: ignore[method-assign]
                if kwargs.get("name") is None:
                    kwargs["name"] = f"Task-{number}"
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
    return begin_anew
