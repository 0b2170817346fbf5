"""What says the same in several files says the same; and what is run elsewhere is what `make` runs here."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("yaml")  # which comes with JupyterLab

import yaml

import address

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def read(name: str | Path) -> Any:
    return yaml.safe_load((ROOT / name).read_text())


def pythons() -> set[str]:
    """The versions that the package is said to support."""
    found = (re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", line) for line in PROJECT["classifiers"])
    return {match[1] for match in found if match}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_runs_make_targets_that_there_are(path: Path) -> None:
    steps = [step for job in read(path)["jobs"].values() for step in job["steps"]]
    commands = [step["run"] for step in steps if "run" in step]
    assert commands
    for command in commands:
        assert re.fullmatch(r"make [a-z-]+", command)
        assert command.removeprefix("make ") in TARGETS


def test_every_python_that_is_supported_is_tested() -> None:
    matrix = read(".github/workflows/test.yml")["jobs"]["test"]["strategy"]["matrix"]
    assert set(matrix["python"]) == pythons()


def test_what_runs_before_a_commit_is_a_make_target() -> None:
    hooks = [hook for repository in read(".pre-commit-config.yaml")["repos"] for hook in repository["hooks"]]
    assert [hook["entry"] for hook in hooks] == ["make check"]
    assert "check" in TARGETS


def test_conda_and_pip_agree() -> None:
    """environment.yml installs the project itself, and names nothing of its own but a Python that is supported."""
    *packages, with_pip = read("environment.yml")["dependencies"]
    python, pip = packages
    assert python.removeprefix("python=") in pythons()
    assert pip == "pip"
    constraints, project = with_pip["pip"]
    assert (ROOT / constraints.removeprefix("-c ")).is_file()
    path, extras = re.fullmatch(r"-e (\.)\[(\w+)\]", project).groups()  # type: ignore[union-attr]
    assert (ROOT / path / "pyproject.toml").is_file()
    assert extras in PROJECT["optional-dependencies"]


def test_what_conda_installs_runs_the_notebooks() -> None:
    """All that the notebooks and what they run import is in the extra that environment.yml names."""
    extras = PROJECT["optional-dependencies"]
    names = {re.split(r"[>\[]", requirement)[0] for extra in ("lab", "course") for requirement in extras[extra]}
    assert {"jupyterlab", "ipykernel", "nbclient", "matplotlib", "pytest", "click", "rich", "psutil"} <= names


def test_the_version_stands_in_the_citation() -> None:
    assert read("CITATION.cff")["version"] == PROJECT["version"]


def test_the_address_is_the_same_everywhere() -> None:
    for path, text in address.agreeing(address.address()).items():
        assert path.read_text() == text
    repository = address.address().removeprefix("https://github.com/")
    assert read("CITATION.cff")["repository-code"] == address.address()
    assert f"mybinder.org/v2/gh/{repository}/HEAD" in (ROOT / "README.md").read_text()


def test_a_new_address_is_written_everywhere() -> None:
    texts = address.agreeing("https://github.com/somebody/kit")
    assert {path.name for path in texts} == {"pyproject.toml", "CITATION.cff", "README.md"}
    assert all("somebody/kit" in text and address.address() not in text for text in texts.values())


def test_the_address_stands_in_no_other_file() -> None:
    named = {path.name for path in address.agreeing(address.address())}
    repository = address.address().removeprefix("https://")
    folders = ("cancelkit", "docs", "notebooks", "scripts", "tools", ".github")
    files = [*ROOT.glob("*.*"), *(file for folder in folders for file in (ROOT / folder).rglob("*") if file.is_file())]
    texts = {file.name: file.read_bytes() for file in files if file.is_file() and file.suffix not in (".pyc", ".zip")}
    assert {name for name, text in texts.items() if repository.encode() in text} <= named


def test_binder_opens_a_notebook_that_is_there() -> None:
    (path,) = re.findall(r"urlpath=lab/tree/(\S+?)\)", (ROOT / "README.md").read_text())
    assert (ROOT / path).is_file()


def test_the_guide_for_contributors_names_targets_and_files_that_there_are() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    targets = re.findall(r"`make ([a-z-]+)`", text)
    assert targets
    assert set(targets) <= TARGETS
    for path in re.findall(r"`([\w/.]+\.(?:py|md|toml|yml|ipynb)|\w+/[\w/]*)`", text):
        assert (ROOT / path).exists(), path
