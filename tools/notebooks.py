"""Execute the notebooks and write them back so that nothing changes that did not change.

What differs from run to run is taken out: execution times, the interpreter's version, split streams. A picture is kept
as it was if its text twin is the same, for two runs never take exactly as long. `--check` writes nothing and fails if
a notebook would change.
"""

from __future__ import annotations

import argparse
import copy
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def main() -> int:
    """Execute the notebooks named, or all of them; the exit status is 1 if --check found a change."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path, help="which; all of them unless told otherwise")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a notebook would change")
    options = parser.parse_args()
    changed = [path for path in options.notebooks or sorted(NOTEBOOKS.glob("*.ipynb")) if renew(path, options.check)]
    return 1 if options.check and changed else 0


def renew(path: Path, check: bool) -> bool:
    """Execute one notebook and write it if it changed; whether it did."""
    before_text: str = path.read_text(encoding="utf-8")
    before = nbformat.reads(before_text, as_version=4)  # type: ignore[no-untyped-call]
    executed = copy.deepcopy(before)
    NotebookClient(
        executed, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
    ).execute()
    after_text: str = nbformat.writes(normal(executed, before)) + "\n"  # type: ignore[no-untyped-call]
    changed = after_text != before_text
    if changed and not check:
        path.write_text(after_text, encoding="utf-8")
    print(f"{path.name}: {'changed' if changed else 'as it was'}")
    return changed


def normal(notebook: Any, before: Any) -> Any:
    """The notebook without what differs from run to run."""
    notebook.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    pictures = {cell.id: cell.get("outputs", []) for cell in before.cells}
    for number, cell in enumerate(notebook.cells, 1):
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [keep_picture(output, pictures.get(cell.id, [])) for output in joined(cell.outputs)]
        if not re.fullmatch(r"[a-z0-9-]+", cell.id):
            sys.exit(f"cell {number} has the id {cell.id!r}; give it a readable one, such as first-ctrl-c")
    return notebook


def joined(outputs: list[Any]) -> list[Any]:
    """Outputs with neighbouring pieces of one stream as one; how a stream is split is chance."""
    whole: list[Any] = []
    for output in outputs:
        if whole and output.output_type == "stream" == whole[-1].output_type and output.name == whole[-1].name:
            whole[-1].text += output.text
        else:
            whole.append(output)
    return whole


def keep_picture(output: Any, before: list[Any]) -> Any:
    """The output, with the picture that stood there before if that had the same text twin."""
    if "image/png" in output.get("data", {}):
        for old in before:
            if "image/png" in old.get("data", {}) and old.data.get("text/plain") == output.data.get("text/plain"):
                output.data["image/png"] = old.data["image/png"]
    return output


if __name__ == "__main__":
    sys.exit(main())
