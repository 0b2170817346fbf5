"""What an experiment needs a right to: to start processes, and to send them signals."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator

from cancelkit.errors import ForbiddenError

_REFUSALS = (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.ENOTSUP)


@contextlib.contextmanager
def rights_needed() -> Iterator[None]:
    """A block in which a process is started that is to be sent signals.

    Raises:
        ForbiddenError: one of the two may not be done here. No process has been started then: nobody could end it.
    """
    try:
        os.kill(os.getpid(), 0)
    except OSError as error:
        raise ForbiddenError(f"no process may be sent a signal here ({error.strerror})") from error
    try:
        yield
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        raise ForbiddenError(f"no process may be started here ({error.strerror})") from error
