"""Acts: the experiments that the contract is tested with, by name. Most are scenarios of the lab's."""

from __future__ import annotations

from dataclasses import replace
from signal import SIGINT, SIGTERM

from cancelkit.lab.moments import at_once, cleaned, halfway, holding, output
from cancelkit.lab.scenarios import SCENARIOS, Scenario

LIMIT = 2

_DEADLINE = 20.0
"""Seconds: enough where the program ends by itself, and not too long to wait for where it does not."""

PLAIN = "no signal"
"""The act in which a target has to show that it does its work at all."""

_OF_THE_LAB = (
    "all slots full",
    "jobs queued",
    "second signal in cleanup",
    "rapid repeats",
    "before any job starts",
    "SIGTERM",
    "SIGINT then SIGTERM",
    "a cleanup fails",
    "a cleanup hangs",
    "a cancellation is swallowed",
    "a job blocks",
    "while the loop is closed",
)

_FIVE, _ENDLESS = ("slow", *("short",) * 4), ("endless",) * 3
"""The first of the five is not the first to end."""

_MORE = {
    PLAIN: Scenario("five jobs, two at a time, and no signal", None, _FIVE),
    "a slot gets free": Scenario(
        "one of two jobs has just ended, and of three that wait none has begun in its place, when the signal comes",
        cleaned(1),
        ("short", *("long",) * 4),
    ),
    "protected cleanup": Scenario(
        "two jobs are in a cleanup inside cancelkit.finish when the first signal comes",
        halfway(2),
        ("short", "short", "long", "long"),
        options=("--finish",),
    ),
    "SIGTERM then SIGINT": Scenario(
        "two jobs are cleaning up because of SIGTERM when SIGINT comes",
        holding(2).then(halfway(2)),
        signals=(SIGTERM, SIGINT),
    ),
    "three signals": Scenario(
        "two jobs are cleaning up because of SIGINT when SIGTERM and SIGINT come",
        holding(2).then(halfway(2)).then(at_once),
        signals=(SIGINT, SIGTERM, SIGINT),
    ),
    "a job blocks for ever": Scenario(
        "one of two jobs is in synchronous code that has no end when the signal comes",
        output("job-2: blocks"),
        ("long", "blocking-for-ever", "long"),
        deadline=SCENARIOS["a cleanup hangs"].deadline,
    ),
    "embedded": Scenario("no signal, and handlers that stood before", None, _FIVE, options=("--embedded",)),
    "embedded and interrupted": Scenario(
        "two jobs are at work, and handlers stood before", holding(2), options=("--embedded",)
    ),
    "an error": Scenario("no signal, and one of three jobs fails", None, ("failing", *_ENDLESS), 3),
    "a generator": Scenario("no signal, and jobs from a generator", None, ("short",) * 8, options=("--generator",)),
    "a generator interrupted": Scenario(
        "two jobs from a generator are at work when the signal comes", holding(2), options=("--generator",)
    ),
}

ACTS = {
    name: replace(act, deadline=min(act.deadline, _DEADLINE))
    for name, act in ({name: SCENARIOS[name] for name in _OF_THE_LAB} | _MORE).items()
}
"""All of them."""
