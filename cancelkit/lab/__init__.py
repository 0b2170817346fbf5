"""The lab: start a real process, wait for a moment, send a real signal, and collect what came of it.

    outcome = perform(Experiment("program.py", [(active(2) & queued(3), signal.SIGINT)]))
    print(outcome, outcome.clean)

The parent's side is `performing`, which has `conducting` do it for each program, on top of `launch` and `launched`; the
child's is `child`, with `gate` and `census`, and `supervisor` between the two; `moments` is what both understand.
`checklist` judges an outcome. `workload` has the jobs that the kit's own programs run, `server` is what they talk to,
and `scenarios` has experiments on them, by name.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cancelkit.errors import require_posix

require_posix("cancelkit.lab")

if TYPE_CHECKING:
    from cancelkit.lab.experiment import Experiment as Experiment
    from cancelkit.lab.experiment import signals_at as signals_at
    from cancelkit.lab.moments import Moment as Moment
    from cancelkit.lab.moments import Moments as Moments
    from cancelkit.lab.moments import active as active
    from cancelkit.lab.moments import at_once as at_once
    from cancelkit.lab.moments import before_start as before_start
    from cancelkit.lab.moments import begun as begun
    from cancelkit.lab.moments import cleaned as cleaned
    from cancelkit.lab.moments import cleaning as cleaning
    from cancelkit.lab.moments import cleanups as cleanups
    from cancelkit.lab.moments import closing as closing
    from cancelkit.lab.moments import created as created
    from cancelkit.lab.moments import ended as ended
    from cancelkit.lab.moments import halfway as halfway
    from cancelkit.lab.moments import holding as holding
    from cancelkit.lab.moments import output as output
    from cancelkit.lab.moments import queued as queued
    from cancelkit.lab.outcome import Leak as Leak
    from cancelkit.lab.outcome import Outcome as Outcome
    from cancelkit.lab.outcome_files import load_outcome as load_outcome
    from cancelkit.lab.outcome_files import save_outcome as save_outcome
    from cancelkit.lab.performing import perform as perform
    from cancelkit.lab.performing import perform_all as perform_all
    from cancelkit.lab.performing import perform_all_async as perform_all_async
    from cancelkit.lab.performing import perform_async as perform_async

_MOMENTS = (
    "Moment Moments active at_once before_start begun cleaned cleaning cleanups closing created ended halfway holding "
    "output queued"
)
_MODULES = {
    "experiment": "Experiment signals_at",
    "moments": _MOMENTS,
    "outcome": "Leak Outcome",
    "outcome_files": "load_outcome save_outcome",
    "performing": "perform perform_all perform_all_async perform_async",
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names.split()}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    # Fetched when first used: a child imports this package too, and has no use for most of it.
    if name in _HOMES:
        return getattr(import_module(f"cancelkit.lab.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
