"""Compare the kit with its peers, and write down what came of it: docs/comparison.md, .json and .svg."""

from __future__ import annotations

import datetime
from pathlib import Path

from cancelkit.contract.compare import compare
from cancelkit.contract.promises import PROMISES
from cancelkit.plot.matrix import draw_matrix
from cancelkit.plot.timelines import save

DOCS = Path(__file__).parents[1] / "docs"

HEAD = """\
# Who keeps which promise

Measured on {date} with real signals, by `cancelkit compare`; to measure again, `make comparison`.

What is compared is what each library gives to somebody who follows its documentation; the few lines that it takes are
in `cancelkit/contract/peers.py`. Each runs under the runner that it is meant for: aiorun and anyio under their own,
the kit's under `cancelkit.run`, the others under `asyncio.run`. That leaves a second Ctrl-C and SIGTERM to chance, so
nobody who leaves signals to it can keep all promises.

![The table below as a picture: a circle for a promise that was kept, a cross for one that was broken.](comparison.svg)

"""

TAIL = """

## What each promise means

{meanings}
"""


def main() -> None:
    """Compare everything that is installed, and write the three files."""
    matrix = compare()
    meanings = "\n".join(f"- **{promise.id}**: {promise.what}." for promise in PROMISES)
    text = HEAD.format(date=datetime.date.today()) + matrix.markdown() + TAIL.format(meanings=meanings)
    (DOCS / "comparison.md").write_text(text, encoding="utf-8")
    (DOCS / "comparison.json").write_text(matrix.as_json() + "\n", encoding="utf-8")
    save(draw_matrix(matrix), DOCS / "comparison.svg")
    print(matrix)


if __name__ == "__main__":
    main()
