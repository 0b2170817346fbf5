"""Wrong answers to the exercises of notebook 02."""

from __future__ import annotations

from wrong_answers import Wrong, each_is_refused

_ACQUIRES = """\
    try:
        await source.acquire()
        await target.acquire()
"""

_ACQUIRES_FIRST = """\
    await source.acquire()
    await target.acquire()
    try:
"""

_SOURCE_FIRST = """\
    await source.acquire()
    try:
        await target.acquire()
"""

_CATCHES_ERRORS = """\
    await source.acquire()
    try:
        await target.acquire()
    except Exception:
        await source.tidy_up()
        raise
    try:
"""

_SHIELDS = """\
    await source.acquire()
    await asyncio.shield(target.acquire())
    try:
"""

_EXITS = """\
    await source.acquire()
    try:
        await target.acquire()
    except asyncio.CancelledError:
        raise SystemExit(130) from None
    try:
"""

_SWALLOWS = """\
    await source.acquire()
    try:
        await target.acquire()
    except asyncio.CancelledError:
        await source.tidy_up()
        return
    try:
"""

_CLEANS_UP = """\
    finally:
        await target.tidy_up()
        await source.tidy_up()
"""

_ON_CANCELLATION = """\
    except asyncio.CancelledError:
        await target.tidy_up()
        await source.tidy_up()
        raise
"""

_IN_ITS_SLOT = """\
    async with slots:
        say("begun", "new")
"""

_WAITS_A_WHILE = """\
    await asyncio.sleep(0.1)
    say("begun", "new")
"""

_GIVES_TURNS = """\
    for _ in range(5):
        await asyncio.sleep(0)
    say("begun", "new")
"""

_GIVES_A_TURN = """\
    await asyncio.sleep(0)
    say("begun", "new")
"""

_ASKS_ITSELF = """\
    if not asyncio.current_task().cancelling():
        say("begun", "new")
"""

_ANOTHER_SEMAPHORE = """\
    async with asyncio.Semaphore(1):
        say("begun", "new")
"""

_WAITS_FOR_EVER = """\
    await asyncio.Event().wait()
    say("begun", "new")
"""

_SHIELDED = """\
    try:
        say("begun", "new")
    except asyncio.CancelledError:
        pass
"""

_STARTS_NEW = '        group.create_task(new(), name="new")\n'

_WHEN_IT_HAS_ENDED = "    task.add_done_callback(lambda _: lock.unlink())\n"

_WAITS = "    await asyncio.Event().wait()\n\nasyncio.run"

_CATCHES = """\
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        lock.unlink()
        raise

asyncio.run"""

_ENDS_IT = """\
    try:
        await asyncio.Event().wait()
    finally:
        task.cancel()
        lock.unlink()

asyncio.run"""

_ENDS_IT_AND_WAITS = """\
    task = asyncio.create_task(work(lock), name="work")
    try:
        await go_on()
    finally:
        task.cancel()
        await asyncio.wait([task])
        lock.unlink()

async def go_on():
"""

_STARTS_TASK = '    task = asyncio.create_task(work(lock), name="work")\n'

_IN_THE_TASK = """\
        say("cleanup finished", "work")
        lock.unlink()
"""

_FINISHED = '        say("cleanup finished", "work")\n'

_ALL_OF_MAIN = """\
async def main(lock):
    try:
        await start(lock)
    finally:
        lock.unlink()

async def start(lock):
"""

_RUNS = 'asyncio.run(main(Path(tempfile.gettempdir(), "work.lock")))'

_CATCHES_OUTSIDE = """\
try:
    asyncio.run(main(Path(tempfile.gettempdir(), "work.lock")))
except KeyboardInterrupt:
    Path(tempfile.gettempdir(), "work.lock").unlink()"""

_BOTH = (("the goodbye of source and target", "it hears that of nobody"), ("nothing is left", "target.part"))
_HALF = ("no half-written file", "source.part")
_GOODBYE, _LEFT = ("the goodbye of source", "it hears that of nobody"), ("nothing is left", "source.part")

