"""Take from this process, for good, the right to start processes or to send signals, and go on as a notebook's kernel.

    python forbidden.py start|signal -f CONNECTION-FILE

A filter in the kernel of the system (seccomp) answers each such call with "Operation not permitted", as the container
of a hub may do. It needs Linux on x86-64 or arm64.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
import sys

LOAD_WORD, JUMP_IF_EQUAL, JUMP_IF_SET, RETURN = 0x20, 0x15, 0x45, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
NUMBER, FIRST_ARGUMENT = 0, 16  # where they are in what a filter looks at
CLONE_THREAD = 0x10000
NO_NEW_PRIVILEGES, SECCOMP, FILTER = 38, 22, 2

STARTS = {"x86_64": [57, 58], "aarch64": []}  # fork, vfork; both made with clone elsewhere
CLONE, CLONE3 = {"x86_64": 56, "aarch64": 220}, 435
SIGNALS = {"x86_64": [62, 200, 424], "aarch64": [129, 130, 424]}  # kill, tkill, pidfd_send_signal; no thread of its own


def refused(numbers: list[int], error: int) -> list[tuple[int, int, int, int]]:
    """Instructions that answer these calls with an error."""
    steps = []
    for number in numbers:
        steps += [(JUMP_IF_EQUAL, 0, 1, number), (RETURN, 0, 0, REFUSE | error)]
    return steps


def program(what: str) -> list[tuple[int, int, int, int]]:
    """The filter."""
    machine = platform.machine()
    steps = [(LOAD_WORD, 0, 0, NUMBER)]
    if what == "signal":
        steps += refused(SIGNALS[machine], errno.EPERM)
    else:
        steps += refused(STARTS[machine], errno.EPERM)
        steps += refused([CLONE3], errno.ENOSYS)  # whose flags no filter can see; the C library takes clone then
        # A clone that makes a thread goes through; any other is a new process.
        steps += [(JUMP_IF_EQUAL, 0, 3, CLONE[machine]), (LOAD_WORD, 0, 0, FIRST_ARGUMENT)]
        steps += [(JUMP_IF_SET, 1, 0, CLONE_THREAD), (RETURN, 0, 0, REFUSE | errno.EPERM)]
    return [*steps, (RETURN, 0, 0, ALLOW)]


def give_up_the_right(what: str) -> None:
    """Install the filter."""
    steps = program(what)
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    for words in ((NO_NEW_PRIVILEGES, 1, 0, 0, 0), (SECCOMP, FILTER, ctypes.addressof(header), 0, 0)):
        if libc.prctl(*(ctypes.c_ulong(word) for word in words)):
            sys.exit(f"prctl: {errno.errorcode[ctypes.get_errno()]}")


if __name__ == "__main__":
    give_up_the_right(sys.argv.pop(1))
    from ipykernel.kernelapp import launch_new_instance

    launch_new_instance()
