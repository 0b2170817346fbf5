"""What a task was handed, and never had a chance to put away.

Start me under `cancelkit interrupt --when before-start`, as if Ctrl-C were pressed just
before main's first step: the lock file, which main was to remove, is left behind. With
--owned, whoever makes the file removes it as well, and nothing is left.
"""

import asyncio
import sys
import tempfile
from pathlib import Path


def remove(lock: Path) -> None:
    """Remove the lock."""
    lock.unlink()
    print("the lock is removed")


async def main(lock: Path | None) -> None:
    """Work for ever; then remove the lock that was handed to us, if there is one."""
    print("main: begins", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        if lock is not None:
            remove(lock)


if __name__ == "__main__":
    lock = Path(tempfile.gettempdir(), "cancelkit-states.lock")
    lock.touch()
    if "--owned" in sys.argv:
        try:
            asyncio.run(main(None))
        finally:
            remove(lock)
    else:
        asyncio.run(main(lock))
