"""Stop, timeouts and the end of a kernel, while a cell makes experiments: nothing is left, and the kernel still works.

What is watched, and how, is told in test_lab_care.py.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from test_lab_care import PER_EXPERIMENT, Marked, tell, watched

pytest.importorskip("ipykernel")
jupyter_client = pytest.importorskip("jupyter_client")

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of what runs kernels
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

PREPARE = """
%load_ext cancelkit
import asyncio, os, signal, threading
from cancelkit.lab import Experiment, perform, perform_all, perform_all_async, perform_async, signals_at
program = {program!r}
endless = Experiment(program, signals_at("active=100"), ["loops_for_ever"], deadline=1000)
short = Experiment(program, signals_at("active=1"), ["loops_for_ever"], deadline=1000)

def state():
    handlers = [signal.getsignal(signum) for signum in signal.valid_signals()]
    return handlers, os.getcwd(), os.environ.get("PYTHONPATH"), asyncio.get_running_loop(), threading.active_count()
"""
ONE = "print(perform(endless).ended)"
SEVERAL = "print(perform_all([endless] * 3, at_once=2))"
ONE_AWAITED = "print((await perform_async(endless)).ended)"
SEVERAL_AWAITED = "print(await perform_all_async([endless] * 3, at_once=2))"
MAGIC = "%interrupt --when active=100 --deadline 1000 $program loops_for_ever"
CELLS = {ONE: 1, SEVERAL: 2, ONE_AWAITED: 1, SEVERAL_AWAITED: 2, MAGIC: 1}
"""Each with the number of experiments that run at once."""

AGAIN = "print(perform(short).ended, (await perform_async(short)).ended)"

each_cell = pytest.mark.parametrize("cell", CELLS, ids=["one", "several", "one awaited", "several awaited", "magic"])


@pytest.fixture
def marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Marked]:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    with watched(tmp_path, monkeypatch) as marked:
        yield marked


class Kernel:
    """A kernel, as a notebook has one."""

    def __init__(self, program: Path) -> None:
        self.manager = jupyter_client.KernelManager()
        self.manager.start_kernel()
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready()
        self._program = program
        self.prepare()

    def prepare(self) -> None:
        assert self.run(PREPARE.format(program=str(self._program))) == ""

    def start(self, cell: str) -> str:
        return str(self.client.execute(cell))

    def result(self, cell: str) -> str:
        """What a cell that was started has printed, or its error, when it is over."""
        text = ""
        while True:
            try:
                message: dict[str, Any] = self.client.get_iopub_msg(timeout=1)
            except Empty:  # the test's timeout is the limit
                continue
            if message["parent_header"].get("msg_id") != cell:
                continue
            content = message["content"]
            match message["msg_type"]:
                case "stream":
                    text += content["text"]
                case "error":
                    text += content["ename"]
                case "status" if content["execution_state"] == "idle":
                    return text

    def run(self, cell: str) -> str:
        return self.result(self.start(cell))

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel(programs: Path, marked: Marked) -> Iterator[Kernel]:
    kernel = Kernel(programs / "misbehave.py")
    yield kernel
    kernel.close()


@each_cell
def test_stop(cell: str, kernel: Kernel, marked: Marked) -> None:
    kernel.run("before = state()")
    for _ in range(2):
        started = kernel.start(cell)
        marked.wait_for(CELLS[cell])
        fault = time.monotonic()
        kernel.manager.interrupt_kernel()
        marked.wait_for_the_end(fault)
        assert kernel.result(started) in ("KeyboardInterrupt", "CancelledError")
        print(f"the cell ended {time.monotonic() - fault:.3f} s after Stop")
        assert kernel.run("print(state() == before)") == "True\n"
        assert kernel.run(AGAIN) == "killed by SIGINT killed by SIGINT\n"
    assert marked.of_the_kit() == set()
    assert marked.folders() == []


def test_stop_while_tasks_of_a_cell_before_await(kernel: Kernel, marked: Marked) -> None:
    """They belong to no cell: Stop leaves them alone, and they go on until they are cancelled."""
    assert kernel.run("background = asyncio.ensure_future(perform_async(endless))") == ""
    started = kernel.start("await asyncio.Event().wait()")
    marked.wait_for(1)
    kernel.manager.interrupt_kernel()
    assert kernel.result(started) in ("KeyboardInterrupt", "CancelledError")
    assert kernel.run("print(background.cancel(), await asyncio.wait([background]) and background.cancelled())") == (
        "True True\n"
    )
    marked.wait_for_the_end(time.monotonic())


@pytest.mark.parametrize("cell", [ONE_AWAITED, SEVERAL_AWAITED], ids=["one awaited", "several awaited"])
def test_the_kernel_ends_when_it_is_asked(cell: str, kernel: Kernel, marked: Marked) -> None:
    kernel.start(cell)
    marked.wait_for(CELLS[cell])
    fault = time.monotonic()
    kernel.client.shutdown()
    marked.wait_for_the_end(fault)


@pytest.mark.parametrize("cell", [ONE, SEVERAL_AWAITED], ids=["one", "several awaited"])
def test_the_kernel_is_killed(cell: str, kernel: Kernel, marked: Marked) -> None:
    kernel.start(cell)
    marked.wait_for(CELLS[cell])
    fault = time.monotonic()
    kernel.manager.signal_kernel(signal.SIGKILL)
    marked.wait_for_the_end(fault)


@pytest.mark.parametrize("now", [False, True], ids=["asked", "now"])
@pytest.mark.parametrize("cell", [SEVERAL, ONE_AWAITED], ids=["several", "one awaited"])
def test_the_kernel_is_restarted(cell: str, now: bool, kernel: Kernel, marked: Marked) -> None:
    """It is asked to end, and interrupted or killed when it does not, by whoever manages it."""
    kernel.start(cell)
    marked.wait_for(CELLS[cell])
    fault = time.monotonic()
    kernel.manager.shutdown_wait_time = 1.0
    kernel.manager.restart_kernel(now=now)
    took = time.monotonic() - fault
    print(f"the kernel was restarted {took:.3f} s after that was wanted")
    marked.wait_for_the_end(time.monotonic())
    kernel.client.wait_for_ready()
    kernel.prepare()
    assert kernel.run(AGAIN) == "killed by SIGINT killed by SIGINT\n"


LIMIT = 1.5
"""Seconds that a cell may take which never ends."""


def notebook(program: Path, *cells: str) -> Any:
    nbformat = pytest.importorskip("nbformat")
    sources = [PREPARE.format(program=str(program)), *cells]
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])


@pytest.mark.parametrize("cell", [SEVERAL, ONE_AWAITED], ids=["several", "one awaited"])
@pytest.mark.parametrize("interrupts", [False, True], ids=["gives up", "interrupts"])
def test_nbclients_timeout(cell: str, interrupts: bool, programs: Path, marked: Marked) -> None:
    """It ends the kernel, or interrupts the cell and goes on with the next."""
    nbclient = pytest.importorskip("nbclient")
    cells = notebook(programs / "misbehave.py", cell, AGAIN)
    faults: list[float] = []

    def limit(cell_of_notebook: Any) -> float:
        return LIMIT if cell_of_notebook.source == cell else 1000.0

    def start(cell: Any, cell_index: int) -> None:
        faults.append(time.monotonic())

    client = nbclient.NotebookClient(
        cells,
        timeout_func=limit,
        interrupt_on_timeout=interrupts,
        allow_errors=True,
        kernel_name="python3",
        on_cell_execute=start,
    )
    with marked.sampled() as seen:
        if interrupts:
            client.execute()
        else:
            with pytest.raises(nbclient.exceptions.CellTimeoutError):
                client.execute()
    assert seen.most >= CELLS[cell] * PER_EXPERIMENT
    if interrupts:
        assert cells.cells[1].outputs[0].ename in ("KeyboardInterrupt", "CancelledError")
        assert cells.cells[2].outputs[0].text == "killed by SIGINT killed by SIGINT\n"
    else:
        print(f"the kernel ended {seen.parent_seen - faults[-1] - LIMIT:.3f} s after the timeout")
        tell(seen.last_seen - seen.parent_seen)
    marked.wait_for_the_end(time.monotonic())


def test_nbvals_timeout(programs: Path, marked: Marked, tmp_path: Path) -> None:
    """It interrupts the cell, and goes on with the next."""
    pytest.importorskip("nbval")
    nbformat = pytest.importorskip("nbformat")
    path = tmp_path / "stuck.ipynb"
    nbformat.write(notebook(programs / "misbehave.py", ONE, SEVERAL_AWAITED, AGAIN), path)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    options = ["--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=6", "-p", "no:cacheprovider", "-rA"]
    with marked.sampled() as seen:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, str(path)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
        )
    print(done.stdout)
    assert done.returncode == 1
    assert "PASSED stuck.ipynb::Cell 0" in done.stdout
    assert "FAILED stuck.ipynb::Cell 1" in done.stdout
    assert "Timeout of 6 seconds exceeded" in done.stdout
    assert "XPASS stuck.ipynb::Cell 3" in done.stdout
    assert seen.most >= 2 * PER_EXPERIMENT
    marked.wait_for_the_end(time.monotonic())
