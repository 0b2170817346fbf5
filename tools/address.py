"""Say where the repository is: in pyproject.toml, which is the one place for it, and in all that is made from that.

    python tools/address.py                                    make the others agree with pyproject.toml
    python tools/address.py https://github.com/NAME/cancelkit  change it, and them

The others are the Binder button in README.md, which leads to the first notebook, and CITATION.cff.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
GITHUB = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+)")


def main() -> int:
    """Change the address, or only make all agree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address", nargs="?", help="where the repository is now: https://github.com/NAME/cancelkit")
    options = parser.parse_args()
    if options.address is not None and not GITHUB.fullmatch(options.address):
        parser.error(f"{options.address!r} is no address like https://github.com/NAME/cancelkit, which Binder needs")
    for path, text in agreeing(options.address or address()).items():
        path.write_text(text, encoding="utf-8")
    return 0


def address() -> str:
    """What pyproject.toml says."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["urls"]["Repository"])


def agreeing(new: str) -> dict[Path, str]:
    """The files that name the address, with it."""
    repository = new.removeprefix("https://github.com/")
    rules = {
        "pyproject.toml": (r'(?<=^Repository = ").*(?=")', new),
        "CITATION.cff": (r"(?<=^repository-code: ).*", new),
        "README.md": (r"(?<=//mybinder\.org/v2/gh/)[\w.-]+/[\w.-]+", repository),
    }
    texts = {ROOT / name: (ROOT / name).read_text(encoding="utf-8") for name in rules}
    return {path: re.sub(*rules[path.name], texts[path], flags=re.MULTILINE) for path in texts}


if __name__ == "__main__":
    sys.exit(main())
