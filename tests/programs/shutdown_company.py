"""run() together with what else a program uses: python shutdown_company.py NAME. Each says when it is at work."""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator
from functools import partial

from shutdown_jobs import clean_up, job, make_jobs

from cancelkit import finish, run, run_tasks
from cancelkit.trace.reports import report

PARENT_PROGRAM = "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); print('there'); sys.stdin.read()"


def say_when_at_work(jobs: int) -> "asyncio.Task[None]":
    async def say() -> None:
        for _ in range(jobs + 1):
            await asyncio.sleep(0)
        print("at work", flush=True)

    return asyncio.create_task(say())


async def some_jobs() -> None:
    said = say_when_at_work(2)
    await run_tasks([*make_jobs(4)], 2)
    await said


async def with_timeout() -> None:
    """A timeout around the jobs that comes first, and others inside and around that do not."""

    async def patient(name: str) -> None:
        async with asyncio.timeout(60):
            await job(name)

    try:
        async with asyncio.timeout(0.01):
            await run_tasks([partial(patient, "early")], 1)
    except TimeoutError:
        print("timed out", flush=True)
    async with asyncio.timeout(60):
        await run_tasks([partial(patient, f"job-{number}") for number in (1, 2)], 2)


async def nested_groups() -> None:
    async def group(name: str, depth: int) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(job(f"{name}.1"))
            if depth:
                tasks.create_task(group(f"{name}.2", depth - 1))

    await group("job", 3)


async def in_thread() -> None:
    """A thread that nobody can cancel, and that ends when its job's cleanup tells it to."""
    told = threading.Event()

    async def threaded(name: str) -> None:
        report("begun", name)
        try:
            await asyncio.to_thread(told.wait)
        finally:
            await finish(clean_up(name))
            told.set()

    said = say_when_at_work(1)
    await run_tasks([partial(threaded, "job-1")], 1)
    await said


async def with_subprocess() -> None:
    """A child that does not end before it is told to."""
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", PARENT_PROGRAM, stdin=pipe, stdout=pipe)
    assert child.stdin is not None
    assert child.stdout is not None
    await child.stdout.readline()
    report("begun", "job-1")
    try:
        await child.wait()
    finally:
        await finish(clean_up("job-1"))
        child.stdin.close()
        print("the child ended with", await finish(child.wait()), flush=True)


async def with_generators() -> None:
    """Asynchronous generators: one that is being iterated, and one that was left in the middle."""

    async def numbers(name: str) -> AsyncIterator[int]:
        report("begun", name)
        try:
            for number in range(sys.maxsize):
                yield number
                await asyncio.sleep(0 if number == 0 else 3600)
        finally:
            await finish(clean_up(name))

    left = numbers("left")
    await anext(left)
    async for _ in numbers("job-1"):
        pass


def embedded() -> None:
    """Twice, in a program that goes on afterwards."""
    for _ in range(2):
        try:
            run(some_jobs())
        except KeyboardInterrupt:
            print("and on", flush=True)


def under_uvloop() -> None:
    """No moment holds it, so its cleanup waits for the second signal, of which `run` says something."""
    import uvloop

    has_come = asyncio.Event()

    class Stderr:
        def write(self, text: str) -> None:
            has_come.set()
            os.write(2, text.encode())

    async def patient(name: str) -> None:
        report("begun", name)
        try:
            await asyncio.Event().wait()
        finally:
            print("cleaning up", flush=True)
            await has_come.wait()
            await clean_up(name)

    async def main() -> None:
        said = say_when_at_work(2)
        sys.stderr = Stderr()
        try:
            await run_tasks([partial(patient, f"job-{number}") for number in (1, 2, 3)], 2)
        finally:
            sys.stderr = sys.__stderr__
        await said

    run(main(), loop_factory=uvloop.new_event_loop)


def as_process_1() -> None:
    print("process", os.getpid(), flush=True)
    run(some_jobs())


if __name__ == "__main__":
    program = globals()[sys.argv[1]]
    if asyncio.iscoroutinefunction(program):
        run(program())
    else:
        program()
