"""Wrong answers to the exercises of notebook 12."""

from __future__ import annotations

from wrong_answers import Wrong, each_is_refused

_ASKS_ONCE = """\
        if len(received) == 1:
            task.cancel()  # at once, so that before its first step it does not begin
            loop.call_soon_threadsafe(lambda: None)  # or the loop would sleep on"""

_EACH_ASKS_ONCE = """\
        signal.signal(signum, signal.SIG_IGN)
        task.cancel()
        loop.call_soon_threadsafe(lambda: None)"""

_ASKS_EVERY_TIME = """\
        task.cancel()
        loop.call_soon_threadsafe(lambda: None)"""

_ASKS_IN_THE_QUEUE = """\
        if len(received) == 1:
            loop.call_soon_threadsafe(task.cancel)"""

_RUNS = "            return loop.run_until_complete(task)"

_GIVES_BACK_EARLY = """\
            try:
                return loop.run_until_complete(task)
            finally:
                signal.signal(signal.SIGINT, signal.default_int_handler)"""

_TELLS = "raise KeyboardInterrupt if received[0] == signal.SIGINT else SystemExit(128 + received[0])"

_IN_CLEANUP = "its cleanup never finished"

_GROUP = """
import asyncio


async def run_tasks(tasks, max_concurrent):
    slots = asyncio.Semaphore(max_concurrent)

    async def in_a_slot(job):
        async with slots:
            return await job()

    async with asyncio.TaskGroup() as group:
        running = [group.create_task(in_a_slot(job)) for job in tasks]
    return [task.result() for task in running]
"""

WORKERS_THAT_GO_ON = """
import asyncio


async def run_tasks(tasks, max_concurrent):
    jobs, results = enumerate(tasks), {}

    async def worker():
        for number, job in jobs:
            try:
                results[number] = await job()
            except Exception as error:
                if not asyncio.current_task().cancelling():
                    raise
                what = {"message": "a cleanup failed", "exception": error}
                asyncio.get_running_loop().call_exception_handler(what)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(max_concurrent):
                group.create_task(worker())
    finally:
        if hasattr(tasks, "close"):
            tasks.close()
    return [results[number] for number in sorted(results)]
"""

_WAITS = "        for error in await asyncio.gather(*running, return_exceptions=True):"

_REPORTS = 'asyncio.get_running_loop().call_exception_handler({"message": "a cleanup failed", "exception": error})'

_IS_IDLE = "never ran more than 1 job"

_NAMES = '        print("gave up waiting for", task.get_name(), file=sys.stderr)'

_WALKS = "            link = link.cr_await"

_WALKED = """\
        while code := getattr(link, "cr_code", None):
            print(f'  File "{code.co_filename}", line {link.cr_frame.f_lineno}, in {code.co_name}', file=sys.stderr)
"""

