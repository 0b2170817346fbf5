"""Signals outside the main thread, and outside the process: python shutdown_elsewhere.py NAME."""

import asyncio
import os
import selectors
import signal
import sys
import threading

from cancelkit import run


async def in_a_thread() -> None:
    """The signal is delivered to another thread while this one sleeps in its selector."""
    main_thread = threading.main_thread().ident
    assert main_thread is not None

    def send() -> None:
        while sys._current_frames()[main_thread].f_code.co_filename != selectors.__file__:
            pass
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    threading.Thread(target=send).start()
    await asyncio.Event().wait()


def terminate_fork() -> None:
    ready, say_ready = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(say_ready, b".")
        while True:
            pass
    os.read(ready, 1)
    os.kill(child, signal.SIGTERM)
    print("the child ended with", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


async def in_a_fork() -> None:
    """As `multiprocessing` does it: a process that was forked from this one is terminated."""
    terminate_fork()


if __name__ == "__main__":
    run(globals()[sys.argv[1]]())
