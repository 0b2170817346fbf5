"""What the notebooks hold for a test: their cells, and the start and the solution of each exercise."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


class Written(NamedTuple):
    """An exercise as it stands in its notebook: its name, and Python texts."""

    name: str
    start: str
    solution: str


def cells_of(path: Path) -> list[dict[str, Any]]:
    """The cells of a notebook, each with its source as one text."""
    cells: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [{**cell, "source": "".join(cell["source"])} for cell in cells]


def tags_of(cell: dict[str, Any]) -> list[str]:
    """The tags of a cell."""
    tags: list[str] = cell["metadata"].get("tags", [])
    return tags


def written_exercises(path: Path) -> list[Written]:
    """The exercises of a notebook."""
    found, start, name = [], "", ""
    for cell in cells_of(path):
        if "exercise" in tags_of(cell):
            magic, _, start = cell["source"].partition("\n")
            name = magic.removeprefix("%%answer ")
        elif "solution" in tags_of(cell):
            (solution,) = re.findall(r"```python\n(.*?)\n```", cell["source"], re.DOTALL)
            found.append(Written(name, start, solution))
    return found
