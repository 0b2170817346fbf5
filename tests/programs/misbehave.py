"""Programs that are hard to interrupt, one function each: python misbehave.py NAME."""

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any


async def wait_for_ever() -> None:
    """One task beside the main one, and both wait: the moment active=1, for as long as anybody likes."""
    await asyncio.create_task(asyncio.Event().wait(), name="waiter")


def say_ready() -> None:
    print("ready", file=sys.stderr, flush=True)


def loops_for_ever() -> None:
    asyncio.run(wait_for_ever())


def ends_only_on_sigint() -> None:
    """Not even when it cannot write any more."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    try:
        loops_for_ever()
    finally:
        threading.Event().wait()


def ends_at_once() -> None:
    print("ended at once")


def ends_too_early() -> None:
    asyncio.run(asyncio.sleep(0))
    sys.exit(3)


def exits_without_cleanup() -> None:
    print("said", flush=True)
    os._exit(7)


def becomes_another() -> None:
    os.execv(sys.executable, [sys.executable, "-c", "import sys; sys.exit(8)"])


def reads_stdin() -> None:
    sys.exit(len(sys.stdin.read()) + 9)


def writes_odd_complaints() -> None:
    for number in range(50):
        print(f"complaint {number}: " + "x" * 5000 + " \udcff\x00🦑", file=sys.stderr)
    sys.exit(1)


def never_runs_a_loop() -> None:
    say_ready()
    threading.Event().wait()


def never_gets_there() -> None:
    async def main() -> None:
        await asyncio.gather(*(asyncio.sleep(0) for _ in range(3)))
        asyncio.get_running_loop().call_soon(say_ready)
        await asyncio.Event().wait()

    asyncio.run(main())


def stops_itself() -> None:
    say_ready()
    os.kill(os.getpid(), signal.SIGSTOP)


def ignores_all_signals() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_later(0.05, say_ready)  # after the wait in which the moment is found
        await wait_for_ever()

    for signum in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(signum, signal.SIG_IGN)
    asyncio.run(main())


def blocks_the_loop() -> None:
    def block() -> None:
        say_ready()
        threading.Event().wait()

    async def main() -> None:
        signal.signal(signal.SIGINT, lambda *_: None)
        asyncio.get_running_loop().call_later(0.05, block)
        await wait_for_ever()

    asyncio.run(main())


def closes_its_pipes() -> None:
    for stream in (0, 1, 2):
        os.close(stream)
    loops_for_ever()


def closes_every_descriptor() -> None:
    async def main() -> None:
        os.closerange(100, 4096)
        await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))
        sys.exit(4)

    asyncio.run(main())


WAITS = "import threading; threading.Event().wait()"
TALKS = "import os\nwhile True: os.write(1, b'x' * 65536)"


def leaves_a_grandchild() -> None:
    _leave_behind(WAITS, start_new_session=False)


def leaves_a_daemon() -> None:
    _leave_behind(WAITS, start_new_session=True)


def leaves_a_talkative_daemon() -> None:
    _leave_behind(TALKS, start_new_session=True)


def _leave_behind(code: str, *, start_new_session: bool) -> None:
    """Start a process whose parent ends at once, and which keeps stdout and the witness open; then go on."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # or it would end as the program does
    start = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {code!r}], close_fds=False)"
    subprocess.run([sys.executable, "-c", start], close_fds=False, start_new_session=start_new_session, check=True)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    loops_for_ever()


def writes_a_lot() -> None:
    print("the first line")
    for _ in range(100):
        sys.stdout.write("x" * 1_000_000)
    print("\nthe last line", flush=True)
    loops_for_ever()


def deletes_its_environment() -> None:
    os.environ.clear()
    loops_for_ever()


def has_its_own_handlers() -> None:
    async def main() -> None:
        interrupted = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, interrupted.set)
        await asyncio.create_task(interrupted.wait(), name="waiter")
        print("handled")

    asyncio.run(main())


def uses_threads() -> None:
    release = threading.Event()

    async def main() -> None:
        try:
            await asyncio.create_task(asyncio.to_thread(release.wait), name="waiter")
        finally:
            release.set()

    asyncio.run(main())


