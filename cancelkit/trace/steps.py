"""What is put around every callback of a loop, to see the steps of tasks: the recorder's busiest lines."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from time import monotonic_ns
from types import BuiltinMethodType, MethodType
from typing import TYPE_CHECKING, Any

from cancelkit.trace.inject import original_body
from cancelkit.trace.tape import FINISHED, SLOT, STEP, put_into
from cancelkit.trace.tasks import cancelled, coro_of, done

if TYPE_CHECKING:
    from cancelkit.trace.recorder import Recorder

_NO_LEAF = (None, 0)


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


def surroundings_of_a_callback(recorder: Recorder) -> Callable[[Any], None]:
    """What is put around the body of `Handle._run`. Every step of every task passes here, so each line counts."""
    tape, site_of = recorder.tape, recorder.sites.site_of
    held, release = recorder.signals.held, recorder.signals.release
    first_step = _type_of_a_first_step()
    # Where asyncio has no C behind it, these are methods.
    kind, names = (
        (BuiltinMethodType, {"task_wakeup"}) if first_step is not None else (MethodType, {"__step", "__wakeup"})
    )

    def run(self: Any) -> None:
        ck_at_work = True  # which `signals` looks for
        ck_number = 0
        ck_chunk: Any = None
        try:
            ck_callback = self._callback
            ck_kind = type(ck_callback)
            if ck_kind is first_step or (ck_kind is kind and ck_callback.__name__ in names):
                ck_task: Any = ck_callback.__self__
                ck_number = ck_task._cancelkit_number
                if ck_number > 0 and (not ck_task._cancelkit_asked or recorder.on_asked(ck_task)):
                    ck_reserve, ck_chunk, _ = tape.place
                    ck_at = ck_reserve()
                    put_into(ck_chunk, ck_at, monotonic_ns(), ck_number, STEP)
        except struct.error:
            ck_chunk, ck_at = tape.put(ck_number, STEP)
        except AttributeError:  # a task of a class that was there before
            pass
        ck_task = None  # a program may count who refers to its task
        ck_at_work = False
        if held:
            release()
        try:
            original_body()
        finally:
            ck_at_work = True
            if ck_number > 0:
                try:
                    ck_task, ck_leaf = ck_callback.__self__, None
                    if not done(ck_task):
                        # Most often, a coroutine of the program awaits one of asyncio's that is known.
                        ck_leaves = ck_task._cancelkit_leaves
                        if ck_leaves and not ck_task._cancelkit_asked:
                            ck_coro = coro_of(ck_task)
                            ck_leaf, ck_what = ck_leaves.get(ck_coro.cr_frame.f_lasti, _NO_LEAF)
                        if ck_task._cancelkit_asked:
                            ck_what = recorder.after_step(ck_task)
                        elif ck_leaf is None or ck_coro.cr_await.cr_code is not ck_leaf:
                            ck_what = site_of(ck_task)
                    elif ck_task._exception is None and not (ck_task._cancelkit_asked or cancelled(ck_task)):
                        ck_task._cancelkit_number, ck_what = -ck_number, FINISHED
                    else:
                        ck_what = recorder.after_step(ck_task)
                except Exception:  # it tries once more, and gives up if it has to
                    ck_what = recorder.after_step(ck_task)
                try:
                    put_into(ck_chunk, ck_at + SLOT, monotonic_ns(), ck_number, ck_what)
                except (NameError, TypeError, ValueError, struct.error):
                    # It ended before its first step; or this process is a copy by now, or the recording is over.
                    tape.put(ck_number, ck_what)
            ck_at_work = False  # noqa: F841 - `signals` looks at it from outside
            # The traceback of an error refers to the frames below it. A task that failed and is kept alive by this one
            # would be missed, and asyncio's complaint that nobody asked for its error come late.
            ck_callback = ck_task = ck_coro = None
            if held:
                release()

    return run
