"""Comparing: the contract on what people use to run jobs under a limit, this kit's five among them."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Collection, Sequence
from typing import NamedTuple

from cancelkit.contract.check import check_all
from cancelkit.contract.matrix import Column, Matrix
from cancelkit.contract.promises import PROMISES, Promise
from cancelkit.lab.scenarios import TARGETS, Target

_PEERS = "cancelkit.contract.peers"


class Implementation(NamedTuple):
    """One that can be compared.

    Attributes:
        target: its function and its runner.
        library: the distribution that it needs; empty if that is none.
    """

    target: Target
    library: str = ""


IMPLEMENTATIONS = {
    "TaskGroup + Semaphore": Implementation(TARGETS["task_group"]),
    "tracking": Implementation(TARGETS["tracking"]),
    "handlers": Implementation(TARGETS["handlers"]),
    "context_manager": Implementation(TARGETS["context_manager"]),
    "cancelkit": Implementation(TARGETS["cancelkit"]._replace(finishes=False)),
    "gather + Semaphore": Implementation(Target(f"{_PEERS}:gather")),
    "aiometer": Implementation(Target(f"{_PEERS}:aiometer"), "aiometer"),
    "aiojobs": Implementation(Target(f"{_PEERS}:aiojobs"), "aiojobs"),
    "aiotools": Implementation(Target(f"{_PEERS}:aiotools"), "aiotools"),
    "aiorun": Implementation(Target(f"{_PEERS}:aiorun", f"{_PEERS}:run_with_aiorun"), "aiorun"),
    "anyio": Implementation(Target(f"{_PEERS}:anyio", f"{_PEERS}:run_with_anyio"), "anyio"),
}
"""By name: the four patterns, the first of which is what most people write; the kit; and its peers."""


def compare(among: Collection[str] = (), promises: Sequence[Promise] = PROMISES) -> Matrix:
    """Check all implementations, or those named; one whose library is not installed is in the matrix without verdicts.

    Raises:
        CancelkitError: an experiment could not be made.
    """
    chosen = {name: each for name, each in IMPLEMENTATIONS.items() if not among or name in among}
    versions = {name: _version(each.library) for name, each in chosen.items()}
    present = [name for name, version in versions.items() if version is not None]
    reports = dict(zip(present, check_all([chosen[name].target for name in present], promises), strict=True))
    columns = (
        Column(
            name,
            *each.target[:2],
            version=versions[name] or "",
            verdicts=reports[name].verdicts if name in reports else (),
        )
        for name, each in chosen.items()
    )
    return Matrix(platform.python_version(), tuple(promise.id for promise in promises), tuple(columns))


def _version(library: str) -> str | None:
    """The version of a library, None if it is not installed; empty for none."""
    if not library:
        return ""
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return None
