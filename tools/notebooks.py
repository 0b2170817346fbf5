"""Execute the notebooks and write them back so that nothing changes that did not change.

What differs from run to run is taken out: execution times, the interpreter's version, split streams. A picture is kept
as it was if its text twin is the same, for two runs never take exactly as long. What came of the experiments goes into
archives that ship with the kit: recorded runs, for where none may be made. `--check` writes nothing and fails if a
notebook would change.
"""

from __future__ import annotations

import argparse
import copy
import re
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from cancelkit.lab.recorded import SHIPPED

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
KEEP = "from pathlib import Path; from cancelkit.lab import recorded; recorded.state.keep_in = Path({!r})"
"""What has a kernel keep what comes of its experiments."""

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
    with tempfile.TemporaryDirectory() as runs:
        execute(executed, path.parent, KEEP.format(runs))
        after_text: str = nbformat.writes(normal(executed, before)) + "\n"  # type: ignore[no-untyped-call]
        changed = after_text != before_text
        if not check:
            pack(Path(runs), SHIPPED / f"{path.stem}.zip", keep_old=not changed)
    if changed and not check:
        path.write_text(after_text, encoding="utf-8")
    print(f"{path.name}: {'changed' if changed else 'as it was'}")
    return changed


def execute(notebook: Any, folder: Path, first: str) -> None:
    """Run all cells in a folder, after something that is not one of them."""
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    with client.setup_kernel():
        assert client.kc is not None
        client.kc.execute(first, silent=True, store_history=False)
        for index, cell in enumerate(notebook.cells):
            client.execute_cell(cell, index)


def pack(runs: Path, archive: Path, *, keep_old: bool) -> None:
    """Put recorded runs into an archive, in the place of what was there; with `keep_old`, those of the same runs stay.

    That is for a notebook that shows what it has shown: otherwise a run of the same may have come to something else.
    """
    old = {}
    if keep_old and archive.exists():
        with zipfile.ZipFile(archive) as file:
            old = {name: file.read(name) for name in file.namelist()}
    new = {run.name: old.get(run.name) or run.read_bytes() for run in sorted(runs.iterdir())}
    if new != old:
        archive.parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
            for name, text in new.items():
                file.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)  # of no date


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
