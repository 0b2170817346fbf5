"""tools/setup.sh: one line per mishap, nothing done twice, and a half-made .venv mended."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.core

ROOT = Path(__file__).resolve().parent.parent

# All that setup.sh may use besides a Python; a PATH of these alone is a machine that has no Python.
POSIX_TOOLS = ("sh", "dirname", "cp", "find", "grep", "mkdir", "mv", "rm", "tail")

# Does as Python does as far as setup.sh can tell, in milliseconds: its `venv` makes a copy of itself.
FAKE_PYTHON = """\
#!/bin/sh
case "$*" in
*"-m venv --clear "*)
    echo venv >>calls
    [ -z "${VENV_SAYS-}" ] || { echo "$VENV_SAYS"; exit 1; }
    for venv in "$@"; do :; done
    rm -rf "$venv" && mkdir -p "$venv/bin" && cp "$0" "$venv/bin/python" ;;
*"-m pip "*)
    echo pip >>calls
    [ -z "${PIP_SAYS-}" ] || { echo "$PIP_SAYS"; exit 1; } ;;
*version_info*)
    echo VERSION; exit STATUS ;;
esac
"""


class Checkout:
    """A checkout with only what setup.sh reads, and a machine with only the Pythons that a test adds."""

    def __init__(self, root: Path) -> None:
        self.root = root / "a checkout"  # a space, as in many people's paths
        self.bin = root / "bin"
        for directory in (self.root / "tools", self.bin):
            directory.mkdir(parents=True)
        shutil.copy(ROOT / "tools/setup.sh", self.root / "tools")
        for name in ("pyproject.toml", "constraints.txt"):
            (self.root / name).touch()
        for tool in POSIX_TOOLS:
            found = shutil.which(tool)
            assert found, f"{tool} is not on PATH"
            (self.bin / tool).symlink_to(found)

    def add_python(self, name: str, version: str, status: int = 0) -> None:
        """Put a fake Python on PATH; its status says whether it finds itself too old."""
        python = self.bin / name
        python.write_text(FAKE_PYTHON.replace("VERSION", version).replace("STATUS", str(status)))
        python.chmod(0o755)

    def set_up(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run setup.sh."""
        return subprocess.run(
            [self.bin / "sh", "tools/setup.sh"],
            cwd=self.root,
            env={"PATH": str(self.bin), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self) -> list[str]:
        """Return what was asked of the fake Pythons since the last call."""
        record = self.root / "calls"
        made = record.read_text().split() if record.exists() else []
        record.unlink(missing_ok=True)
        return made

    def outdate(self) -> None:
        """Make .venv older than pyproject.toml."""
        os.utime(self.root / ".venv/.ready", (0, 0))


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Return a checkout on a machine without Python."""
    return Checkout(tmp_path)


@pytest.fixture
def ready(checkout: Checkout) -> Checkout:
    """Return a checkout that has been set up."""
    checkout.add_python("python3", "3.12.1")
    assert checkout.set_up().returncode == 0
    assert checkout.calls() == ["venv", "pip"]
    return checkout


def assert_one_line(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    """The set-up failed with one line that says all of `parts`."""
    assert done.returncode == 1
    assert done.stderr.startswith("setup: ")
    assert done.stderr.count("\n") == 1
    for part in parts:
        assert part in done.stderr


def test_no_python_at_all(checkout: Checkout) -> None:
    assert_one_line(checkout.set_up(), "Python 3.11 or newer", "no Python at all", "PYTHON=")


def test_only_old_pythons_are_named(checkout: Checkout) -> None:
    checkout.add_python("python3", "3.9.2", status=1)
    checkout.add_python("python3.11", "3.10.0", status=1)
    assert_one_line(checkout.set_up(), "found python3 (3.9.2), python3.11 (3.10.0)")


def test_a_newer_python_is_taken_if_python3_is_old(checkout: Checkout) -> None:
    checkout.add_python("python3", "3.9.2", status=1)
    checkout.add_python("python3.12", "3.12.1")
    assert "with Python 3.12.1" in checkout.set_up().stdout


@pytest.mark.parametrize(("name", "says"), [("python3", "is Python 3.9.2"), ("python9", "does not run")])
def test_the_python_asked_for_cannot_be_used(checkout: Checkout, name: str, says: str) -> None:
    checkout.add_python("python3", "3.9.2", status=1)
    checkout.add_python("python3.12", "3.12.1")
    assert_one_line(checkout.set_up(PYTHON=name), f"PYTHON={name} {says}")


@pytest.mark.parametrize(
    "says",
    [
        "The virtual environment was not created successfully because ensurepip is not\navailable.",  # Debian
        "python3: No module named venv",
    ],
)
def test_python_without_venv(checkout: Checkout, says: str) -> None:
    checkout.add_python("python3", "3.12.1")
    assert_one_line(checkout.set_up(VENV_SAYS=says), "apt install python3.12-venv")


def test_venv_fails_otherwise(checkout: Checkout) -> None:
    checkout.add_python("python3", "3.12.1")
    assert_one_line(checkout.set_up(VENV_SAYS="No space left on device"), "build/setup.log")


def test_it_is_announced_in_one_line(checkout: Checkout) -> None:
    checkout.add_python("python3", "3.12.1")
    done = checkout.set_up()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Setting up .venv with Python 3.12.1")
    assert done.stdout.count("\n") == 1


@pytest.mark.parametrize("python", ["", "python3"])
def test_a_second_call_does_and_says_nothing(ready: Checkout, python: str) -> None:
    done = ready.set_up(PYTHON=python)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert ready.calls() == []


def test_an_outdated_venv_is_kept_and_updated(ready: Checkout) -> None:
    ready.outdate()
    assert ready.set_up().returncode == 0
    assert ready.calls() == ["pip"]
    assert ready.set_up().stdout == ""


def test_an_outdated_venv_stays_usable_when_the_update_fails(ready: Checkout) -> None:
    ready.outdate()
    assert_one_line(ready.set_up(PIP_SAYS="ERROR: no such release"), "ERROR: no such release", "build/setup.log")
    assert ready.calls() == ["pip"]
    assert ready.set_up().returncode == 0
    assert ready.calls() == ["pip"]


def test_an_interrupted_set_up_is_begun_anew(ready: Checkout) -> None:
    (ready.root / ".venv/.ready").unlink()
    (ready.root / ".venv/half-written").touch()
    assert ready.set_up().returncode == 0
    assert ready.calls() == ["venv", "pip"]
    assert not (ready.root / ".venv/half-written").exists()


def test_a_broken_interpreter_is_replaced(ready: Checkout) -> None:
    (ready.root / ".venv/bin/python").unlink()
    ready.set_up()
    assert ready.calls() == ["venv", "pip"]


def test_a_moved_checkout_gets_a_new_venv(ready: Checkout) -> None:
    ready.root = ready.root.rename(ready.root.with_name("elsewhere"))
    ready.set_up()
    assert ready.calls() == ["venv", "pip"]


def test_another_python_gets_a_new_venv(ready: Checkout) -> None:
    ready.add_python("python3.13", "3.13.0")
    assert "with Python 3.13.0" in ready.set_up(PYTHON="python3.13").stdout
    assert ready.calls() == ["venv", "pip"]


def test_no_network(checkout: Checkout) -> None:
    """The real venv and pip, with an index that refuses connections."""
    shutil.copy(ROOT / "pyproject.toml", checkout.root)
    done = checkout.set_up(
        PYTHON=sys.executable,
        PIP_CONFIG_FILE=os.devnull,
        PIP_INDEX_URL="http://127.0.0.1:9/simple",
        PIP_RETRIES="1",
    )
    assert_one_line(done, "cannot reach the package index", "build/setup.log")
