"""Recording a program from within: `with recording() as run: asyncio.run(main())`, then `run.timeline`."""

from __future__ import annotations

import contextlib
import platform
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace

from cancelkit.errors import CancelkitError
from cancelkit.trace.events import in_order
from cancelkit.trace.record import Record, notes_of
from cancelkit.trace.recorder import Recorder
from cancelkit.trace.tape import Tape
from cancelkit.trace.tape_reader import TapeReader
from cancelkit.trace.timeline import Timeline


class Recording:
    """What was recorded so far: also while the recording goes on, and all of it afterwards."""

    def __init__(self, reader: TapeReader) -> None:
        self._reader: TapeReader | None = reader
        self._record = Record((), program=sys.argv[0], python=platform.python_version())

    @property
    def record(self) -> Record:
        """The events up to now, as a value that can be saved."""
        new = self._reader.new_events() if self._reader is not None else ()
        if new:
            events = in_order((*self._record.events, *new))
            self._record = replace(self._record, events=events, notes=notes_of(events))
        return self._record

    @property
    def timeline(self) -> Timeline:
        """What every task did up to now."""
        return self.record.timeline

    def end(self) -> None:
        """Read what there is for the last time, before the tape is gone."""
        self._record, self._reader = self.record, None


@contextlib.contextmanager
def recording() -> Iterator[Recording]:
    """Record every asyncio task that is made in this process until the block is left.

    Signals and handlers are recorded if the block is entered in the main thread. Tasks that were there before are not.

    Raises:
        CancelkitError: this process is being recorded already, or there is no room for a record.
    """
    with tempfile.TemporaryFile() as file:
        tape = Tape(file.fileno())
        run = Recording(TapeReader(file.fileno()))
        if not len(tape.place[1]):
            raise CancelkitError(f"cannot record: there is no room in {tempfile.gettempdir()}")
        recorder = Recorder(tape)
        recorder.install()
        try:
            yield run
        finally:
            recorder.uninstall()
            run.end()