WRONG = (
    Wrong(
        "12.1",
        "each signal asks once: a second one of the other kind asks again",
        (("two-signals", _IN_CLEANUP), ("three-signals", f"three signals: job-1: {_IN_CLEANUP}")),
        ((_ASKS_ONCE, _EACH_ASKS_ONCE),),
    ),
    Wrong(
        "12.1",
        "ask through the loop's queue, where main's first step is already",
        (("before-start", "2 jobs began"),),
        ((_ASKS_ONCE, _ASKS_IN_THE_QUEUE),),
    ),
    Wrong(
        "12.1",
        "own SIGINT only",
        (
            ("two-signals", f"SIGINT then SIGTERM: job-1: {_IN_CLEANUP}"),
            ("three-signals", f"three signals: job-1: {_IN_CLEANUP}"),
            ("sigterm", "job-1: no cleanup"),
            ("honest-exit", "SIGINT then SIGTERM: killed by SIGTERM"),
        ),
        (("(signal.SIGINT, signal.SIGTERM)", "(signal.SIGINT,)"),),
    ),
    Wrong(
        "12.1",
        "always exit with 130",
        (("sigterm", "exited 130"), ("honest-exit", "SIGTERM: exited 130")),
        ((_TELLS, "raise SystemExit(130)"),),
    ),
    Wrong(
        "12.1",
        "end well, as if nobody had pressed anything",
        (("sigterm", "exited 0"), ("before-start", "exited 0"), ("honest-exit", "exited 0")),
        ((_TELLS, "return None"),),
    ),
    Wrong(
        "12.1",
        "forget to tell which signal it was",
        (("sigterm", "exited 1"), ("before-start", "exited 1"), ("honest-exit", "exited 1")),
        ((_TELLS, "pass"),),
    ),
    Wrong(
        "12.1",
        "give the handler back when main has ended",
        (("closing", "leftover: its cleanup never finished"),),
        ((_RUNS, _GIVES_BACK_EARLY),),
    ),
    Wrong(
        "12.1",
        "call it something else",
        (("it can be used", "run"),),
        (("def run(main)", "def runner(main)"),),
    ),
    Wrong(
        "12.1",
        "take the kit's",
        (("run is your own", "it is imported"),),
        text="from cancelkit import run\nfrom cancelkit.patterns.context_manager import run_tasks\n",
    ),
    Wrong(
        "12.2",
        "take the kit's",
        (("run_tasks is your own", "it is imported"),),
        text="from cancelkit import run_tasks\n",
    ),
    Wrong(
        "12.2",
        "a group and a semaphore",
        (
            ("no-late-start", "a slot gets free: job-3 began"),
            ("failing-cleanup", "exited 1"),
            ("lazy", "8 jobs were asked for"),
        ),
        text=_GROUP,
    ),
    Wrong(
        "12.2",
        "workers that go on when a job has swallowed the cancellation",
        (("no-late-start", "a cancellation is swallowed: job-3 began"),),
        text=WORKERS_THAT_GO_ON,
    ),
    Wrong(
        "12.2",
        "cancel, and do not wait",
        (
            ("one-signal", _IN_CLEANUP),
            ("no-leftovers", "jobs queued: what jobs hold is left"),
            ("failing-cleanup", "nobody was told"),
            ("errors", "its cleanup was not waited for"),
        ),
        ((_WAITS, "        for error in ():"),),
    ),
    Wrong(
        "12.2",
        "raise the error of a cleanup: it takes the place of the interrupt",
        (("failing-cleanup", "exited 1"),),
        ((_REPORTS, "raise error"),),
    ),
    Wrong(
        "12.2",
        "wait, and tell nobody of the errors",
        (("failing-cleanup", "nobody was told"),),
        ((_REPORTS, "pass"),),
    ),
    Wrong(
        "12.2",
        "raise the error as it is",
        (("errors", "without an ExceptionGroup"),),
        (('raise ExceptionGroup("jobs failed", [error]) from None', "raise"),),
    ),
    Wrong(
        "12.2",
        "make a list of the jobs first",
        (("lazy", "8 jobs were asked for"),),
        (("iter(tasks), {}, []", "iter(list(tasks)), {}, []"),),
    ),
    Wrong(
        "12.2",
        "forget the generator",
        (("no-leftovers", "the generator of jobs was left open"),),
        (('if hasattr(tasks, "close")', "if False"),),
    ),
    Wrong(
        "12.2",
        "one at a time",
        tuple(
            (promise, _IS_IDLE)
            for promise in (
                "limit",
                "one-signal",
                "no-late-start",
                "no-leftovers",
                "failing-cleanup",
                "errors",
                "results",
                "lazy",
            )
        ),
        (("len(running) < max_concurrent", "not running"),),
    ),
    Wrong(
        "12.3",
        "exercise 1 as it was: no patience, and nothing put back",
        (("restored", "the handler of"), ("stubborn", "job-1 does not end")),
        (
            ("            faulthandler.dump_traceback_later(2.5, exit=True)\n", ""),
            ("loop.call_soon_threadsafe(loop.call_later, 1.0, give_up)", "loop.call_soon_threadsafe(lambda: None)"),
            ("            signal.signal(signum, handler)", "            pass"),
        ),
    ),
    Wrong(
        "12.3",
        "show the outermost coroutine only",
        (("stubborn", "nobody was told where job-1 is stuck"),),
        ((_WALKS, "            break"),),
    ),
    Wrong(
        "12.3",
        "say where, and not who",
        (("stubborn", "nobody was told that it is job-1"),),
        ((_NAMES, ""),),
    ),
    Wrong(
        "12.3",
        "give up in silence",
        (("stubborn", "nobody was told where job-1 is stuck"),),
        ((_NAMES, ""), (_WALKED, ""), (_WALKS, "")),
    ),
    Wrong(
        "12.3",
        "name what is stuck, and leave it there until faulthandler's clock ends the process",
        (("stubborn", "a cleanup hangs: it exited 1"),),
        (("        task.cancel()  # once more, and this time its cleanup is meant, too\n", ""),),
    ),
    Wrong(
        "12.3",
        "let faulthandler's clock run on: it ends a program that has ended nothing but its jobs",
        (("it is let go on", "it exited 1"),),
        (("        faulthandler.cancel_dump_traceback_later()\n", ""),),
    ),
    Wrong(
        "12.3",
        "run main, and own nothing",
        (("it does its work", "it ends without having run job-1"),),
        ((_RUNS, "            return None"),),
    ),
)

test_it_is_refused_for_what_is_wrong = each_is_refused(WRONG)
