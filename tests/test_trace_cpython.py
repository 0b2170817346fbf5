"""CPython's own tests of asyncio come out the same, recorded or not: the quick modules; `make proof` has all."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.core

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("module", ["test_taskgroups", "test_timeouts", "test_runners", "test_queues", "test_locks"])
def test_a_module_comes_out_the_same(module: str) -> None:
    if importlib.util.find_spec("test.test_asyncio") is None:
        pytest.skip("this Python has no `test` package")
    done = subprocess.run(
        [sys.executable, "tools/cpython_tests.py", module], cwd=ROOT, capture_output=True, text=True, timeout=110
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert module in done.stdout
