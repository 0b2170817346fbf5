"""The checklist on records that are written here event by event: each verdict, and what it is not to be misled by."""

import signal
from typing import Any

import pytest

from cancelkit.lab import Experiment, Leak, Outcome, active
from cancelkit.lab.server import Visit
from cancelkit.trace.events import Event

pytestmark = pytest.mark.core

Row = tuple[str, int | None, dict[str, Any]]

SIGINT: Row = ("signal", None, {"name": "SIGINT"})
CENSUS: Row = ("census", None, {})
CANCEL: Row = ("cancel delivered", 2, {})
EXIT: Row = ("exit", None, {"status": -2})


def judged(*rows: Row, **more: Any) -> dict[str, tuple[str, str]]:
    """The verdicts on what happened, one thing after the other, to a program that SIGINT ended."""
    events = tuple(Event(time, *row) for time, row in enumerate((*rows, EXIT), 1))
    experiment = Experiment("program.py", [(active(1), signal.SIGINT)], expect=more.pop("expect", None))
    known: dict[str, Any] = {"returncode": -2, "hung": False, "stdout": "", "stderr": "", "stacks": ""} | more
    outcome = Outcome(experiment, events=events, **known)
    return {id_: (verdict, why) for id_, verdict, why in outcome.checklist}


def task(number: int, name: str) -> list[Row]:
    return [
        ("created", number, {"name": f"Task-{number}", "coro": name, "loop": 1}),
        ("named", number, {"name": name}),
        ("step", number, {}),
    ]


def waits(number: int, on: str, *, cleanup: bool = False, cancelling: bool = False) -> Row:
    detail = {"on": on, "at": f"/somewhere/program.py:{number}", "cleanup": cleanup}
    return ("suspended", number, detail | ({"cancelling": True} if cancelling else {}))


def ended(number: int, how: str = "cancelled", **more: Any) -> Row:
    return ("ended", number, {"how": how} | more)


def test_an_awaiting_task_that_is_cancelled() -> None:
    found = judged(*task(2, "job"), waits(2, "socket"), SIGINT, CANCEL, ("step", 2, {}), ended(2), CENSUS)
    assert found["awaiting"] == ("kept", "job")
    assert found["running"][0] == found["queued"][0] == "not applicable"
    assert found["cleanup"] == ("kept", "job")
    assert found["leaks"] == ("kept", "nothing is left that was not there before")
    assert found["exit"] == ("kept", "killed by SIGINT (-2); expected -2 or 130")


@pytest.mark.parametrize("how", ["finished", "failed"])
def test_an_awaiting_task_that_ends_by_itself(how: str) -> None:
    found = judged(*task(2, "job"), waits(2, "socket"), SIGINT, ("step", 2, {}), ended(2, how, error="E"), CENSUS)
    assert found["awaiting"] == ("broken", f"job was not cancelled: {how}, on socket at program.py:2")


def test_a_task_that_ends_before_the_signal_is_of_no_interest() -> None:
    found = judged(*task(2, "job"), waits(2, "socket"), ("step", 2, {}), ended(2, "finished"), SIGINT, CENSUS)
    assert found["awaiting"][0] == "not applicable"


def test_a_running_task() -> None:
    found = judged(*task(2, "job"), SIGINT, waits(2, "sleep", cancelling=True), CANCEL, ("step", 2, {}), ended(2))
    assert found["running"] == ("kept", "job")
    assert judged(*task(2, "job"), SIGINT, ended(2, "finished"))["running"] == (
        "broken",
        "job was not cancelled: finished",
    )


def test_a_cancellation_that_is_swallowed() -> None:
    rows = (*task(2, "job"), waits(2, "socket"), SIGINT, CANCEL, ("step", 2, {}), ended(2, "finished", cancelling=True))
    assert judged(*rows)["awaiting"] == ("broken", "job swallowed its cancellation, on socket at program.py:2")


def test_a_queued_task() -> None:
    rows = (*task(2, "job"), waits(2, "Semaphore"), SIGINT)
    assert judged(*rows, ended(2))["queued"] == ("kept", "job")
    assert judged(*rows)["queued"] == ("broken", "job was not cancelled: abandoned, on Semaphore at program.py:2")


def test_a_job_that_begins_late() -> None:
    begins: Row = ("report", None, {"what": "begun", "job": "job-1"})
    assert judged(SIGINT, begins)["queued"] == ("broken", "job-1 began after the first signal")
    assert judged(begins, SIGINT)["queued"][0] == "not applicable"
    harmless: Row = ("signal", None, {"name": "SIGWINCH"})
    assert judged(harmless, begins, SIGINT)["queued"][0] == "not applicable"


@pytest.mark.parametrize(
    ("on", "word"), [("sleep", "broken"), ("socket", "broken"), ("shield", "kept"), ("task", "kept")]
)
def test_a_cleanup_that_is_cancelled_in_the_middle(on: str, word: str) -> None:
    """What a shield holds goes on although a cancellation arrives: from the record alone it cannot be called lost."""
    rows = (*task(2, "job"), waits(2, on, cleanup=True), SIGINT, CANCEL, ("step", 2, {}), ended(2), CENSUS)
    found = judged(*rows)["cleanup"]
    assert found[0] == word
    if word == "broken":
        assert found[1] == f"job: cleanup interrupted, on {on} at program.py:2"


