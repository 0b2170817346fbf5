"""Wrong answers to the exercises of notebook 04."""

from __future__ import annotations

from wrong_answers import Wrong, each_is_refused

ONE_BY_ONE = """\
    for task in reversed(tasks):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task"""

_CANCELS_ALL = """\
    for task in tasks:
        task.cancel()
"""

_CANCELS_EACH_TWICE = ONE_BY_ONE.replace("task.cancel()", "task.cancel(), task.cancel()")

_GATHERS = f"""\
{_CANCELS_ALL}\
    await asyncio.gather(*tasks)
"""

_GIVES_A_TURN = f"""\
{_CANCELS_ALL}\
    await asyncio.sleep(0)
"""

_AWAITS_EACH = f"""\
{_CANCELS_ALL}\
    for task in tasks:
        await task
"""

_SUPPRESSES_ONE = f"""\
{_CANCELS_ALL}\
    with contextlib.suppress(asyncio.CancelledError):
        for task in tasks:
            await task
"""

_EXITS = f"""\
{ONE_BY_ONE}
    raise SystemExit
"""

_PROTECTED = """\
        cleanup = asyncio.create_task(desk.tidy_up())
        try:
            await asyncio.shield(cleanup)
        except asyncio.CancelledError:
            await cleanup
            raise
"""

_WAITS_ONCE = """\
        cleanup = asyncio.create_task(desk.tidy_up())
        await asyncio.wait([cleanup])
"""

_LINGERS = """\
        while len(asyncio.all_tasks()) > 1:
            await asyncio.sleep(0.01)
        await database.tidy_up()"""

_FINISH = ("import asyncio, sys\n", "import asyncio, sys\nfrom cancelkit import finish\n")

_SHIELDS = """
import asyncio


async def wait_for_all(tasks):
    ended = asyncio.gather(*tasks, return_exceptions=True)
    try:
        await asyncio.shield(ended)
    except asyncio.CancelledError:
        try:
            await asyncio.shield(ended)
        except asyncio.CancelledError:
            await ended
        raise
"""

_WAITS_TWICE = """
import asyncio


async def wait_for_all(tasks):
    try:
        await asyncio.wait(tasks)
    except asyncio.CancelledError:
        await asyncio.wait(tasks)
        raise
"""

_RAISES = "    if cancelled is not None:\n        raise cancelled"

_TWICE, _LAST = "no job is asked twice", "main ends when all jobs have ended"

_LOST = (("every job that begins", "job-1, job-2 did not"), (_TWICE, "job-1, job-2"), (_LAST, "job-1, job-2"))

