"""Wrong answers to the exercises of notebook 09."""

from __future__ import annotations

from wrong_answers import Wrong

_LOST = "no cleanup is lost or interrupted"
_HANGS = "it never hangs"

_OUTSIDE = """\
    with holding("a seat") as released:
        await asyncio.sleep(0.1)
        try:"""

_INSIDE = """\
    with holding("a seat") as released:
        try:
            await asyncio.sleep(0.1)"""

_CATCHES = """\
try:
    cancelkit.run(cancelkit.run_tasks([job], 1))
except KeyboardInterrupt:
    pass"""

WRONG = (
    Wrong("09.1", "the try begins too late", ((_LOST, "it is at line 16"),), ((_INSIDE, _OUTSIDE),)),
    Wrong(
        "09.1",
        "a shield, and nobody waits for what is in it",
        ((_LOST, "it is at"),),
        (("cancelkit.finish(leave(released))", "asyncio.shield(leave(released))"),),
    ),
    Wrong(
        "09.1",
        "give it back below the cleanup",
        ((_LOST, "it is at"),),
        (
            ("    await asyncio.sleep(0.1)\n    released()\n", "    await asyncio.sleep(0.1)\n"),
            ("cancelkit.finish(leave(released))", "cancelkit.finish(leave(released))\n            released()"),
        ),
    ),
    Wrong(
        "09.1",
        "say that it is given back before it is",
        (("without a signal", "nothing"),),
        (('with holding("a seat") as released:', "released = print\n    if True:"),),
    ),
    Wrong(
        "09.1",
        "catch the interrupt outside, so that nobody sees a traceback",
        (("the interrupt is not swallowed", "it is at"),),
        (("cancelkit.run(cancelkit.run_tasks([job], 1))", _CATCHES),),
    ),
    Wrong("09.1", "no loop at all", (("it can be swept", "never runs an event loop"),), text="print('a seat')\n"),
    Wrong(
        "09.2",
        "as it was",
        ((_LOST, "it is, at some pairs"), (_HANGS, "it is, at some pairs")),
        (("cancelkit.run(job())", "asyncio.run(job())"),),
    ),
    Wrong(
        "09.2",
        "the runner alone",
        ((_LOST, "it is at"), (_LOST, "it is, at some pairs")),
        (("await cancelkit.finish(leave(released))", "await leave(released)"),),
    ),
    Wrong(
        "09.2",
        "hold nothing, lose nothing",
        (("without a signal", "it holds nothing"),),
        (('with holding("a seat") as released:', "released = print\n    if True:"),),
    ),
    Wrong(
        "09.2",
        "catch the KeyboardInterrupt outside",
        (("the interrupt is not swallowed", "it is at"), ("the interrupt is not swallowed", "it is, at some pairs")),
        (("cancelkit.run(job())", "try:\n    cancelkit.run(job())\nexcept KeyboardInterrupt:\n    pass"),),
    ),
)