def runs_loops_in_threads() -> None:
    """Many tasks come and go in the loops of other threads, then one waits in that of the main thread."""

    async def churn() -> None:
        for _ in range(30):
            await asyncio.gather(*(asyncio.sleep(0) for _ in range(5)))

    threads = [threading.Thread(target=asyncio.run, args=(churn(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    loops_for_ever()


def runs_loops_in_a_row() -> None:
    for _ in range(20):
        asyncio.run(asyncio.sleep(0))
    loops_for_ever()


def forks_a_loop() -> None:
    """A loop runs in a forked process, where the moment created=1 seems to have come and never passes."""

    async def main() -> None:
        waiter = asyncio.create_task(wait_for_ever(), name="waiter")
        if (pid := os.fork()) == 0:
            asyncio.events._set_running_loop(None)
            asyncio.run(asyncio.sleep(0.01))
            os._exit(0)
        print("the fork exited", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)  # noqa: ASYNC222
        await waiter

    asyncio.run(main())


def gives_odd_names() -> None:
    async def main() -> None:
        sys.stdout.buffer.write("\u202e🦑".encode() + b"\xff\x00\n")
        await asyncio.create_task(asyncio.Event().wait(), name="[red]\ud800\n\x1b[2J🦑[/]" + "long" * 50)

    asyncio.run(main())


def tells_what_it_sees() -> None:
    """What a program could notice of the kit, one line each."""
    print([name for name in os.environ if name.startswith("CANCELKIT")], os.environ.get("PYTHONPATH"))
    print([path for path in sys.path if "startup" in path], sys.argv, sys.flags)
    print(os.getpgrp() == os.getpid(), threading.active_count(), os.get_inheritable(2))
    print([signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)])
    print(os.open(os.devnull, os.O_RDONLY), signal.pthread_sigmask(signal.SIG_BLOCK, ()))
    print(sys.modules.get("sitecustomize"))


def _ignore_all_signals() -> None:
    for signum in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(signum, signal.SIG_IGN)


def forks_the_stubborn() -> None:
    """Two in each of five sessions, of which nobody waits for the other, and all ignore every signal."""
    _ignore_all_signals()
    said, say = os.pipe()
    for _ in range(5):
        if os.fork() == 0:
            os.setsid()
            os.fork()
            os.write(say, b".")
            threading.Event().wait()
    for _ in range(10):
        os.read(said, 1)
    say_ready()
    threading.Event().wait()


def forks_in_a_row() -> None:
    """Twenty generations in sessions of their own, each of which ends when the next is there; the last one stays."""
    if os.fork() == 0:
        for _ in range(19):
            os.setsid()
            if os.fork() != 0:
                os._exit(0)
        threading.Event().wait()
    loops_for_ever()


def leaves_its_streams_open() -> None:
    """To a process that ignores every signal."""
    said, say = os.pipe()
    if os.fork() == 0:
        _ignore_all_signals()
        os.write(say, b".")
        threading.Event().wait()
    os.read(said, 1)
    print("ended at once", flush=True)
    os._exit(0)


def talks_for_ever() -> None:
    """To both pipes, from as many threads, and ignores every signal."""

    def talk(stream: int) -> None:
        while True:
            os.write(stream, b"x" * 65536)

    _ignore_all_signals()
    say_ready()
    threading.Thread(target=talk, args=(1,)).start()
    talk(2)


def floods_the_record() -> None:
    """So many steps of tasks that have nothing to wait for; without an end if there is no number."""
    steps = float(sys.argv[2] if len(sys.argv) > 2 else "inf")

    async def spin(steps: float) -> None:
        while steps > 0:
            steps -= 1
            await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.gather(*(spin(steps / 50) for _ in range(50)))

    asyncio.run(main())


def talks_to_the_kit() -> None:
    """Write to the descriptor on which the gate talks, which nobody should; then be interrupted as others are."""
    link = next(number for number in range(200, 300) if _is_socket(number))
    for word in sys.argv[2:]:
        os.write(link, word.encode("latin-1"))
    loops_for_ever()


def _is_socket(descriptor: int) -> bool:
    try:
        return stat.S_ISSOCK(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def knocks_often() -> None:
    """Connect to the workload's server 2,000 times, and say nothing that it understands."""
    from cancelkit.lab import workplace

    assert workplace.given is not None
    for said in (b"", b"work\n", b"work x nan\n\n", b"\xff" * 5000) * 5:
        guests = [socket.create_connection(("127.0.0.1", workplace.given.port)) for _ in range(100)]
        for guest in guests:
            guest.sendall(said)
        del guests[50:]
        kept.extend(guests)
    loops_for_ever()


kept: list[socket.socket] = []


def turns_before_and_after_it_asks() -> None:
    """Many turns of the loop before a job asks the server for something, and some more before the loop waits."""
    from cancelkit.lab.workload import plain_job

    async def main() -> None:
        for _ in range(1500):
            await asyncio.sleep(0)
        job = asyncio.create_task(plain_job("job-1", 0), name="job-1")
        for _ in range(500):
            await asyncio.sleep(0)
        print("now the loop waits", flush=True)
        await job

    asyncio.run(main())


def keeps_the_loop_spinning() -> None:
    """A job whose server has to answer, and beside it somebody who never lets the loop wait."""
    from cancelkit.lab.workload import plain_job

    async def spin() -> None:
        while True:  # noqa: ASYNC110 - it is what this is about
            await asyncio.sleep(0)

    async def main() -> None:
        spinning = asyncio.create_task(spin(), name="spin")
        job = asyncio.create_task(plain_job("job-1", 10), name="job-1")
        try:
            await job
        finally:
            job.cancel()
            await asyncio.wait([job])
            spinning.cancel()

    asyncio.run(main())


PROGRAMS: dict[str, Callable[[], Any]] = {name: value for name, value in globals().items() if callable(value)}

if __name__ == "__main__":
    if "WITNESS" in os.environ:  # a named pipe, whose end is seen when everybody who was born here has ended
        witness = os.open(os.environ["WITNESS"], os.O_WRONLY)
        os.set_inheritable(witness, True)
        os.write(witness, f"{os.getpid()} {os.getppid()}\n".encode())
    PROGRAMS[sys.argv[1]]()
