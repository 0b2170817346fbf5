"""What importing the kit costs and asks for: nothing but the standard library for the core, POSIX where it must be."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.core

CORE = [
    "cancelkit",
    "cancelkit.shutdown",
    "cancelkit.patterns.handlers",
    "cancelkit.trace.launch",
    "cancelkit.trace.recorder",
    "cancelkit.lab.child",
]
NEEDS_POSIX = ["cancelkit.lab", "cancelkit.shutdown", "cancelkit.patterns.handlers"]


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


@pytest.mark.parametrize("module", CORE)
def test_the_core_imports_nothing_but_the_standard_library(module: str) -> None:
    code = f"import sys; import {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = python(code)
    assert done.returncode == 0, done.stderr
    strangers = set(done.stdout.split()) - sys.stdlib_module_names - {"cancelkit", "__main__", "sitecustomize"}
    # What .pth files of this environment bring into every process.
    assert strangers <= set(python("import sys; print(*{n.partition('.')[0] for n in sys.modules})").stdout.split())


def test_importing_cancelkit_does_not_import_asyncio() -> None:
    assert python("import sys, cancelkit; print('asyncio' in sys.modules)").stdout == "False\n"


@pytest.mark.parametrize("module", NEEDS_POSIX)
def test_on_windows_one_clear_error_names_what_to_do(module: str) -> None:
    # asyncio first: it would look for Windows' own modules.
    done = python(f"import asyncio, signal, sys; sys.platform = 'win32'; import {module}")
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "ImportError" in last or "UnsupportedPlatformError" in last
    assert "WSL" in last
    assert "Binder" in last


def test_on_windows_recorded_runs_can_still_be_read() -> None:
    done = python("import asyncio, sys; sys.platform = 'win32'; import cancelkit, cancelkit.trace.timeline")
    assert done.returncode == 0, done.stderr


def test_public_names_are_there_and_others_are_not() -> None:
    done = python("import cancelkit; print([callable(getattr(cancelkit, n)) for n in ('run', 'run_tasks', 'finish')])")
    assert done.stdout == "[True, True, True]\n"
    assert "module 'cancelkit' has no attribute 'nothing'" in python("import cancelkit; cancelkit.nothing").stderr
