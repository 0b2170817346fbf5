"""Wrong answers to the exercises of notebook 05."""

from __future__ import annotations

from wrong_answers import Wrong, each_is_refused

_ONCE = """\
            if not task.cancelling():
                task.cancel()"""

_EVERY_TIME = """\
            task.cancel()"""

_HANDLER = f"""\
        nonlocal status
        status = status or 128 + signum
        for task in tasks:
{_ONCE}"""

_EXITS = """\
        raise SystemExit(128 + signum)"""

_TAKES_THEM_OFF = f"""\
        nonlocal status
        status = 128 + signum
        for signum in (SIGINT, SIGTERM, SIGHUP):
            asyncio.get_running_loop().remove_signal_handler(signum)
        for task in tasks:
{_EVERY_TIME}"""

_READ = """\
        readings.append(asyncio.create_task(read_settings()))"""

_WAITS_FOR_THE_READINGS = """\
    await asyncio.gather(*readings)
"""

_CANCELS_THE_READINGS = """\
    for reading in readings:
        reading.cancel()
    await asyncio.gather(*readings, return_exceptions=True)
"""

_KEEPS_ONE = """\
        readings[:] = [asyncio.create_task(read_settings())]"""

_RESTARTS = """\
        nonlocal worker
        worker.cancel()
        worker = asyncio.create_task(asyncio.sleep(10), name="worker")
        readings.append(asyncio.create_task(read_settings()))"""

_WAITS_AGAIN = """\
    while not received:
        await asyncio.wait([worker])
"""

_TWO_CALLS = """\
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.raise_signal(signal.SIGINT)"""

_CANCELS_AGAIN = """\
            for task in tasks:
                task.cancel()"""

_ASKS = """\
            stopping.set()"""

_CANCELS_THE_SHORT_ONE = """\
            tasks[0].cancel()"""

_SECOND = """\
        elif len(received) == 2:
            for task in tasks:
                task.cancel()
        else:
"""

_LEAVES_AT_THE_SECOND = """\
        else:
"""

