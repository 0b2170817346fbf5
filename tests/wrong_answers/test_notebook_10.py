"""Wrong answers to the exercises of notebook 10."""

from __future__ import annotations

from wrong_answers import Wrong, each_is_refused

_LATE = ("no-late-start", "began after the first signal")
_OWNED = "from cancelkit import run, run_tasks"

_CATCHES = """\
        try:
            results[number] = await job()
        except asyncio.CancelledError:
            break"""

WRONG = (
    Wrong(
        "10.1",
        "the pattern that owns the signals",
        (_LATE,),
        ((_OWNED, "from asyncio import run\n\nfrom cancelkit.patterns.handlers import run_tasks"),),
    ),
    Wrong(
        "10.1",
        "only the runner",
        (_LATE,),
        ((_OWNED, "from cancelkit import run\nfrom cancelkit.patterns.task_group import run_tasks"),),
    ),
    Wrong(
        "10.1",
        "only run_tasks",
        (("two-signals", "never finished"), ("sigterm", "no cleanup"), ("honest-exit", "killed by SIGTERM")),
        ((_OWNED, "from asyncio import run\n\nfrom cancelkit import run_tasks"),),
    ),
    Wrong(
        "10.1",
        "a context manager, for it cleans up on every way out",
        (("two-signals", "never finished"), ("sigterm", "no cleanup"), _LATE, ("honest-exit", "killed by")),
        ((_OWNED, "from asyncio import run\n\nfrom cancelkit.patterns.context_manager import run_tasks"),),
    ),
    Wrong(
        "10.1",
        "the kit's words, imported from where they are not",
        (("it can be used", "run_tasks"),),
        ((_OWNED, "from cancelkit import run\nfrom cancelkit.patterns import run_tasks"),),
    ),
    Wrong("10.2", "as it was", (_LATE,), ((" and not asyncio.current_task().cancelling()", ""),)),
    Wrong(
        "10.2",
        "ask whether the task was cancelled, which it was not: it goes on",
        (_LATE,),
        (("asyncio.current_task().cancelling()", "asyncio.current_task().cancelled()"),),
    ),
    Wrong(
        "10.2",
        "catch the cancellation around the job, which has kept it to itself",
        (_LATE,),
        (
            (" and not asyncio.current_task().cancelling()", ""),
            ("        results[number] = await job()", _CATCHES),
        ),
    ),
    Wrong(
        "10.2",
        "one job for each worker",
        tuple((promise, "it ends without having run job-3") for promise in ("limit", "no-late-start", "results")),
        (("    while not queue.empty() and not asyncio.current_task().cancelling():", "    if not queue.empty():"),),
    ),
    Wrong(
        "10.2",
        "leave the results as they come",
        (("results", ""),),
        (("for number in sorted(results)", "for number in results"),),
    ),
    Wrong(
        "10.3",
        "as it was",
        (("one-signal", "cancelled 2 times"), ("errors", "without an ExceptionGroup")),
        ((", return_exceptions=True", ""),),
    ),
    Wrong(
        "10.3",
        "the errors are handed back as results",
        (("errors", ""),),
        (('raise ExceptionGroup("jobs failed", errors)', "pass"),),
    ),
    Wrong(
        "10.3",
        "the first error alone",
        (("errors", "without an ExceptionGroup"),),
        (('raise ExceptionGroup("jobs failed", errors)', "raise errors[0]"),),
    ),
    Wrong(
        "10.3",
        "a task group, without the results",
        (
            ("one-signal", "it returns no results"),
            ("errors", "it returns no results"),
            ("results", "it returns no results"),
        ),
        (("    return ended", "    return None"),),
    ),
)

test_it_is_refused_for_what_is_wrong = each_is_refused(WRONG)
