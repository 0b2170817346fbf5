# ruff: noqa: S603
"""The usual test with a real signal: start the service, sleep for a second, send SIGINT, and look at what it said.

Run me with pytest. On a machine that is fast enough the first test finds the mistake of
the service. The second finds nothing on any machine, and passes.
"""

import subprocess
import sys
import time
from pathlib import Path
from signal import SIGINT

SERVICE = Path(__file__).with_name("testing_service_gather.py")


def interrupted_after_a_second(*arguments: str) -> str:
    """Start the service, send it SIGINT after a second, and return what it said."""
    command = [sys.executable, str(SERVICE), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        time.sleep(1)
        process.send_signal(SIGINT)
        said, _ = process.communicate()
    return said


def test_ctrl_c() -> None:
    """Whoever was served got a goodbye."""
    said = interrupted_after_a_second()
    assert said.count("goodbye") == said.count("served")


def test_ctrl_c_slow_start() -> None:
    """Whoever was served got a goodbye, by a service that takes two seconds to load."""
    said = interrupted_after_a_second("2")
    assert said.count("goodbye") == said.count("served")
