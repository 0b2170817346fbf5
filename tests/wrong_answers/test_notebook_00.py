"""Wrong answers to the exercises of notebook 00."""

from __future__ import annotations

from wrong_answers import Wrong, each_is_refused

_BEGINS_LATE = '"created=7"'
_HOLD_NOTHING = '"begun=2,holding=0"'
_TWO_LOST = '"cleaning=2"'

_FINISHED = "        await finish(desk.tidy_up())"

_CATCHES_AT_THE_END = """\
try:
    asyncio.run(main())
except KeyboardInterrupt:
    pass"""

_ASYNCIO = ("from cancelkit import finish, run\n", "import asyncio\n\nfrom cancelkit import finish, run\n")

_CATCHES_HERE = """\
    try:
        await job("job-1", 0.1)
        await job("job-2", 60)
    except BaseException:
        raise SystemExit(0) from None"""

_TWO_JOBS = """\
    await job("job-1", 0.1)
    await job("job-2", 60)"""

_ACQUIRES = """\
    try:
        await desk.acquire()
"""

_ACQUIRES_FIRST = """\
    await desk.acquire()
    try:
"""

_ONLY_SAYS_SO = """\
        for what in ("begun", "halfway", "finished"):
            say(f"cleanup {what}", name)
            await asyncio.sleep(0.1)"""

WRONG = (
    Wrong(
        "00.1",
        "before main's first step",
        (("job-1 begins after the signal", "it never began"),),
        ((_BEGINS_LATE, '"before-start"'),),
    ),
    Wrong(
        "00.1",
        "when job-1 begins",
        (("job-1 begins after the signal", "it had begun before it"),),
        ((_BEGINS_LATE, '"begun=2"'),),
    ),
    Wrong(
        "00.1",
        "during the cleanup that the signal is to cause, which has not come by then",
        (("two cleanups are lost", "that moment did not come"),),
        ((_TWO_LOST, '"cleaning=2,ended=2"'),),
        hangs=True,
    ),
    Wrong(
        "00.1",
        "press twice",
        (("it can be read", "is 2 moments; give one here"),),
        ((_TWO_LOST, '"holding=4 then halfway=4"'),),
    ),
    Wrong(
        "00.1",
        "too late: when both hold something, and when both have cleaned up",
        (
            ("two jobs have begun before it", "2 had begun, and 2 got hold of something"),
            ("two cleanups are lost", "none lost its cleanup"),
        ),
        ((_HOLD_NOTHING, '"holding=2"'), (_TWO_LOST, '"cleaned=2"')),
    ),
    Wrong(
        "00.1",
        "too early: when the tasks have been made, and when both are at work",
        (
            ("two jobs have begun before it", "none had begun, and none got hold of something"),
            ("two cleanups are lost", "of 2 jobs that began none lost its cleanup"),
        ),
        ((_HOLD_NOTHING, '"created=7,holding=0"'), (_TWO_LOST, '"holding=2"')),
    ),
    Wrong(
        "00.1",
        "a name that is none, and no number",
        (("it can be read", "'tasks' in the moment"), ("it can be read", "is not NAME=NUMBER")),
        ((_BEGINS_LATE, '"tasks=7"'), (_TWO_LOST, '"cleaning"')),
    ),
    Wrong(
        "00.1",
        "say what is to happen",
        (("it prints three lines", "it printed 1, and exited 0"),),
        text='print("job-1 begins late, two hold nothing, two are lost")\n',
    ),
    Wrong(
        "00.2",
        "run alone",
        (("finishes its cleanup", "job-1 did not"),),
        ((_FINISHED, "        await desk.tidy_up()"),),
    ),
    Wrong(
        "00.2",
        "finish alone",
        (("the cleanup of 2 jobs", "1 of 2 finished"),),
        (_ASYNCIO, ("\nrun(main())", "\nasyncio.run(main())")),
    ),
    Wrong(
        "00.2",
        "a finally alone",
        (("the cleanup of 2 jobs", "1 of 2 finished"), ("finishes its cleanup", "job-1 did not")),
        (_ASYNCIO, ("\nrun(main())", "\nasyncio.run(main())"), (_FINISHED, "        await desk.tidy_up()")),
    ),
    Wrong(
        "00.2",
        "shield instead of finish",
        (("finishes its cleanup", "job-1 did not"),),
        (_ASYNCIO, (_FINISHED, "        await asyncio.shield(desk.tidy_up())")),
    ),
    Wrong(
        "00.2",
        "catch the KeyboardInterrupt at the end",
        (
            ("the cleanup of 2 jobs", "1 of 2 finished"),
            ("how it ends", "it exited 0"),
            ("how it ends", "it exited 0"),
        ),
        (_ASYNCIO, ("\nrun(main())", f"\n{_CATCHES_AT_THE_END}")),
    ),
    Wrong(
        "00.2",
        "catch everything in main",
        (
            ("the cleanup of 2 jobs", "1 of 2 finished"),
            ("how it ends", "it exited 0"),
            ("how it ends", "it exited 0"),
        ),
        (_ASYNCIO, (_TWO_JOBS, _CATCHES_HERE), ("\nrun(main())", "\nasyncio.run(main())")),
    ),
    Wrong(
        "00.2",
        "get hold of things first, and begin to try then",
        (("no half-written file", "job-1.part"),),
        ((_ACQUIRES, _ACQUIRES_FIRST),),
    ),
    Wrong(
        "00.2",
        "only say so",
        (
            ("the cleanup of 2 jobs", "the server has heard no goodbyes"),
            ("finishes its cleanup", "job-1 did not"),
            ("no half-written file", "job-1.part"),
            ("the cleanup of 2 jobs", "the server has heard no goodbyes"),
        ),
        (_ASYNCIO, (_FINISHED, _ONLY_SAYS_SO)),
    ),
)

test_it_is_refused_for_what_is_wrong = each_is_refused(WRONG)
