"""Lines: an event as one line of a record and back, and what each kind of event must say.

What the members mean is in the table of `events`, and for other readers in docs/record-format.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from cancelkit.errors import BadRecordError
from cancelkit.trace.events import Event
from cancelkit.trace.reports import What

Members = Mapping[str, type]
"""Names of members of a JSON object, and what they are."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What one kind of event says.

    Attributes:
        of_task: whether it is about a task; None if it may be.
        must: the members that are always there.
        may: those that may be there.
        word: the name of the member that is one of a few words.
        words: those words, each with the members that must be there if it is the one.
    """

    of_task: bool | None
    must: Members = field(default_factory=dict)
    may: Members = field(default_factory=dict)
    word: str = ""
    words: Mapping[str, Members] = field(default_factory=dict)


_REQUESTS: dict[str, Members] = {
    "task": {"requester": int},
    "signal handler": {"signal": str},
    "closing loop": {},
    "callback": {"callback": str},
    "outside the loop": {"thread": str},
}
_ENDS: dict[str, Members] = {"finished": {}, "cancelled": {}, "failed": {"error": str}}

RULES = {
    "created": Rule(True, {"name": str, "coro": str, "loop": int}),
    "named": Rule(True, {"name": str}),
    "main": Rule(True),
    "step": Rule(True),
    "suspended": Rule(True, {"on": str, "at": str, "cleanup": bool}, {"cancelling": bool}),
    "cancel requested": Rule(True, {"by": str, "at": str}, {"handed on": bool}, "by", _REQUESTS),
    "cancel delivered": Rule(True),
    "ended": Rule(True, {"how": str}, {"cancelling": bool}, "how", _ENDS),
    "report": Rule(None, {"what": str, "job": str}, {}, "what", {what: {} for what in get_args(What)}),
    "complaint": Rule(None, {"what": str}, {"coro": str}),
    "loop": Rule(False, {"loop": int, "type": str, "thread": str}),
    "closing": Rule(False, {"loop": int}),
    "closed": Rule(False, {"loop": int}),
    "signal received": Rule(False, {"signal": str}),
    "handler": Rule(False, {"signal": str, "handler": str, "before": str}),
    "forked": Rule(False),
    "end of the record": Rule(False, {"why": str}),
    "waiting": Rule(False, {"counts": dict}),
    "left": Rule(False, {"what": str, "name": str}),
    "census": Rule(False),
    "signal": Rule(False, {"name": str}),
    "exit": Rule(False, {"status": int}),
}
"""The kinds of events, as in the table of `events`."""

_OF_EVERY_EVENT: Members = {"time": int, "kind": str}
_TYPES = {
    int: "a whole number",
    float: "a number with a point",
    str: "a string",
    bool: "true or false",
    dict: "an object",
    list: "a list",
}


def _refuse(constant: str) -> None:
    raise ValueError(f"Python's {constant} is not JSON")


_encode = json.JSONEncoder(allow_nan=False).encode
_decode = json.JSONDecoder(parse_constant=_refuse).decode


def line_of(event: Event) -> bytes:
    """The event as one line of a record.

    Raises:
        BadRecordError: there is something in its detail that a line cannot say.
    """
    row: dict[str, Any] = {"time": event.time, "kind": event.kind}
    if event.task is not None:
        row["task"] = event.task
    if taken := event.detail.keys() & {"time", "kind", "task"}:
        raise BadRecordError(f"{event} cannot be written: call what its detail has as {min(taken)!r} something else")
    return json_line(row | dict(event.detail))


def json_line(row: Mapping[str, Any]) -> bytes:
    """A JSON object as one line of ASCII.

    Raises:
        BadRecordError: there is something in it that is not JSON.
    """
    try:
        return _encode(row).encode() + b"\n"
    except (TypeError, ValueError) as error:
        raise BadRecordError(f"{_brief(row)} cannot be written as JSON: {error}") from error


def parsed(line: bytes) -> Any:
    """What a line of JSON says; None if it is not JSON."""
    try:
        return _decode(line.decode())
    except (ValueError, RecursionError):
        return None


def event_of(row: dict[str, Any], made: set[int]) -> Event:
    """Take what a line says for an event; if it is the making of a task, the task is among those `made` from now on.

    Kinds that are not in the table are taken as they are, and so are members that are not.

    Raises:
        BadRecordError: it does not say what it must, or is about a task that was not made.
    """
    check(row, _OF_EVERY_EVENT, {"task": int})
    time, kind, task = row.pop("time"), row.pop("kind"), row.pop("task", None)
    rule = RULES.get(kind)
    if rule is not None:
        check(row, rule.must, rule.may, kind)
        _check_words(row, rule, kind)
        _check_task(task, rule, kind)
    if kind == "created":
        if task in made:
            raise BadRecordError(f"{kind!r} is about task {task}, which a line before it created")
        made.add(task)
    others = [row["requester"]] if kind == "cancel requested" and row["by"] == "task" else []
    for number in (task, *others):
        if number is not None and number not in made:
            raise BadRecordError(f"{kind!r} is about task {number}, which no line before it created")
    return Event(time, kind, task, row)


def check(row: Mapping[str, Any], must: Members, may: Members, what: str = "") -> None:
    """Check members of a JSON object.

    Raises:
        BadRecordError: one that must be there is not, or one is not what it must be.
    """
    subject = repr(what) if what else "it"
    for name, expected in must.items():
        if name not in row:
            raise BadRecordError(f"{subject} does not say {name!r}: {_brief(row)}")
        _check_type(name, row[name], expected, subject)
    for name, expected in may.items():
        if name in row:
            _check_type(name, row[name], expected, subject)


def _check_type(name: str, value: Any, expected: type, subject: str) -> None:
    if type(value) is not expected:  # not isinstance(), which takes True for an int
        raise BadRecordError(f"{subject} says {name!r} is {_brief(value)}, which is not {_TYPES[expected]}")


def _check_words(row: Mapping[str, Any], rule: Rule, kind: str) -> None:
    if rule.word:
        word = row[rule.word]
        # Somebody else may ask for a cancellation one day; but on an end or a report that is none of these no state
        # can be built.
        if word not in rule.words and kind != "cancel requested":
            raise BadRecordError(f"{kind!r} says {rule.word!r} is {_brief(word)}; it must be {', '.join(rule.words)}")
        check(row, rule.words.get(word, {}), {}, kind)
    if kind == "waiting":
        check(row["counts"], dict.fromkeys(row["counts"], int), {}, "counts")


def _check_task(task: int | None, rule: Rule, kind: str) -> None:
    if rule.of_task and task is None:
        raise BadRecordError(f"{kind!r} does not say 'task', whose number it must say")
    if rule.of_task is False and task is not None:
        raise BadRecordError(f"{kind!r} says 'task' is {task}; it is about the process, and must not say a task")


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
