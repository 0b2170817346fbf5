"""One job that is interrupted well or badly by turns: as the next letter says of the file that is the first argument.

Where there are no more letters, it goes well.
"""

import asyncio
import sys
from pathlib import Path


def its_turn() -> str:
    turns = Path(sys.argv[1])
    letters = turns.read_text()
    turns.write_text(letters[1:])
    return letters[:1]


async def main() -> None:
    try:
        await asyncio.sleep(1)
    except asyncio.CancelledError:
        if its_turn() == "b":
            raise ValueError from None
        raise


asyncio.run(main())
