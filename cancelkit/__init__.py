"""cancelkit: learn, prove and use correct cancellation in asyncio.

In your own program: `cancelkit.run(main())` instead of `asyncio.run(main())`, `await cancelkit.finish(cleanup())`
in a `finally`, and `await cancelkit.run_tasks(jobs, max_concurrent)` to run jobs under a limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cancelkit import trace
    from cancelkit.shutdown import Terminated, finish, run, run_tasks

__all__ = ["Terminated", "__version__", "finish", "run", "run_tasks", "trace"]
__version__ = "0.1.0"


def load_ipython_extension(shell: Any) -> None:
    """Make `%%interrupt` and the displays known: `%load_ext cancelkit` calls this."""
    from cancelkit.notebook import load

    load(shell)


def __getattr__(name: str) -> Any:
    # Fetched when first used, so that recorded runs can be read and drawn where there are no POSIX signals.
    if name == "trace":
        from importlib import import_module

        return import_module("cancelkit.trace")
    if name in __all__:
        from cancelkit import shutdown

        return getattr(shutdown, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