WRONG = (
    Wrong(
        "05.1",
        "register for the third signal, no more",
        (("the cleanup of 4 jobs", "2 of 4 finished"), ("how it ends", "")),
        ((_ONCE, _EVERY_TIME), ("status or 128", "128")),
    ),
    Wrong(
        "05.1",
        "let the last signal have the last word",
        (("how it ends", "it exited 129"),),
        (("status or 128", "128"),),
    ),
    Wrong(
        "05.1",
        "cancel every time",
        (("the cleanup of 4 jobs", "2 of 4 finished"),),
        ((_ONCE, _EVERY_TIME),),
    ),
    Wrong(
        "05.1",
        "forget SIGHUP",
        (
            ("the cleanup of 4 jobs", "2 of 4 finished"),
            ("the cleanup of 4 jobs", "2 of 4 finished"),
            ("how it ends", "it was killed by SIGHUP"),
        ),
        (("(SIGINT, SIGTERM, SIGHUP)", "(SIGINT, SIGTERM)"),),
    ),
    Wrong(
        "05.1",
        "raise the exit status in the handler",
        (("the cleanup of 4 jobs", "2 of 4 finished"), ("how it ends", "")),
        ((_HANDLER, _EXITS),),
    ),
    Wrong(
        "05.1",
        "take the handlers off, so that no other signal is heard",
        (("the cleanup of 4 jobs", "2 of 4 finished"), ("how it ends", "")),
        ((_HANDLER, _TAKES_THEM_OFF),),
    ),
    Wrong(
        "05.1",
        "end as after a Ctrl-C, whatever came",
        (("how it ends", "it exited 130"), ("how it ends", "it exited 130")),
        (("status = status or 128 + signum", "status = 130"),),
    ),
    Wrong(
        "05.1",
        "end as if nothing had happened",
        (("how it ends", "it exited 0"), ("how it ends", "it exited 0")),
        (("    raise SystemExit(status)\n", ""),),
    ),
    Wrong(
        "05.2",
        "register the coroutine function itself",
        (("as far as that", "coroutines cannot be used with add_signal_handler"),) * 3,
        (("(SIGHUP, read)", "(SIGHUP, read_settings)"),),
    ),
    Wrong(
        "05.2",
        "call it, which makes a coroutine that nobody awaits",
        (("as far as that", "signal 2 was not sent"),) * 3,
        ((_READ, "        read_settings()"),),
    ),
    Wrong(
        "05.2",
        "run it in a loop of its own",
        (("as far as that", "signal 2 was not sent"),) * 3,
        ((_READ, "        asyncio.run(read_settings())"),),
    ),
    Wrong(
        "05.2",
        "only register for the other two",
        (("as far as that", "signal 2 was not sent"),) * 3,
        (("    asyncio.get_running_loop().add_signal_handler(SIGHUP, read)\n", ""),),
    ),
    Wrong(
        "05.2",
        "begin the worker anew",
        (
            ("nobody is cancelled", "worker was cancelled"),
            ("nobody is cancelled", "worker was cancelled"),
        ),
        ((_READ, _RESTARTS), ("    await asyncio.wait([worker])\n", _WAITS_AGAIN)),
    ),
    Wrong(
        "05.2",
        "do not wait for the reading",
        (("every reading", "of reading 1"), ("every reading", "of reading 1")),
        ((_WAITS_FOR_THE_READINGS, ""),),
    ),
    Wrong(
        "05.2",
        "cancel the reading",
        (("every reading", "of reading 1"), ("every reading", "of reading 1")),
        ((_WAITS_FOR_THE_READINGS, _CANCELS_THE_READINGS),),
    ),
    Wrong(
        "05.2",
        "keep the latest of the readings",
        (("every reading", "of reading 1"),),
        ((_READ, _KEEPS_ONE),),
    ),
    Wrong(
        "05.2",
        "take SIGHUP for the first signal that ends the program",
        (("how it ends", "it exited 129"),) * 3,
        ((_READ, f"        received.append(SIGHUP)\n{_READ}"),),
    ),
    Wrong(
        "05.3",
        "ask by cancelling",
        (("nobody is cancelled", "job-1 was cancelled"),),
        ((_ASKS, _CANCELS_THE_SHORT_ONE),),
    ),
    Wrong(
        "05.3",
        "cancel at the first, and leave at the second",
        (("as far as that", "signal 2 was not sent"), ("as far as that", "signal 2 was not sent")),
        ((_ASKS, _CANCELS_AGAIN),),
    ),
    Wrong(
        "05.3",
        "leave at the second",
        (
            ("who is still at work", "nobody was"),
            ("the cleanup of 2 jobs", "1 of 2 finished"),
            ("as far as that", "signal 3 was not sent"),
        ),
        ((_SECOND, _LEAVES_AT_THE_SECOND),),
    ),
    Wrong(
        "05.3",
        "cancel again at the third",
        (("no task goes on", "main, job-2 went on, and ended"),),
        ((_TWO_CALLS, _CANCELS_AGAIN),),
    ),
    Wrong(
        "05.3",
        "raise KeyboardInterrupt at the third",
        (("no task goes on", "main, job-2 went on, and ended"),),
        ((_TWO_CALLS, "            raise KeyboardInterrupt"),),
    ),
    Wrong(
        "05.3",
        "exit at the third with the number of a shell",
        (("how it ends", "it exited 130"),),
        ((_TWO_CALLS, "            __import__('os')._exit(130)"),),
    ),
    Wrong(
        "05.3",
        "do nothing at the third",
        (
            ("the cleanup of 1 job", "2 of 2 finished"),
            ("no task goes on", "main, job-2 went on, and ended"),
        ),
        ((_TWO_CALLS, "            pass"),),
    ),
)

test_it_is_refused_for_what_is_wrong = each_is_refused(WRONG)
