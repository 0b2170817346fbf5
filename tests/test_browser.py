"""The course in a real browser: JupyterLab, Chromium, and the mouse. Needs Debian's chromium and Playwright."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_lab_care import Marked, watched

sync_api = pytest.importorskip("playwright.sync_api")
pytest.importorskip("jupyterlab")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ROOT = Path(__file__).parents[1]

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here: apt install chromium"),
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc"),
    pytest.mark.timeout(180),
]

QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
QUIET += ["--disable-background-networking", "--disable-component-update"]
ENDLESS = """%%interrupt --when active=100 --deadline 1000
import asyncio
async def main():
    print("at work", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.fixture
def marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Marked]:
    with watched(tmp_path, monkeypatch) as marked:
        yield marked


@pytest.fixture
def lab(tmp_path: Path, marked: Marked) -> Iterator[str]:
    """A JupyterLab on copies of the notebooks; its address."""
    for name in ("notebooks", "scripts", "docs"):
        shutil.copytree(ROOT / name, tmp_path / "course" / name)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folders = {f"JUPYTER_{kind}_DIR": str(tmp_path / kind) for kind in ("RUNTIME", "CONFIG", "DATA")}
    folders |= {"IPYTHONDIR": str(tmp_path / "ipython"), "JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "settings")}
    folders["JUPYTERLAB_WORKSPACES_DIR"] = str(tmp_path / "workspaces")
    options = [f"--port={port}", "--no-browser", "--IdentityProvider.token=", "--ServerApp.password=", "--allow-root"]
    options += ["--ip=127.0.0.1", "--LabApp.news_url=", f"--ServerApp.root_dir={tmp_path / 'course'}"]
    command = [sys.executable, "-m", "jupyterlab", *options]
    with (
        (tmp_path / "lab.log").open("w") as log,
        subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | folders, start_new_session=True) as server,
    ):
        try:
            for _ in range(600):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert server.poll() is None, (tmp_path / "lab.log").read_text()
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}/lab"
        finally:
            server.terminate()
            server.wait(timeout=30)


@pytest.fixture
def page(lab: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A page of the browser, with 00 open and its kernel at rest."""
    with contextlib.ExitStack() as stack:
        short = stack.enter_context(tempfile.TemporaryDirectory(dir="/tmp"))  # for a socket, whose path must be
        monkeypatch.setenv("TMPDIR", short)
        playwright = stack.enter_context(sync_api.sync_playwright())
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        try:
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            page.set_default_timeout(60_000)
            page.goto(f"{lab}/tree/notebooks/00_start_here.ipynb?reset")
            page.wait_for_selector(".jp-Notebook .jp-Cell")
            at_rest(page)
            yield page
        finally:
            browser.close()


def at_rest(page: Any) -> None:
    """Return when the kernel is there and has nothing to do."""
    page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
    page.get_by_text(re.compile(r"\| Idle$")).wait_for()


def menu(page: Any, name: str, item: str) -> None:
    page.get_by_role("menuitem", name=name, exact=True).first.click()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{re.escape(item)}$")).click()


def test_the_first_notebook_is_run_and_its_pictures_are_there(page: Any, tmp_path: Path) -> None:
    menu(page, "Run", "Run All Cells")
    page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="busy"]')
    at_rest(page)
    menu(page, "File", "Save Notebook")
    page.wait_for_function("() => !document.querySelector('.jp-mod-dirty')")
    import nbformat

    saved = nbformat.read(tmp_path / "course" / "notebooks" / "00_start_here.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    cells = [cell for cell in saved.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert [output for output in outputs if output.output_type == "error"] == []
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 3
    # JupyterLab keeps what is near to what is seen, and shows no `alt` of a picture: who cannot see it reads
    # the cell's text.
    text = ""
    for step in range(200):
        page.locator(".jp-WindowedPanel-outer").evaluate("(outer, step) => { outer.scrollTop = step * 400 }", step)
        page.wait_for_timeout(20)
        text = page.locator(".jp-Notebook").inner_text()
        if "signal 1: SIGINT" in text and page.locator(".jp-RenderedImage img").count():
            break
    assert "signal 1: SIGINT" in text
    assert page.locator(".jp-RenderedImage img").first.evaluate("picture => picture.naturalWidth") > 500


def test_stop_ends_an_experiment(page: Any, marked: Marked) -> None:
    cell = page.locator(".jp-CodeCell").last
    cell.scroll_into_view_if_needed()
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text("%load_ext cancelkit\n")
    page.keyboard.press("Shift+Enter")
    at_rest(page)
    fresh = page.locator(".jp-CodeCell").last
    fresh.scroll_into_view_if_needed()
    fresh.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(ENDLESS)
    page.keyboard.press("Control+Enter")
    marked.wait_for(1)
    fault = time.monotonic()
    page.locator('[data-command="notebook:interrupt-kernel"], jp-button[title^="Interrupt"]').first.click()
    marked.wait_for_the_end(fault)
    at_rest(page)
    assert "KeyboardInterrupt" in page.locator(".jp-CodeCell").last.inner_text()
    assert marked.of_the_kit() == set()
