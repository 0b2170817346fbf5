"""Can tests send real signals here? I start a process, send it each of them, and see what comes of it.

Start me where your tests run: in a terminal, in CI, in a container. I say which signals
arrive, and `echo $?` says 0 if all do. Start me as a shell script starts what it puts into
the background, with `sh -c 'python choosing_tests.py & wait'`: there SIGINT is ignored.
"""

import signal
import subprocess
import sys

CHILD = "import sys; print('ready', flush=True); sys.stdin.read()"


def arrives(signum: signal.Signals) -> bool:
    """Whether a process that is started from here can be interrupted by a signal."""
    command, pipe = [sys.executable, "-c", CHILD], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as child:  # noqa: S603
        assert child.stdout is not None
        child.stdout.readline()
        child.send_signal(signum)
        child.communicate()  # its input ends, and so does it, if nothing has ended it before
    return child.returncode == -signum


if __name__ == "__main__":
    found = {signum: arrives(signum) for signum in (signal.SIGINT, signal.SIGTERM)}
    for signum, does in found.items():
        print(f"{signum.name} {'arrives' if does else 'is ignored'}")
    sys.exit(0 if all(found.values()) else 1)
