"""The stage: the program that scenarios are played on. It runs jobs of the workload under anybody's `run_tasks`.

    python stage.py [--eager] [--leftover] [--finish] [--generator] [--embedded] TARGET RUNNER LIMIT KIND...

TARGET and RUNNER are functions, each as `module:name` or `file.py:name`: `run_tasks`, and what does as `asyncio.run`.
There is one job for each KIND, job-1, job-2 and so on; `kinds.KINDS` has them. With --finish, cleanup is inside
`cancelkit.finish`. With --eager, tasks begin when they are made. With --leftover, main leaves a task behind. With
--generator, jobs come from a generator that says when it is asked for one, and it is told if that is left open. With
--embedded, there is a handler for SIGTERM before, and it is told whether the handlers are the same afterwards.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import importlib
import importlib.util
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from cancelkit.errors import CancelkitError
from cancelkit.lab.kinds import KINDS, Cleanup
from cancelkit.lab.workload import Desk, say
from cancelkit.shutdown import finish

GRACE = 1.0
"""Seconds that `cancelkit.run` gives what does not end."""

Job = Callable[[], Awaitable[str]]

_left_behind: set[asyncio.Task[str]] = set()


async def _as_it_is(cleanup: Awaitable[None]) -> None:
    await cleanup


async def _job(name: str, kind: str, clean_up: Cleanup) -> str:
    say("begun", name)
    return await KINDS[kind](Desk(name), clean_up)


async def play(target: Callable[..., Any], limit: int, kinds: list[str], options: argparse.Namespace) -> None:
    """Run a job of each kind under the target, so many at a time, and print the results."""
    clean_up: Cleanup = finish if options.finish else _as_it_is
    if options.eager:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined,unused-ignore]
    if options.leftover:
        _left_behind.add(asyncio.create_task(_job("leftover", "long", clean_up), name="leftover"))
    jobs = [functools.partial(_job, f"job-{number}", kind, clean_up) for number, kind in enumerate(kinds, 1)]
    if not options.generator:
        print(await target(jobs, limit))  # noqa: T201
        return
    generator: Any = _told(jobs)
    try:
        print(await target(generator, limit))  # noqa: T201
    finally:
        if generator.gi_frame is not None:
            print("the generator: left open", flush=True)  # noqa: T201


def _told(jobs: Iterable[Job]) -> Iterator[Job]:
    for number, job in enumerate(jobs, 1):
        print(f"job-{number}: asked for", flush=True)  # noqa: T201
        yield job


@contextlib.contextmanager
def _embedding() -> Iterator[None]:
    """What stands around a runner that is not all there is of a program."""
    watched = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    signal.signal(signal.SIGTERM, lambda *_: None)
    before = [signal.getsignal(signum) for signum in watched]
    try:
        yield
    finally:
        after = [signal.getsignal(signum) for signum in watched]
        changed = [signum.name for signum, b, a in zip(watched, before, after, strict=True) if a is not b]
        print(f"handlers: {', '.join(changed) or 'none'} changed", flush=True)  # noqa: T201


def function_of(name: str) -> Callable[..., Any]:
    """The function that `module:name` or `file.py:name` is.

    Raises:
        CancelkitError: there is none.
    """
    home, _, attribute = name.rpartition(":")
    try:
        found = getattr(_module_of(home), attribute)
    except SyntaxError as error:
        raise CancelkitError(f"cannot import {home}: SyntaxError: {error}") from error
    except (ImportError, AttributeError, OSError, ValueError) as error:
        example = "package.module:run_tasks or file.py:run_tasks"
        raise CancelkitError(f"cannot find {name!r}, as in {example}: {error}") from error
    if not callable(found):
        raise CancelkitError(f"{name!r} is {found!r}, which is no function")
    return found  # type: ignore[no-any-return]


def _module_of(home: str) -> Any:
    if not home.endswith(".py"):
        return importlib.import_module(home)
    path = Path(home).resolve()
    if getattr(sys.modules.get(path.stem), "__file__", None) == str(path):
        return sys.modules[path.stem]  # target and runner may be in one file
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{home} is nothing that Python can import")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """Read the words, and play."""
    parser = argparse.ArgumentParser(description=__doc__)
    for flag in ("--eager", "--leftover", "--finish", "--generator", "--embedded"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("target", type=function_of)
    parser.add_argument("runner", type=function_of)
    parser.add_argument("limit", type=int)
    parser.add_argument("kinds", nargs="*", choices=list(KINDS))
    parser.add_argument("--load", action="store_true", help="import both, say so, and end")
    sys.path[0] = str(Path.cwd())  # in place of this file's folder, as with `python -m`
    try:
        options = parser.parse_args()
    except CancelkitError as error:
        sys.exit(str(error))
    if options.load:
        print("loaded", flush=True)  # noqa: T201
        return
    more = {"grace": GRACE} if options.runner.__module__ == "cancelkit.shutdown" else {}
    with _embedding() if options.embedded else contextlib.nullcontext():
        options.runner(play(options.target, options.limit, options.kinds, options), **more)


if __name__ == "__main__":
    main()
