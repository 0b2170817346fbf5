"""Wrong answers to the exercises of notebook 11."""

from __future__ import annotations

from wrong_answers import Wrong, each_is_refused

_SUPPRESSES = "        with contextlib.suppress(OSError):"

_SAYS_SO = '        print("upload: cleaned up")'

_CATCHES = """\
            await asyncio.sleep(60)  # the server takes its time
    except BaseException:
        sys.exit(130)"""

_WAITS = "            await asyncio.sleep(60)  # the server takes its time"

_KEPT = ("whoever is asked", "upload finished")

_ASKS = "if task.cancelling() and not task.cancelled()]"

_FINISHES = "    await cancelkit.finish(asyncio.wait([beat]))"

_ASKS_ITSELF = """\
    try:
        await beat
    except asyncio.CancelledError:
        if asyncio.current_task().cancelling():
            raise"""

_SHIELDS = """\
    try:
        await asyncio.shield(beat)
    except asyncio.CancelledError:
        pass"""

_EXITS = """\
    try:
        await beat
    except asyncio.CancelledError:
        raise SystemExit(130) from None"""

_KEEPS_IT = """\
    try:
        await cancelkit.finish(asyncio.wait([beat]))
    except asyncio.CancelledError:
        pass"""

_LOST = ("'pulse: is gone'", "printed not at all")
_PUBLISHED = ("nothing is published", "'upload: published' was printed")

WRONG = (
    Wrong(
        "11.1",
        "mend the suppress, and leave the return",
        (_KEPT,),
        ((_SAYS_SO, f"{_SAYS_SO}\n        return"),),
    ),
    Wrong(
        "11.1",
        "mend the return, and leave the suppress",
        (_KEPT,),
        (("suppress(OSError)", "suppress(BaseException)"),),
    ),
    Wrong(
        "11.1",
        "suppress the cancellation by its name",
        (_KEPT,),
        (("suppress(OSError)", "suppress(OSError, asyncio.CancelledError)"),),
    ),
    Wrong(
        "11.1",
        "suppress nothing: a server that refuses does harm",
        (("how it ends: exited 0", "it exited 1"),),
        ((_SUPPRESSES, "        if True:"),),
    ),
    Wrong(
        "11.1",
        "leave the program from within the job, with the right status",
        (("whoever is asked", "upload failed"),),
        ((_WAITS, _CATCHES),),
    ),
    Wrong(
        "11.1",
        "clean up only if it is not cancelled",
        (("'upload: cleaned up'", "printed not at all"),),
        (("    finally:\n", "    except ZeroDivisionError:\n        pass\n    else:\n"),),
    ),
    Wrong(
        "11.2",
        "who is not cancelled",
        tuple(("asked, and not cancelled", "login") for _ in range(3)),
        ((_ASKS, "if not task.cancelled()]"),),
    ),
    Wrong(
        "11.2",
        "who was asked and has ended",
        (
            ("not cancelled: upload", "download index upload"),
            ("not cancelled: download index", "download index upload"),
            ("not cancelled: nobody", "download index upload"),
        ),
        ((_ASKS, "if task.cancelling() and task.done()]"),),
    ),
    Wrong(
        "11.2",
        "who was asked and ended without an error: a cancelled task raises when it is asked for one",
        tuple(("asked, and not cancelled", "nothing") for _ in range(3)),
        ((_ASKS, "if task.cancelling() and task.exception() is None]"),),
    ),
    Wrong(
        "11.2",
        "only who swallowed it, and not who answered with an error",
        (("not cancelled: download index", "'asked, and not cancelled: download'"),),
        ((_ASKS, "if task.cancelling() and not task.cancelled() and not task.exception()]"),),
    ),
    Wrong(
        "11.2",
        "print what is expected the first time",
        (("not cancelled: download index", "upload'"), ("not cancelled: nobody", "upload'")),
        (('*names or ["nobody"]', '"upload"'),),
    ),
    Wrong(
        "11.3",
        "as it was: keep whatever arrives",
        (_PUBLISHED, _LOST, ("how it ends", "it exited 0")),
        ((_FINISHES, _ASKS_ITSELF.replace("if asyncio.current_task().cancelling():\n            raise", "pass")),),
    ),
    Wrong(
        "11.3",
        "ask whose it is: but an await has handed it down",
        (_LOST,),
        ((_FINISHES, _ASKS_ITSELF),),
    ),
    Wrong(
        "11.3",
        "wait for it with a gather, which hands it down as well",
        (_LOST,),
        ((_FINISHES, "    await asyncio.gather(beat, return_exceptions=True)"),),
    ),
    Wrong(
        "11.3",
        "wait without handing it down: but upload leaves, and the loop is closed",
        (_LOST,),
        ((_FINISHES, "    await asyncio.wait([beat])"),),
    ),
    Wrong(
        "11.3",
        "shield the pulse, and keep the cancellation",
        (_PUBLISHED, _LOST, ("how it ends", "it exited 0")),
        ((_FINISHES, _SHIELDS),),
    ),
    Wrong(
        "11.3",
        "exit with the right status, whosever it is",
        (_LOST, ("printed is", "'pulse: is gone'"), ("how it ends: exited 0", "it exited 130")),
        ((_FINISHES, _EXITS),),
    ),
    Wrong(
        "11.3",
        "finish the goodbye, and keep the cancellation",
        (_PUBLISHED, ("how it ends", "it exited 0")),
        ((_FINISHES, _KEEPS_IT),),
    ),
)

test_it_is_refused_for_what_is_wrong = each_is_refused(WRONG)
