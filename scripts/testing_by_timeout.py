"""Tests of the services without a signal: all of them pass.

Run me with pytest; or start me in a terminal, to see what the first of them does. With 0
as an argument I wait for no goodbyes, and nobody gets one.
"""

import asyncio
import contextlib
import importlib
import sys

import pytest

each_service = pytest.mark.parametrize("service", ["gather", "group", "owned"])


async def stop_by_timeout(service: str, patience: float = 0.3) -> None:
    """Run the service until a deadline ends it, and be patient, for its goodbyes take a while."""
    main = importlib.import_module(f"testing_service_{service}").main
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(main(), timeout=0.1)
    await asyncio.sleep(patience)


@each_service
def test_timeout(service: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A deadline ends the service: whoever was served gets a goodbye."""
    asyncio.run(stop_by_timeout(service))
    said = capsys.readouterr().out
    assert said.count("served") == said.count("goodbye") == 2


@each_service
def test_raised(service: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A CancelledError in the work: the client gets a goodbye."""

    async def raise_it() -> None:
        raise asyncio.CancelledError

    module = importlib.import_module(f"testing_service_{service}")
    monkeypatch.setattr(module, "work", raise_it)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(module.serve("ann", asyncio.Semaphore(2)))
    assert "ann: goodbye" in capsys.readouterr().out


if __name__ == "__main__":
    asyncio.run(stop_by_timeout("gather", *map(float, sys.argv[1:])))
