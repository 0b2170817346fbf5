"""Another way to sweep, for comparison: one run without a signal, which forks at each point a process that gets one.

What comes before a point is not run again for it. What asyncio clears after a fork, the running loop and the wake-up
descriptor, is put back in the copy, and the record of what came before is read from the original's tape.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
from collections.abc import Callable
from types import CodeType
from typing import Any

from cancelkit.sweep.inside.checks import Monitor, raising
from cancelkit.sweep.inside.child import file_in_memory
from cancelkit.sweep.inside.play import tidy_up
from cancelkit.sweep.inside.warm import Warm
from cancelkit.sweep.verdicts import judge
from cancelkit.trace.starting import move_far_up


class _Forking(Monitor):
    """Forks at each point, tells the copy to raise its signal there, and waits for it."""

    def __init__(self, on_copy: Callable[[int], None]) -> None:
        self._on_copy = on_copy
        self.is_copy = False
        self.statuses: list[int] = []
        super().__init__()

    def _counting(self, due: int, *, to_list: bool) -> Callable[[CodeType, int], Any]:
        def on_instruction(code: CodeType, offset: int) -> Any:
            key = id(code), offset
            if key not in self._known and not self._is_point(code, offset):
                return self._disable
            self.passed.append(key)
            if not self.is_copy and self._fork():
                self._prepare(code, offset)
                for _ in raising:
                    return None
            return None

        return on_instruction

    def _fork(self) -> bool:
        loop, wakeup = asyncio._get_running_loop(), signal.set_wakeup_fd(-1)
        signal.set_wakeup_fd(wakeup)
        pid = os.fork()
        if pid:
            self.statuses.append(os.waitpid(pid, 0)[1])
            return False
        self.is_copy = True
        asyncio._set_running_loop(loop)
        signal.set_wakeup_fd(wakeup)
        self._on_copy(len(self.passed))
        return True


def sweep_at_points(path: str, arguments: list[str]) -> list[str]:
    """The verdict at each point."""
    warm = Warm({"path": path, "arguments": arguments, "level": "check", "all points": False})
    warm.practice.undisturbed()
    gc.freeze()
    recorder, player = warm._recorder, warm._player
    tape = move_far_up(file_in_memory())
    recorder.tape.move_to(tape)
    before = warm._reader.moved_to(tape)
    tell = move_far_up(file_in_memory())
    copy: dict[str, Any] = {}

    def on_copy(point: int) -> None:
        own = move_far_up(file_in_memory())
        copy.update(point=point, before=before.new_events(), own=before.moved_to(own))
        recorder.tape.move_to(own, is_on_disk=False)

    def on_hang() -> None:
        tell_and_exit(None, "", ())

    def tell_and_exit(status: int | None, error: str, left: tuple[str, ...]) -> None:
        events = (*copy["before"], *copy["own"].new_events())
        os.write(tell, json.dumps([copy["point"], judge(events, status, error, left).word]).encode() + b"\n")
        os._exit(0)

    warm._clock.on_hang = on_hang
    monitor: _Forking = _Forking(on_copy)
    monitor.install()
    recorder.signals.on_received = lambda _, frame: monitor.go_on(frame)
    monitor.reset()
    played = player.play()
    monitor.stop()
    tidy_up()
    if monitor.is_copy:
        tell_and_exit(played.status, played.error, played.left)
    os.lseek(tell, 0, os.SEEK_SET)
    with os.fdopen(tell) as file:
        words = dict(map(json.loads, file))
    return [words.get(point, "crashed") for point in range(1, len(monitor.statuses) + 1)]


if __name__ == "__main__":
    print(json.dumps(sweep_at_points(sys.argv[1], sys.argv[2:])))