WRONG = (
    Wrong(
        "04.1",
        "cancel all, and wait for none",
        _LOST,
        ((ONE_BY_ONE, _CANCELS_ALL),),
    ),
    Wrong(
        "04.1",
        "cancel each twice, to be sure",
        ((_TWICE, "job-1, job-2, job-3, job-4"),),
        ((ONE_BY_ONE, _CANCELS_EACH_TWICE),),
    ),
    Wrong(
        "04.1",
        "wait with a bare gather, which the first that was cancelled completes",
        _LOST,
        ((ONE_BY_ONE, _GATHERS),),
    ),
    Wrong(
        "04.1",
        "cancel all, and give them a turn",
        _LOST,
        ((ONE_BY_ONE, _GIVES_A_TURN),),
    ),
    Wrong(
        "04.1",
        "cancel all, and await each: the first raises, and the second is left",
        (("every job that begins", "job-2 did not"), (_TWICE, "job-2"), (_LAST, "job-2 ended after main")),
        ((ONE_BY_ONE, _AWAITS_EACH),),
    ),
    Wrong(
        "04.1",
        "suppress one CancelledError for all",
        (("every job that begins", "job-2 did not"), (_TWICE, "job-2"), (_LAST, "job-2 ended after main")),
        ((ONE_BY_ONE, _SUPPRESSES_ONE),),
    ),
    Wrong(
        "04.1",
        "do nothing: the closing loop does",
        ((_LAST, "job-1, job-2, job-3, job-4 ended after main"),),
        ((ONE_BY_ONE, "    pass\n"),),
    ),
    Wrong(
        "04.1",
        "end those that work, and leave the queue alone",
        (("no job begins", "job-3, job-4 began after it"), (_LAST, "job-3, job-4 ended after main")),
        (("reversed(tasks)", "tasks[:2]"),),
    ),
    Wrong(
        "04.1",
        "put another exit in the place of the cancellation",
        (("how it ends", "it exited 0"),),
        ((ONE_BY_ONE, _EXITS),),
    ),
    Wrong(
        "04.2",
        "no shield",
        (("no job has ended", "job-1, job-2 did not wait"), ("the database", "job-1 and job-2 had not finished")),
        ((_PROTECTED, "        await desk.tidy_up()\n"),),
    ),
    Wrong(
        "04.2",
        "two shields, one in the other",
        (("no job has ended", "job-1, job-2 did not wait"), ("the database", "job-1 and job-2 had not finished")),
        ((_PROTECTED, "        await asyncio.shield(asyncio.shield(desk.tidy_up()))\n"),),
    ),
    Wrong(
        "04.2",
        "a gather, which hands the cancellation on",
        (("no job has ended", "job-1, job-2 did not wait"), ("the database", "job-1 and job-2 had not finished")),
        ((_PROTECTED, "        await asyncio.gather(desk.tidy_up(), return_exceptions=True)\n"),),
    ),
    Wrong(
        "04.2",
        "a wait, which is itself cancelled",
        (("no job has ended", "job-1, job-2 did not wait"), ("the database", "job-1 and job-2 had not finished")),
        ((_PROTECTED, _WAITS_ONCE),),
    ),
    Wrong(
        "04.2",
        "go on waiting, and keep the cancellation",
        (("both jobs end as cancelled", "job-1 finished, job-2 finished"),),
        (("            raise\n", ""),),
    ),
    Wrong(
        "04.2",
        "let main wait for whatever is left: the jobs have ended before",
        (("no job has ended", "job-1, job-2 did not wait"),),
        (
            (_PROTECTED, "        await asyncio.shield(desk.tidy_up())\n"),
            ("        await database.tidy_up()", _LINGERS),
        ),
    ),
    Wrong(
        "04.2",
        "protect the work as well",
        (("as far as that", "it had not ended"),),
        (_FINISH, ("await desk.work(float(sys.argv[1]))", "await finish(desk.work(float(sys.argv[1])))")),
        hangs=True,
    ),
    Wrong(
        "04.3",
        "one shield more",
        (("the cleanup of 2 jobs", "1 of 2 finished"), (_TWICE, "job-2")),
        text=_SHIELDS,
    ),
    Wrong(
        "04.3",
        "go on waiting once",
        (("the cleanup of 2 jobs", "0 of 2 finished"), (_TWICE, "job-1, job-2")),
        text=_WAITS_TWICE,
    ),
    Wrong(
        "04.3",
        "wait with a gather, again and again: it hands on every one of them",
        (
            ("the cleanup of 2 jobs", "0 of 2 finished"),
            (_TWICE, "job-1, job-2"),
            ("the cleanup of 2 jobs", "1 of 2 finished"),
        ),
        (("await asyncio.wait(tasks)", "await asyncio.gather(*tasks, return_exceptions=True)"),),
    ),
    Wrong(
        "04.3",
        "keep the cancellation: where nothing else is under way it is lost",
        (("how it ends", "it exited 0"),),
        ((_RAISES, ""),),
    ),
    Wrong(
        "04.3",
        "raise one in any case",
        (("how it ends: exited 0", "it exited 1"),),
        ((_RAISES, "    raise asyncio.CancelledError"),),
    ),
    Wrong(
        "04.3",
        "say that all have been waited for",
        (
            ("the cleanup of 2 jobs", "0 of 2 finished"),
            (_TWICE, "job-1, job-2"),
            ("as far as that", "did not come: it exited 0"),
            ("the cleanup of 2 jobs", "1 of 2 finished"),
        ),
        text='async def wait_for_all(tasks):\n    print("all have ended")\n',
    ),
    Wrong(
        "04.3",
        "call it something else",
        (("it can be used", "there is no wait_for_all"),),
        (("async def wait_for_all", "async def wait"),),
    ),
)

test_it_is_refused_for_what_is_wrong = each_is_refused(WRONG)
