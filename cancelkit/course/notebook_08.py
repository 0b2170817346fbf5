"""The exercises of notebook 08, on testing: a reader writes tests, which are tried on these services."""

from __future__ import annotations

from cancelkit.course.by_pytest import Service, tried_on
from cancelkit.course.exercises import Exercise


def _changed(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


_IN_ORDER = """\
import asyncio

import cancelkit


async def goodbye(client):
    await asyncio.sleep(0.2)
    print(f"{client}: goodbye", flush=True)


async def serve(client, slots):
    async with slots:
        print(f"{client}: served", flush=True)
        try:
            await asyncio.Event().wait()
        finally:
            await goodbye(client)


async def main():
    print("loading", flush=True)
    slots = asyncio.Semaphore(2)
    async with asyncio.TaskGroup() as group:
        for name in ("ann", "bob", "cy"):
            group.create_task(serve(name, slots), name=name)


cancelkit.run(main())
"""
"""The service *owned* of the notebook."""

_RUN = "cancelkit.run(main())"

_HIDDEN = """\
import contextlib

with contextlib.suppress(KeyboardInterrupt):
    cancelkit.run(main())"""

_LISTENING = """\
    global listener
    listener = socket.create_server(("127.0.0.1", 0))
    slots = asyncio.Semaphore(2)
"""

_ASKS_AGAIN = """\
        clients = [group.create_task(serve(name, slots), name=name) for name in ("ann", "bob", "cy")]
        asyncio.get_running_loop().add_signal_handler(2, lambda: [client.cancel() for client in clients])
"""

_INTERRUPTED = """\
asyncio.run(main())
raise KeyboardInterrupt"""

_CLIENTS = """\
        for name in ("ann", "bob", "cy"):
            group.create_task(serve(name, slots), name=name)
"""

_SLOTS = "    slots = asyncio.Semaphore(2)\n"

_FINISHED = _changed(
    _IN_ORDER,
    ("import cancelkit\n", "import cancelkit\nfrom cancelkit.trace.reports import report\n"),
    ('goodbye", flush=True)\n', 'goodbye", flush=True)\n    report("cleanup finished", client)\n'),
    (
        "            await asyncio.Event().wait()\n",
        '            if client != "ann":\n                await asyncio.Event().wait()\n',
    ),
    (
        "            await goodbye(client)",
        '            report("cleanup begun", client)\n            await cancelkit.finish(goodbye(client))',
    ),
)
"""A service whose first client leaves at once, and whose goodbyes are inside `finish`.

It reports them. Who sees tasks alone would not miss a goodbye whose task is cancelled before its first step.
"""

_TERMINATED = """\
    asyncio.get_running_loop().add_signal_handler(15, asyncio.current_task().cancel)
    slots = asyncio.Semaphore(2)
"""

_TELLS_143 = """\
try:
    asyncio.run(main())
except asyncio.CancelledError:
    raise SystemExit(143) from None"""

_DEFAULT = """\
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    slots = asyncio.Semaphore(2)
"""

_DOES_IT_COME = (
    "It is in order, so the test asks for a moment that does not come, or for too much. Where a moment does not come, "
    "it ends with MomentNotReachedError, or with TimeoutError if the service waits on. "
)

EXERCISES = (
    Exercise(
        "08.1",
        tried_on(
            Service("a service that is in order", _IN_ORDER),
            Service(
                "a service that hides the Ctrl-C",
                _changed(_IN_ORDER, (_RUN, _HIDDEN)),
                ("exit",),
                "a test fails, as the exit status is wrong",
                "All goodbyes are said. Which of the six questions is about what the world hears?",
            ),
            Service(
                "a service that leaves a socket open",
                _changed(_IN_ORDER, (_SLOTS, _LISTENING), ("import asyncio\n", "import asyncio\nimport socket\n")),
                ("leaks",),
                "a test fails, as a socket leaks",
                "All goodbyes are said, and the exit status is right. There are six questions, and a word for all.",
            ),
        ),
    ),
    Exercise(
        "08.2",
        tried_on(
            Service(
                "a service that is in order",
                _IN_ORDER,
                hint=_DOES_IT_COME + "Who cleans up before a first signal has come?",
            ),
            Service(
                "a service under asyncio.run",
                _changed(_IN_ORDER, (_RUN, "asyncio.run(main())")),
                ("cleanup",),
                "a test fails, as a second Ctrl-C in the goodbyes loses them",
                "Two signals need two moments, with `then` between them. In which state is a task that says goodbye?",
            ),
            Service(
                "a service that cancels its clients at every Ctrl-C",
                _changed(_IN_ORDER, (_CLIENTS, _ASKS_AGAIN), (_RUN, _INTERRUPTED)),
                ("cleanup",),
                "a test fails, as a second Ctrl-C in the goodbyes loses them",
                "A second signal is harmless before the goodbyes have begun. When have they?",
            ),
        ),
    ),
    Exercise(
        "08.3",
        tried_on(
            Service(
                "a service that is in order",
                _FINISHED,
                hint=_DOES_IT_COME + "When two are served, is anybody still queued?",
            ),
            Service(
                "a service whose goodbyes are not protected",
                _changed(_FINISHED, ("cancelkit.finish(goodbye(client))", "goodbye(client)")),
                ("cleanup",),
                "a test fails, as one Ctrl-C in an ordinary goodbye loses it",
                "While ann gets her goodbye, who is at work, and who is queued? Say nothing about ann.",
            ),
            Service(
                "a service that owns SIGTERM, and not SIGINT",
                _changed(_FINISHED, (_SLOTS, _TERMINATED), (_RUN, _TELLS_143)),
                ("cleanup",),
                "a test fails, as a second Ctrl-C in the goodbyes loses them",
                "When two are served, which leaves nobody queued, and then when these two clean up.",
            ),
            Service(
                "a service that owns SIGINT, and leaves SIGTERM to the system",
                _changed(_FINISHED, (_SLOTS, _DEFAULT), ("import asyncio\n", "import asyncio\nimport signal\n")),
                ("cleanup",),
                "a test fails, as SIGTERM ends it without a goodbye",
                "The fixture sends SIGINT unless told otherwise: signals=SIGTERM.",
            ),
        ),
    ),
)
