"""What the four approaches lead up to: `run` owns the signals, `finish` the cleanup.

Start me in a terminal: seven jobs, two at a time. Press Ctrl-C as often as you like:
you are told what is still being cleaned up, all of it finishes, no job of the queue
begins, and `echo $?` says 130. SIGTERM does the same, and 143.
"""

from cancelkit import run, run_tasks
from cancelkit.lab.workload import make_jobs


async def main() -> None:
    """Run the jobs and print their results."""
    print(await run_tasks(make_jobs(finished=True), max_concurrent=2))


if __name__ == "__main__":
    run(main())
