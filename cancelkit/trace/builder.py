"""Building a timeline: one pass over the events of a run, in order of time."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from cancelkit.trace.events import Event
from cancelkit.trace.states import State, Tracker
from cancelkit.trace.text import printable
from cancelkit.trace.timeline import SWALLOWED, Job, Lane, Mark, SignalMark, Span, Timeline

_DEFAULT_NAME = re.compile(r"Task-\d+|None")  # the latter is what an eager task factory may give

_OF_PROCESS = {
    "handler": "{signal} from {before} to {handler}",
    "closing": "loop {loop}",
    "closed": "loop {loop}",
    "forked": "",
    "end of the record": "{why}",
}
"""Events that are marks of the whole timeline, and what more there is to say of them."""


class _Life:
    """What is known of one task while the events come by."""

    def __init__(self, coro: str, loop: int) -> None:
        self.coro, self.loop, self.name = coro, loop, ""
        self.spans: list[Span] = []
        self.marks: list[Mark] = []
        self.open: tuple[State, int, str, str] | None = None
        self.has_begun = False
        self.reached = 0
        self.error = ""
        self.ended_cancelling = False

    def enter(self, state: State, now: int, detail: Any) -> None:
        """End the span that is open, and open the next if the task goes on."""
        self.close(now)
        self.open = None if state.is_end else (state, now, detail.get("on", ""), detail.get("at", ""))

    def close(self, now: int) -> None:
        """End the span that is open."""
        if self.open is not None:
            state, start, on, at = self.open
            self.spans.append(Span(state, start, now, on, at))
            self.open = None

    def remarks(self, end: State) -> tuple[str, ...]:
        """What is remarkable about how the task took a cancellation."""
        found = []
        if self.reached and not self.has_begun:
            found.append("cancelled before its first step: its cleanup never had a chance")
        if self.reached > 1:
            found.append("cancelled twice" if self.reached == 2 else f"cancelled {self.reached} times")
        if self.reached and self.ended_cancelling and end is State.FINISHED:
            found.append(SWALLOWED)
        if self.reached and self.ended_cancelling and end is State.FAILED:
            found.append(f"answered its cancellation with {self.error}")
        return tuple(found)


def timeline_of(events: Iterable[Event]) -> Timeline:
    """Put the events of one run together; they must be in order of time."""
    return _Builder(events).timeline()


class _Builder:
    """Takes events, and makes a timeline of them."""

    def __init__(self, events: Iterable[Event]) -> None:
        self._start: int | None = None
        self._now = 0
        self._tracker = Tracker()
        self._lives: dict[int, _Life] = {}
        self._marks: list[Mark] = []
        self._sent: list[SignalMark] = []
        self._received: list[SignalMark] = []
        self._jobs: dict[str, Job] = {}
        for event in events:
            self._take(event)

    def timeline(self) -> Timeline:
        """The events up to now as a timeline."""
        for life in self._lives.values():
            life.close(self._now)
        return Timeline(
            tuple(self._lane(task, life) for task, life in self._lives.items()),
            tuple(self._sent or self._received),
            tuple(self._jobs.values()),
            self._now,
            tuple(self._marks),
        )

    def _take(self, event: Event) -> None:
        if self._start is None:
            self._start = event.time
        self._now = now = event.time - self._start
        state = self._tracker.feed(event)
        kind, detail = event.kind, event.detail
        if kind == "created" and event.task is not None:
            self._lives[event.task] = _Life(str(detail["coro"]), detail.get("loop", 1))
        life = None if event.task is None else self._lives.get(event.task)
        if life is None:
            self._take_of_process(kind, detail, now)
        else:
            self._take_of_task(life, kind, detail, now)
            if state is not None:
                life.enter(state, now, detail)
        if kind == "report":
            reported: dict[str, Any] = {detail["what"].replace(" ", "_"): now}
            self._jobs[detail["job"]] = replace(self._jobs.setdefault(detail["job"], Job(detail["job"])), **reported)

    def _take_of_task(self, life: _Life, kind: str, detail: Any, now: int) -> None:
        match kind:
            case "created" | "named":
                life.name = str(detail["name"])
            case "step":
                life.has_begun = True
            case "suspended" if not detail.get("cancelling"):
                life.reached = 0  # what has come was taken back: by a timeout, say
            case "cancel requested":
                life.marks.append(Mark(kind, now, self._request(detail)))
            case "cancel delivered":
                life.reached += 1
                life.marks.append(Mark(kind, now))
            case "report":
                life.marks.append(Mark(detail["what"], now))
            case "complaint":
                life.marks.append(Mark(kind, now, printable(detail["what"])))
            case "ended":
                life.error, life.ended_cancelling = str(detail.get("error", "")), bool(detail.get("cancelling"))

    def _take_of_process(self, kind: str, detail: Any, now: int) -> None:
        if kind in ("signal", "signal received"):
            marks = self._sent if kind == "signal" else self._received
            name = detail["name" if kind == "signal" else "signal"]
            marks.append(SignalMark(len(marks) + 1, name, now, self._tracker.counts()))
        elif kind == "complaint":
            coro = f": {detail['coro']}" if "coro" in detail else ""
            self._marks.append(Mark(kind, now, printable(f"{detail['what']}{coro}")))
        elif kind in _OF_PROCESS:
            self._marks.append(Mark(kind, now, printable(_OF_PROCESS[kind].format_map(detail))))

    def _request(self, detail: Any) -> str:
        """Who asked for a cancellation, and where, in words."""
        by = detail["by"]
        if by == "task":
            number = detail.get("requester", 0)
            by = self._title(number) if number in self._lives else f"task {number}"
            by += ", which was asked itself and awaits it" if detail.get("handed on") else ""
        elif by == "signal handler":
            by = f"the handler of {detail.get('signal')}"
        elif by == "callback":
            by = f"the callback {detail.get('callback')}"
        elif by == "closing loop":
            by = "the closing loop"
        return printable(f"by {by} at {detail['at']}" if detail.get("at") else f"by {by}")

    def _lane(self, task: int, life: _Life) -> Lane:
        state = self._tracker.states[task]
        end = state if state.is_end else State.ABANDONED
        return Lane(
            task,
            self._title(task),
            task in self._tracker.mains,
            tuple(life.spans),
            tuple(life.marks),
            end,
            life.remarks(end),
            printable(life.coro),
            life.loop,
        )

    def _title(self, task: int) -> str:
        if task in self._tracker.mains:
            return "main" if len(self._tracker.mains) == 1 else f"main {self._place_among_mains(task)}"
        life = self._lives[task]
        return printable(life.coro if _DEFAULT_NAME.fullmatch(life.name) else life.name)

    def _place_among_mains(self, task: int) -> int:
        return sorted(self._tracker.mains).index(task) + 1
