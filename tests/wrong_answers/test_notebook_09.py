"""Wrong answers to the exercises of notebook 09."""

from __future__ import annotations

from wrong_answers import Wrong, each_is_refused

_LOST = "no cleanup is lost or interrupted"
_HANGS = "it never hangs"
_WITHOUT = "without a signal it holds"

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

_EXITS = """\
import asyncio
import os

import cancelkit
from cancelkit.trace import holding


async def job():
    with holding("a seat") as released:
        try:
            await asyncio.sleep(1.3)
            released()
        except asyncio.CancelledError:
            os._exit(130)


cancelkit.run(cancelkit.run_tasks([job], 1))
"""

_ONE_BELOW_THE_OTHER = """\
import asyncio

import cancelkit
from cancelkit.trace import holding


async def give_back(released):
    await asyncio.sleep(0.1)
    released()


async def job():
    with holding("a file") as closed:
        left = None
        try:
            await asyncio.sleep(0.1)
            with holding("a seat") as left:
                await asyncio.sleep(1)
        finally:
            if left is not None:
                await cancelkit.finish(give_back(left))
            await cancelkit.finish(give_back(closed))


cancelkit.run(cancelkit.run_tasks([job], 1))
"""

_ONE_TRY = """\
import asyncio

import cancelkit
from cancelkit.trace import holding


async def give_back(first, second):
    for released in (first, second):
        await asyncio.sleep(0.1)
        released()


async def job():
    with holding("a file") as closed:
        await asyncio.sleep(0.1)
        with holding("a seat") as left:
            try:
                await asyncio.sleep(1)
            finally:
                await cancelkit.finish(give_back(left, closed))


cancelkit.run(cancelkit.run_tasks([job], 1))
"""

_FILE = "            await cancelkit.finish(give_back(closed))"

WRONG = (
    Wrong("09.1", "the try begins too late", ((_LOST, "at line 16"),), ((_INSIDE, _OUTSIDE),)),
    Wrong(
        "09.1",
        "a shield, and nobody waits for what is in it",
        ((_LOST, "at"),),
        (("cancelkit.finish(leave(released))", "asyncio.shield(leave(released))"),),
    ),
    Wrong(
        "09.1",
        "give it back below the cleanup",
        ((_LOST, "at"),),
        (
            ("    await asyncio.sleep(0.1)\n    released()\n", "    await asyncio.sleep(0.1)\n"),
            ("cancelkit.finish(leave(released))", "cancelkit.finish(leave(released))\n            released()"),
        ),
    ),
    Wrong(
        "09.1",
        "say that it is given back before it is",
        ((_WITHOUT, "nothing"),),
        (('with holding("a seat") as released:', "released = print\n    if True:"),),
    ),
    Wrong(
        "09.1",
        "catch the interrupt outside, so that nobody sees a traceback",
        (("the interrupt is not swallowed", "at"),),
        (("cancelkit.run(cancelkit.run_tasks([job], 1))", _CATCHES),),
    ),
    Wrong("09.1", "leave at once, with the right number", ((_HANGS, "nobody can name"),), text=_EXITS),
    Wrong(
        "09.1",
        "give it back at once, and nothing can be lost",
        ((_WITHOUT, "it gives back a seat too early"),),
        (
            ("    await asyncio.sleep(0.1)\n    released()\n", "    await asyncio.sleep(0.1)\n"),
            ("        try:\n", "        released()\n        try:\n"),
        ),
    ),
    Wrong("09.1", "no loop at all", (("it can be swept", "never runs an event loop"),), text="print('a seat')\n"),
    Wrong(
        "09.2",
        "as it was",
        ((_LOST, "at some pairs"), (_HANGS, "at some pairs")),
        (("cancelkit.run(job())", "asyncio.run(job())"),),
    ),
    Wrong(
        "09.2",
        "the runner alone",
        ((_LOST, "at"), (_LOST, "at some pairs")),
        (("await cancelkit.finish(leave(released))", "await leave(released)"),),
    ),
    Wrong(
        "09.2",
        "hold nothing, lose nothing",
        ((_WITHOUT, "it holds nothing"),),
        (('with holding("a seat") as released:', "released = print\n    if True:"),),
    ),
    Wrong(
        "09.2",
        "catch the KeyboardInterrupt outside",
        (("the interrupt is not swallowed", "at"), ("the interrupt is not swallowed", "at some pairs")),
        (("cancelkit.run(job())", "try:\n    cancelkit.run(job())\nexcept KeyboardInterrupt:\n    pass"),),
    ),
    Wrong("09.3", "one below the other", ((_LOST, "a line of cancelkit/shutdown.py"),), text=_ONE_BELOW_THE_OTHER),
    Wrong("09.3", "both in one, where there is a seat", ((_LOST, "at line 16"),), text=_ONE_TRY),
    Wrong(
        "09.3",
        "finish for the seat alone",
        ((_LOST, "at line"),),
        ((_FILE, "            await give_back(closed)"),),
    ),
    Wrong(
        "09.3",
        "a shield, which nobody waits for once it was cancelled",
        ((_LOST, "at line"),),
        ((_FILE, _FILE.replace("cancelkit.finish", "asyncio.shield")),),
    ),
    Wrong(
        "09.3",
        "an error is what there may be",
        ((_LOST, "at line"),),
        (
            (
                "        finally:\n" + _FILE,
                "        except Exception:\n            raise\n        await cancelkit.finish(give_back(closed))",
            ),
        ),
    ),
    Wrong(
        "09.3",
        "one thing only, so that there is only one to lose",
        ((_WITHOUT, "it holds a file"),),
        (('with holding("a seat") as left:', "left = print\n            if True:"),),
    ),
)

test_it_is_refused_for_what_is_wrong = each_is_refused(WRONG)
