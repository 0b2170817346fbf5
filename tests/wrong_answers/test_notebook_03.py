"""Wrong answers to the exercises of notebook 03."""

from __future__ import annotations

from wrong_answers import Wrong, each_is_refused

_WAITS = "    print(await asyncio.gather(*tasks, return_exceptions=True))"

_CANCELS_AGAIN = """\
    try:
        print(await asyncio.gather(*tasks))
    except asyncio.CancelledError:
        [task.cancel() for task in tasks]
        raise"""

_SWALLOWS = """\
    try:
        print(await asyncio.gather(*tasks))
    except asyncio.CancelledError:
        pass"""

_EXITS = """\
    try:
        print(await asyncio.gather(*tasks))
    except asyncio.CancelledError:
        raise SystemExit(130) from None"""

_RESULTS = ("'result of job-1'", "printed not at all")

_TWO_OF_SEVEN = (("7 jobs begin", "2 jobs began"), ("the cleanup of 7 jobs", "2 of 2 finished"), _RESULTS)

_ASKS_IN_TIME = """\
            if owner.cancelling():
                raise asyncio.CancelledError  # too late to begin
"""

WRONG = (
    Wrong(
        "03.1",
        "cancel them all oneself, to be sure",
        (("the cleanup of 4 jobs", "2 of 4 finished"),),
        ((_WAITS, _CANCELS_AGAIN),),
    ),
    Wrong(
        "03.1",
        "swallow the cancellation",
        (("the cleanup of 4 jobs", "2 of 4 finished"), ("how it ends", "it exited 0")),
        ((_WAITS, _SWALLOWS),),
    ),
    Wrong(
        "03.1",
        "let nobody wait: it ends before the signal can come",
        (("as far as that", "signal 1 was not sent, as holding=4 did not come"), *_TWO_OF_SEVEN),
        ((_WAITS, "    print(len(tasks))"),),
    ),
    Wrong(
        "03.1",
        "wait for the tasks, and forget the results",
        (_RESULTS,),
        ((_WAITS, "    await asyncio.wait(tasks)"),),
    ),
    Wrong(
        "03.1",
        "one after the other: nothing is queued",
        (("as far as that", "it had not ended"),),
        (("asyncio.Semaphore(2)", "asyncio.Semaphore(1)"),),
        hangs=True,
    ),
    Wrong(
        "03.1",
        "exit at once with the right status",
        (("the cleanup of 4 jobs", "2 of 4 finished"),),
        ((_WAITS, _EXITS),),
    ),
    Wrong(
        "03.2",
        "as it was",
        (("no-late-start", "a slot gets free: job-3 began after the first signal"),),
        (("owner.cancelling()", "False"),),
    ),
    Wrong(
        "03.2",
        "ask oneself: the job's own task is cancelled later",
        (("no-late-start", "job-3 began after the first signal"),),
        (("owner.cancelling()", "asyncio.current_task().cancelling()"),),
    ),
    Wrong(
        "03.2",
        "give a turn to the others first",
        (("no job begins", "job-3 began after it"),),
        ((_ASKS_IN_TIME, "            await asyncio.sleep(0)\n"),),
    ),
    Wrong(
        "03.2",
        "wait for a while first",
        (("no job begins", "job-3 began after it"),),
        ((_ASKS_IN_TIME, "            await asyncio.sleep(0.1)\n"),),
    ),
    Wrong(
        "03.2",
        "ask before the wait for a place, not after it",
        (("no-late-start", "job-3 began after the first signal"),),
        (
            ("        async with slots:\n            if owner", "        if True:\n            if owner"),
            ("            return await job()", "            async with slots:\n                return await job()"),
        ),
    ),
    Wrong(
        "03.2",
        "one at a time: then nobody waits for a place that gets free",
        tuple((promise, "never ran more than 1 job") for promise in ("limit", "no-late-start", "results")),
        (("asyncio.Semaphore(max_concurrent)", "asyncio.Semaphore(1)"),),
    ),
    Wrong(
        "03.2",
        "leave a job out instead of ending it",
        (("results", ""),),
        (("[task.result() for task in running]", "[task.result() for task in reversed(running)]"),),
    ),
    Wrong(
        "03.2",
        "another name",
        (("it can be used", "run_tasks"),),
        (("async def run_tasks", "async def my_run_tasks"),),
    ),
)

test_it_is_refused_for_what_is_wrong = each_is_refused(WRONG)
