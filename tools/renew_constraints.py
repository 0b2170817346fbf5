"""Renew constraints.txt: resolve everything the kit installs, per Python, and merge the pins.

    .venv/bin/python tools/renew_constraints.py python3.11 python3.12 python3.13

Each interpreter named gets a temporary venv with the newest releases pyproject.toml allows. A
package whose version differs between Pythons is pinned once per version, with a marker; the pins of
the newest interpreter named also hold for later Pythons. Then pip's dry run proves that wheels for the
pins exist for every supported Python on Linux and macOS. It takes about ten minutes.
"""

import logging
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, distributions
from itertools import chain, product
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "constraints.txt"
HEADER = """\
# Exact versions for every Python and platform the kit supports; used as pip's -c file.
# Made by tools/renew_constraints.py, whose docstring says how to renew it. Not edited by hand.
"""

# Asked for by hatchling itself while it builds an editable install, so pyproject.toml never names it.
BUILD_EXTRA = ("editables",)
# Releases to stay below, and why. Drop a line when its reason is gone.
HELD_BACK = (
    "soupsieve<3; python_version < '3.12'",  # later ones refuse Pythons before 3.11.5; Debian 12 has 3.11.2
    "argon2-cffi-bindings<26",  # later ones have no wheel for Intel Macs
)
NEVER_PINNED = {"pip", "setuptools", "wheel"}  # they come with the venv

PLATFORMS = {  # what environment markers say, and the wheel tags pip is asked for
    ("linux", "Linux", "x86_64"): [f"manylinux_2_{minor}_x86_64" for minor in (28, 27, 26, 24, 17, 12, 5)],
    ("linux", "Linux", "aarch64"): [f"manylinux_2_{minor}_aarch64" for minor in (28, 27, 26, 24, 17)],
    ("darwin", "Darwin", "arm64"): ["macosx_12_0_arm64"],
    ("darwin", "Darwin", "x86_64"): ["macosx_12_0_x86_64"],
}

log = logging.getLogger("renew_constraints")
Pins = dict[str, str]


def wanted(project: dict[str, Any]) -> list[str]:
    """Return what the kit installs and is built with, without its references to itself."""
    table = project["project"]
    extras = table["optional-dependencies"].values()
    lines = chain(project["build-system"]["requires"], BUILD_EXTRA, table["dependencies"], *extras)
    return sorted({line for line in lines if Requirement(line).name != table["name"]})


def supported(project: dict[str, Any]) -> list[str]:
    """Return the Python versions the classifiers name, oldest first."""
    found = re.findall(r"Python :: (3\.\d+)", "\n".join(project["project"]["classifiers"]))
    return sorted(found, key=Version)


def run(*command: str | Path) -> None:
    """Run a command from the repository's root, silently; log what it said if it fails."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        log.error("%s\n%s%s", " ".join(map(str, command)), done.stdout, done.stderr)
        sys.exit(1)


def missing(roots: Iterable[str], installed: Mapping[str, Distribution], pythons: Iterable[str]) -> set[str]:
    """Return the names that `roots` need on another platform or Python, but that are not installed here."""
    absent: set[str] = set()
    for python, (sys_platform, platform_system, machine) in product(pythons, PLATFORMS):
        target = {
            "python_version": python,
            "python_full_version": f"{python}.0",
            "sys_platform": sys_platform,
            "platform_system": platform_system,
            "platform_machine": machine,
        }
        todo = [(Requirement(root), "") for root in roots]
        done: set[tuple[str, str]] = set()
        while todo:
            requirement, extra = todo.pop()
            name = canonicalize_name(requirement.name)
            if requirement.marker and not requirement.marker.evaluate({**target, "extra": extra}):
                continue
            if name not in installed:
                absent.add(name)
                continue
            for key in {(name, asked) for asked in ("", *requirement.extras)} - done:
                done.add(key)
                todo += [(Requirement(line), key[1]) for line in installed[name].requires or ()]
    return absent


def resolve(interpreter: str, venv: Path, roots: list[str], later: list[str]) -> tuple[str, Pins]:
    """Install `roots` into a new venv; return its Python version and what was installed."""
    run(interpreter, "-m", "venv", venv)
    site = next(venv.glob("lib/python3.*/site-packages"))
    python = site.parent.name.removeprefix("python")
    more: set[str] = set()
    while True:
        log.info("%s: installing%s", python, " ".join(["", *sorted(more)]))
        run(venv / "bin/python", "-m", "pip", "install", *roots, *HELD_BACK, *more)
        installed: dict[str, Distribution] = {
            canonicalize_name(dist.name): dist for dist in distributions(path=[str(site)])
        }
        more = missing(roots, installed, [python, *later])
        if not more:
            return python, {name: d.version for name, d in installed.items() if name not in NEVER_PINNED}


def merge(pins: Mapping[str, Pins]) -> str:
    """Return the constraint lines for pins by Python version, which are in ascending order."""
    lines = []
    for name in sorted({name for of_one in pins.values() for name in of_one}):
        runs: list[tuple[str, str]] = []  # (version, the first Python it holds for)
        for python, of_one in pins.items():
            version = of_one.get(name)
            if version and (not runs or runs[-1][0] != version):
                runs.append((version, python))
        for index, (version, first) in enumerate(runs):
            bounds = []
            if index:
                bounds.append(f'python_version >= "{first}"')
            if index + 1 < len(runs):
                bounds.append(f'python_version < "{runs[index + 1][1]}"')
            lines.append(f"{name}=={version}" + (f" ; {' and '.join(bounds)}" if bounds else ""))
    return "\n".join(lines) + "\n"


def prove(venv: Path, python: str, roots: list[str]) -> None:
    """Let pip resolve `roots` to wheels under the new constraints, for one Python on every platform.

    pip judges markers by the interpreter it runs on: hence the venv of that Python, or of the nearest.
    """
    for (_, system, machine), tags in PLATFORMS.items():
        log.info("%s: proving on %s %s", python, system, machine)
        platforms = [f"--platform={tag}" for tag in tags]
        pip: list[str | Path] = [venv / "bin/python", "-m", "pip", "install", "--dry-run", "--ignore-installed"]
        wheels = ["--only-binary=:all:", f"--target={venv / 'unused'}", f"--python-version={python}"]
        run(*pip, *wheels, *platforms, "-c", CONSTRAINTS, *roots)


def main(interpreters: list[str]) -> None:
    """Renew constraints.txt by the interpreters named, oldest first."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    roots, pythons = wanted(project), supported(project)
    with tempfile.TemporaryDirectory() as scratch:
        venvs, pins = {}, {}
        for index, interpreter in enumerate(interpreters):
            venv = Path(scratch, str(index))
            later = pythons[len(interpreters) :] if interpreter == interpreters[-1] else []
            python, pins_of_one = resolve(interpreter, venv, roots, later)
            venvs[python], pins[python] = venv, pins_of_one
        newest = list(pins)[-1]
        if list(pins) != pythons[: len(pins)]:
            sys.exit(f"name the interpreters of {', '.join(pythons)}, from the first on and in that order")
        CONSTRAINTS.write_text(HEADER + merge(pins))
        for python in pythons:
            prove(venvs.get(python, venvs[newest]), python, roots)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    os.environ.pop("PIP_CONSTRAINT", None)
    if not sys.argv[1:]:
        sys.exit(__doc__)
    main(sys.argv[1:])