def test_a_cleanup_that_a_cancellation_causes_is_not_interrupted_by_it() -> None:
    rows: tuple[Row, ...] = (
        waits(2, "sleep"),
        SIGINT,
        CANCEL,
        ("step", 2, {}),
        waits(2, "sleep", cleanup=True, cancelling=True),
    )
    assert judged(*task(2, "job"), *rows, ("step", 2, {}), ended(2))["cleanup"] == ("kept", "job")
    twice = judged(*task(2, "job"), *rows, CANCEL, ("step", 2, {}), ended(2))
    assert twice["cleanup"] == ("broken", "job: cleanup interrupted, on sleep at program.py:2")


def test_a_job_whose_cleanup_is_lost() -> None:
    rows: list[Row] = [("report", 2, {"what": what, "job": "job"}) for what in ("begun", "cleanup begun")]
    found = judged(*task(2, "job"), *rows, waits(2, "socket", cleanup=True), SIGINT, ended(2))
    assert found["cleanup"] == ("broken", "job: cleanup lost, on socket at program.py:2")
    finished: Row = ("report", 2, {"what": "cleanup finished", "job": "job"})
    assert judged(*task(2, "job"), *rows, SIGINT, finished, ended(2))["cleanup"] == ("kept", "job")


def test_a_job_that_reports_no_cleanup_is_believed_unless_it_was_abandoned() -> None:
    begun: Row = ("report", 2, {"what": "begun", "job": "job"})
    assert judged(*task(2, "job"), begun, SIGINT, ended(2))["cleanup"][0] == "not applicable"
    assert judged(*task(2, "job"), begun, waits(2, "sleep"), SIGINT)["cleanup"] == (
        "broken",
        "job: no cleanup, on sleep at program.py:2",
    )


def test_a_job_that_held_something_owes_a_cleanup_however_it_ends() -> None:
    held: list[Row] = [("report", 2, {"what": what, "job": "job"}) for what in ("begun", "holding")]
    found = judged(*task(2, "job"), *held, waits(2, "sleep"), SIGINT, ended(2))
    assert found["cleanup"] == ("broken", "job: no cleanup, on sleep at program.py:2")
    finished: Row = ("report", 2, {"what": "cleanup finished", "job": "job"})
    assert judged(*task(2, "job"), *held, SIGINT, finished, ended(2))["cleanup"] == ("kept", "job")


def test_what_the_server_says() -> None:
    visits = (Visit("a", "goodbye"), Visit("b", "hung up"), Visit("c", "still there"), Visit("", "hung up"))
    assert judged(SIGINT, CENSUS, visits=visits)["cleanup"] == (
        "broken",
        "b: hung up, without a goodbye to the server; c: still there, without a goodbye to the server",
    )


def test_leaks() -> None:
    left: Row = ("left", None, {"what": "file", "name": "a\nb"})
    assert judged(SIGINT, left, CENSUS)["leaks"] == ("broken", "file: a\\nb")
    outside = (Leak("child process", "sleep"),)
    assert judged(SIGINT, CENSUS, left_outside=outside)["leaks"] == ("broken", "child process: sleep")
    assert judged(SIGINT)["leaks"] == ("not applicable", "it ended too abruptly to count what it still had")
    complaint: Row = ("complaint", None, {"what": "never awaited", "coro": "job"})
    other: Row = ("complaint", None, {"what": "Exception in callback"})
    assert judged(SIGINT, other, complaint, CENSUS)["leaks"] == ("broken", "coroutine: never awaited: job")


@pytest.mark.parametrize(
    ("returncode", "hung", "expect", "word"),
    [
        (-2, False, None, "kept"),
        (130, False, None, "kept"),
        (0, False, None, "broken"),
        (1, False, None, "broken"),
        (-15, False, None, "broken"),
        (-2, True, None, "broken"),
        (0, False, 0, "kept"),
        (-2, False, 0, "broken"),
        (3, False, [3, 4], "kept"),
    ],
)
def test_exit(returncode: int, hung: bool, expect: Any, word: str) -> None:
    assert judged(SIGINT, returncode=returncode, hung=hung, expect=expect)["exit"][0] == word


def test_many_of_them_are_told_in_brief() -> None:
    rows: list[Row] = []
    for number in range(2, 12):
        rows += [*task(number, f"job-{number}"), waits(number, "Semaphore")]
    kept = judged(*rows, SIGINT, *(ended(number) for number in range(2, 12)))["queued"]
    assert kept == ("kept", "job-2, job-3, job-4, job-5, job-6, 5 more")
    assert judged(*rows, SIGINT)["queued"][1].endswith("; 5 more")


def test_without_a_signal_nothing_was_to_be_cancelled() -> None:
    found = judged(*task(2, "job"), waits(2, "socket"), ("step", 2, {}), ended(2, "finished"), CENSUS)
    assert [found[id_][0] for id_ in ("running", "awaiting", "queued")] == ["not applicable"] * 3
    assert found["awaiting"][1] == "no signal was sent that ends programs"
