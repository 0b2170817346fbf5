"""Wrong answers to the exercises of notebook 07."""

from __future__ import annotations

from wrong_answers import Wrong, each_is_refused

_RAISES_AND_ELSE = """\
        raise
    else:
        await desk.tidy_up()
"""

_ONLY_RAISES = """\
        raise
"""

_ONLY_ELSE = """\
    else:
        await desk.tidy_up()
"""

_AND_FINALLY = """\
        raise
    finally:
        await desk.tidy_up()
"""

_EXITS = """\
        sys.exit(130)
    else:
        await desk.tidy_up()
"""

_AFTERWARDS = """\
    await desk.tidy_up()
"""

_NO_RECORD = (("begins once", "it does not begin"), ("the cleanup of 1 job", "0 of 1 finished"))

_GATHER = """\
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            if not task.cancelling():
                task.cancel()
        await asyncio.wait(tasks)
"""

_WAITS_AFTER_A_CANCELLATION = """\
    try:
        await asyncio.gather(*tasks)
    except asyncio.CancelledError:
        await asyncio.wait(tasks)
        raise
"""

_KEEPS_WAITING = """\
    await asyncio.gather(*tasks, return_exceptions=True)
"""

_SHIELDS = """\
    await asyncio.shield(asyncio.gather(*tasks))
"""

_SWALLOWS = """\
    try:
        await asyncio.gather(*tasks)
    except (ValueError, asyncio.CancelledError):
        for task in tasks:
            if not task.cancelling():
                task.cancel()
        await asyncio.wait(tasks)
"""

_GROUP = """\
    async with asyncio.TaskGroup() as group:
        for name in ("job-1", "job-2", "job-3", "job-4"):
            group.create_task(job(name), name=name)
"""

_TASKS = """\
    tasks = [asyncio.create_task(job(name), name=name) for name in ("job-1", "job-2", "job-3", "job-4")]
"""

_LAST = "main ends last"

_IN_A_GROUP = """\
    async with asyncio.TaskGroup() as group:
        for name in ("job-1", "job-2"):
            group.create_task(job(name), name=name)
        group.create_task(asyncio.sleep(3600), name="heartbeat")
"""

_IN_A_GATHER = """\
    tasks = [asyncio.create_task(job(name), name=name) for name in ("job-1", "job-2")]
    tasks.append(asyncio.create_task(asyncio.sleep(3600), name="heartbeat"))
    await asyncio.gather(*tasks)
"""

_SAYS_130 = """\
try:
    cancelkit.run(main())
except BaseException:
    sys.exit(130)"""

_SAYS_NOTHING = """\
try:
    cancelkit.run(main())
except BaseException:
    pass"""

_CLEAN = "every line of the checklist"

WRONG = (
    Wrong(
        "07.1",
        "raise again, and forget the way without an exception",
        _NO_RECORD,
        ((_RAISES_AND_ELSE, _ONLY_RAISES),),
    ),
    Wrong(
        "07.1",
        "think of that way, and swallow what was caught",
        (("how it ends: exited 1", "it exited 0"), ("how it ends: killed by SIGINT", "it exited 0")),
        ((_RAISES_AND_ELSE, _ONLY_ELSE),),
    ),
    Wrong(
        "07.1",
        "a handler and a finally",
        (
            ("begins once", "it begins 2 times"),
            ("begins once", "it begins 2 times"),
            ("how it ends: killed by SIGINT", "it exited 1"),
        ),
        ((_RAISES_AND_ELSE, _AND_FINALLY),),
    ),
    Wrong(
        "07.1",
        "exit with the number of a Ctrl-C, whatever it was",
        (("how it ends: exited 1", "it exited 130"),),
        ((_RAISES_AND_ELSE, _EXITS),),
    ),
    Wrong(
        "07.1",
        "once more below the handler",
        (
            ("begins once", "it begins 2 times"),
            ("begins once", "it begins 2 times"),
            ("how it ends: killed by SIGINT", "it exited 1"),
        ),
        ((_RAISES_AND_ELSE, _AFTERWARDS),),
    ),
    Wrong(
        "07.1",
        "catch the KeyboardInterrupt that does not arrive",
        _NO_RECORD,
        (("asyncio.CancelledError", "KeyboardInterrupt"),),
    ),
    Wrong(
        "07.2",
        "cancel them all, also who was asked already",
        (("the cleanup of 2 jobs", "0 of 2 finished"),),
        (("            if not task.cancelling():\n                task", "            task"),),
    ),
    Wrong(
        "07.2",
        "think of the Ctrl-C, and not of the error",
        ((_LAST, "main ended before job-2, job-3, job-4"),),
        ((_GATHER, _WAITS_AFTER_A_CANCELLATION),),
    ),
    Wrong(
        "07.2",
        "wait for all, and hear of no error",
        (("as far as that", "it had not ended"),),
        ((_GATHER, _KEEPS_WAITING),),
        hangs=True,
    ),
    Wrong(
        "07.2",
        "shield the gather",
        ((_LAST, "main ended before job-1, job-2, job-3, job-4"), (_LAST, "main ended before job-2, job-3, job-4")),
        ((_GATHER, _SHIELDS),),
    ),
    Wrong(
        "07.2",
        "a task group, whose error is another one",
        (("main raises the ValueError", "main ended with ExceptionGroup"),),
        ((_GATHER, _GROUP), (_TASKS, "")),
    ),
    Wrong(
        "07.2",
        "wait for all of them, and tell nobody",
        (("how it ends", "it exited 0"), ("main raises the ValueError", "main ended with finished")),
        ((_GATHER, _SWALLOWS),),
    ),
    Wrong(
        "07.3",
        "a cleanup without protection",
        (("the cleanup of 2 jobs", "0 of 2 finished"), (_CLEAN, "'cleanup' is broken, 'leaks' is broken")),
        (("cancelkit.finish(desk.tidy_up())", "desk.tidy_up()"),),
    ),
    Wrong(
        "07.3",
        "leave the shield",
        (
            ("the cleanup of 2 jobs", "0 of 2 finished"),
            (_LAST, "main ended before"),
            (_CLEAN, "'cleanup' is broken, 'leaks' is broken"),
        ),
        (("cancelkit.finish(", "asyncio.shield("),),
    ),
    Wrong(
        "07.3",
        "leave the last line",
        (("the cleanup of 2 jobs", "0 of 2 finished"), (_CLEAN, "'awaiting' is broken, 'cleanup' is broken")),
        (("cancelkit.run(", "asyncio.run("),),
    ),
    Wrong(
        "07.3",
        "leave the gather, as finish and run save the cleanup",
        ((_LAST, "main ended before job-1, job-2"), (_LAST, "main ended before job-1, job-2")),
        ((_IN_A_GROUP, _IN_A_GATHER),),
    ),
    Wrong(
        "07.3",
        "exit as after a Ctrl-C, whatever came",
        (("how it ends", "it exited 130"), (_CLEAN, "'exit' is broken")),
        (("cancelkit.run(main())", _SAYS_130),),
    ),
    Wrong(
        "07.3",
        "end as if nothing had happened",
        (
            (_CLEAN, "'exit' is broken"),
            (_CLEAN, "'exit' is broken"),
            ("how it ends", "it exited 0"),
            (_CLEAN, "'exit'"),
        ),
        (("cancelkit.run(main())", _SAYS_NOTHING),),
    ),
)

test_it_is_refused_for_what_is_wrong = each_is_refused(WRONG)
