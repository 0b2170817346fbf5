"""Programs that deserve a verdict each, once interrupted in their long wait; the argument is the name of one."""

import asyncio
import contextlib
import sys
import threading

from cancelkit.shutdown import finish
from cancelkit.trace import holding

HOUR = 3600.0


async def clean() -> None:
    with holding("a record") as released:
        try:
            await asyncio.sleep(HOUR)
        finally:
            released()


async def loses_what_it_holds() -> None:
    with holding("a record"):
        await asyncio.sleep(HOUR)  # the record is lost here


async def child_that_loses() -> None:
    with holding("a record"):
        await asyncio.sleep(HOUR)  # the child's record is lost here


async def loses_in_a_child() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(child_that_loses())


async def loses_and_fails() -> None:
    with holding("a record"):
        try:
            await asyncio.sleep(HOUR)  # lost, and it fails as well
        except asyncio.CancelledError:
            raise ValueError("of its own") from None


async def finishes() -> None:
    try:
        await asyncio.sleep(HOUR)
    finally:
        await finish(asyncio.sleep(1))


async def cleans_up_slowly() -> None:
    try:
        await asyncio.sleep(HOUR)
    finally:
        await asyncio.sleep(1)  # a cleanup that the second signal reaches


async def is_in_its_cleanup() -> None:
    try:
        await asyncio.sleep(0)
    finally:
        await asyncio.sleep(HOUR)  # a cleanup that the first signal reaches


async def holder() -> None:
    with holding("a record") as released:
        await asyncio.sleep(1)
        released()


async def starts_late() -> None:
    try:
        await asyncio.sleep(HOUR)
    finally:
        await asyncio.create_task(holder())


async def slow_worker() -> None:
    await asyncio.sleep(2 * HOUR)
    with holding("a record") as released:
        released()


async def goes_on_with_old_work() -> None:
    worker = asyncio.create_task(slow_worker())
    try:
        await asyncio.sleep(HOUR)
    finally:
        await worker


async def under_way() -> None:
    str(1)  # before it takes hold of anything
    with holding("a record") as released:
        try:
            await asyncio.sleep(HOUR)
        finally:
            released()


async def begins() -> None:
    await asyncio.create_task(under_way())


async def swallows() -> None:
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(HOUR)


async def fails() -> None:
    try:
        await asyncio.sleep(HOUR)
    except asyncio.CancelledError:
        raise ValueError("of its own") from None


async def exits_otherwise() -> None:
    try:
        await asyncio.sleep(HOUR)
    except asyncio.CancelledError:
        sys.exit(3)


async def never_awaits() -> None:
    try:
        await asyncio.sleep(HOUR)
    finally:
        asyncio.sleep(0)  # type: ignore[unused-coroutine]


async def leaves_a_thread() -> None:
    try:
        await asyncio.sleep(HOUR)
    finally:
        threading.Thread(target=threading.Event().wait, daemon=True, name="of no use").start()


async def leaves_a_file() -> None:
    try:
        await asyncio.sleep(HOUR)
    finally:
        kept.append(open(sys.argv[0]))  # noqa: ASYNC230, PTH123, SIM115


async def left_pending() -> None:
    await asyncio.sleep(HOUR)


async def hangs() -> None:
    try:
        await asyncio.sleep(HOUR)
    except asyncio.CancelledError:
        await asyncio.get_running_loop().create_future()  # for ever


kept: list[object] = []

if __name__ == "__main__":
    main = vars()[sys.argv[1]]
    if sys.argv[1] == "left_pending":
        loop = asyncio.new_event_loop()
        try:
            loop.run_until_complete(main())
        finally:
            loop.close()
    else:
        asyncio.run(main())
