"""What whoever started the program has set to be ignored stays ignored: `nohup`.

Start me in a terminal. I ignore SIGHUP from the start, as if `nohup` had started me. Send me
SIGHUP from another terminal when I say `job-4: holding`, and press Ctrl-C: SIGHUP does
nothing, and `echo $?` says 130. With --anyway I register a handler for SIGHUP all the same,
and SIGHUP ends me: 129.
"""

import asyncio
import sys
from signal import SIG_DFL, SIG_IGN, SIGHUP, signal

from cancelkit.lab.workload import make_jobs
from cancelkit.patterns.handlers import run_tasks


async def main() -> None:
    """Run the jobs and print their results."""
    if "--anyway" in sys.argv:
        signal(SIGHUP, SIG_DFL)  # now run_tasks sees nothing of it
    print(await run_tasks(make_jobs(), max_concurrent=2))


if __name__ == "__main__":
    signal(SIGHUP, SIG_IGN)  # as nohup does
    asyncio.run(main())
