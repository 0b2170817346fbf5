"""Every error that the kit raises on purpose, in one place, under one base class.

`shutdown.py` and `patterns/` do not use them: they can be copied into a service as they stand.
"""

from __future__ import annotations

import sys


class CancelkitError(Exception):
    """Something the kit could not do; the message says what, with which value, and what to do."""


class UnsupportedPlatformError(CancelkitError, ImportError):
    """A part that needs POSIX signals was imported where there are none."""


class BadMomentError(CancelkitError, ValueError):
    """A moment (`active=2,queued=3`) or a signal name that cannot be read."""


class UnusableProgramError(CancelkitError):
    """The program is not there, or is nothing that Python can run."""


class ForbiddenError(UnusableProgramError):
    """No process may be started here, or none may be sent a signal."""


class UnusableTargetError(CancelkitError):
    """What is to be checked is not there, is no function, or cannot be imported."""


class MomentNotReachedError(CancelkitError):
    """The program ended, or the deadline came, before the moment to send a signal did."""


class BadRecordError(CancelkitError, ValueError):
    """A recorded run that cannot be read."""


class BadTokenError(CancelkitError, ValueError):
    """A token of a sweep that cannot be read, or is of another Python or another program."""


class UnknownExerciseError(CancelkitError, LookupError):
    """The course has no exercise of that name."""


def require_posix(part: str) -> None:
    """Refuse to import `part` where processes cannot be sent a POSIX signal.

    Raises:
        UnsupportedPlatformError: on Windows.
    """
    if sys.platform == "win32":
        raise UnsupportedPlatformError(
            f"{part} needs POSIX signals, which Windows does not have. "
            "Run cancelkit under WSL (the Windows Subsystem for Linux), or open the notebooks on Binder."
        )