WRONG = (
    Wrong(
        "02.1",
        "a handler of errors, which a cancellation is not",
        (_HALF, _GOODBYE, _LEFT),
        ((_ACQUIRES, _CATCHES_ERRORS),),
    ),
    Wrong(
        "02.1",
        "a shield: who waits is cancelled all the same",
        (_HALF, _GOODBYE, _LEFT, *_BOTH),
        ((_ACQUIRES, _SHIELDS),),
    ),
    Wrong(
        "02.1",
        "get hold of the source first, and begin to try then",
        (_HALF,),
        ((_ACQUIRES, _SOURCE_FIRST),),
    ),
    Wrong(
        "02.1",
        "exit with the right status",
        (_HALF, _GOODBYE, _LEFT, ("ends as cancelled", "copy failed")),
        ((_ACQUIRES, _EXITS),),
    ),
    Wrong(
        "02.1",
        "clean up, and keep the cancellation",
        (_HALF, ("ends as cancelled", "copy finished")),
        ((_ACQUIRES, _SWALLOWS),),
    ),
    Wrong(
        "02.1",
        "clean up when cancelled, and only then",
        (("the goodbye of source and target", "it hears that of nobody"),),
        ((_CLEANS_UP, _ON_CANCELLATION),),
    ),
    Wrong(
        "02.1",
        "clean up the one, and forget the other",
        (
            ("the goodbye of source and target", "it hears that of source"),
            ("nothing is left", "target.part"),
            ("the goodbye of source and target", "it hears that of source"),
        ),
        (("        await target.tidy_up()\n", ""),),
    ),
    Wrong(
        "02.2",
        "give a turn to the others first",
        (("no job begins", "new began after it"),),
        ((_IN_ITS_SLOT, _GIVES_A_TURN),),
    ),
    Wrong(
        "02.2",
        "give five turns to the others first",
        (("no job begins", "new began after it"),),
        ((_IN_ITS_SLOT, _GIVES_TURNS),),
    ),
    Wrong(
        "02.2",
        "wait for a while first",
        (("no job begins", "new began after it"),),
        ((_IN_ITS_SLOT, _WAITS_A_WHILE),),
    ),
    Wrong(
        "02.2",
        "ask its own task, which nobody has cancelled yet",
        (("no job begins", "new began after it"),),
        ((_IN_ITS_SLOT, _ASKS_ITSELF),),
    ),
    Wrong(
        "02.2",
        "a semaphore of its own, with a free slot",
        (("no job begins", "new began after it"),),
        ((_IN_ITS_SLOT, _ANOTHER_SEMAPHORE),),
    ),
    Wrong(
        "02.2",
        "more slots: one is free",
        (("no job begins", "new began after it"),),
        (("asyncio.Semaphore(1)", "asyncio.Semaphore(2)"),),
    ),
    Wrong(
        "02.2",
        "catch the cancellation, which has not come",
        (("no job begins", "new began after it"),),
        ((_IN_ITS_SLOT, _SHIELDED),),
    ),
    Wrong(
        "02.2",
        "do not start it at all",
        (("2 jobs begin", "1 job began"),),
        ((_STARTS_NEW, ""),),
    ),
    Wrong(
        "02.2",
        "wait for something that never comes",
        (("as far as that", "it had not ended"),),
        ((_IN_ITS_SLOT, _WAITS_FOR_EVER),),
        hangs=True,
    ),
    Wrong(
        "02.3",
        "leave it to the task, which never runs a line",
        (("the lock is removed", "it is still there"),),
        ((_WHEN_IT_HAS_ENDED, ""), (_FINISHED, _IN_THE_TASK)),
    ),
    Wrong(
        "02.3",
        "when main is left: the task still needs it",
        (("the cleanup of 1 job", "0 of 1 finished"),),
        ((_WHEN_IT_HAS_ENDED, ""), ("async def main(lock):\n", _ALL_OF_MAIN)),
    ),
    Wrong(
        "02.3",
        "when main is cancelled, and the second one is no cancellation",
        (("the lock is removed", "it is still there"), ("the cleanup of 1 job", "0 of 1 finished")),
        ((_WHEN_IT_HAS_ENDED, ""), (_WAITS, _CATCHES)),
    ),
    Wrong(
        "02.3",
        "cancel the task, and do not wait for its end",
        (("the lock is removed", "it is still there"), ("the cleanup of 1 job", "0 of 1 finished")),
        ((_WHEN_IT_HAS_ENDED, ""), (_WAITS, _ENDS_IT)),
    ),
    Wrong(
        "02.3",
        "cancel the task, and wait: there the first Ctrl-C is delivered, which main still has before it",
        (("the lock is removed", "it is still there"),),
        ((_WHEN_IT_HAS_ENDED, ""), (_STARTS_TASK, _ENDS_IT_AND_WAITS)),
    ),
    Wrong(
        "02.3",
        "have no lock, so that none is left",
        (("the cleanup of 1 job", "0 of 1 finished"),),
        ((_WHEN_IT_HAS_ENDED, ""), ("    lock.touch()\n", "")),
    ),
    Wrong(
        "02.3",
        "remove it at the end, and hide why it ended",
        (("how it ends", "it exited 0"), ("how it ends", "it exited 0")),
        ((_WHEN_IT_HAS_ENDED, ""), (_RUNS, _CATCHES_OUTSIDE)),
    ),
)

test_it_is_refused_for_what_is_wrong = each_is_refused(WRONG)
