"""The printable pages: each shows its source as it is, the promises as measured and as in the docstring, on a page."""

from __future__ import annotations

import base64
import html
import re
import shutil
import sys
from importlib import import_module
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

import pages
from cancelkit.contract.promises import PROMISES

PATTERNS = [sheet for sheet in pages.SHEETS if sheet.name != "cancelkit"]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

each_sheet = pytest.mark.parametrize("sheet", pages.SHEETS, ids=lambda sheet: sheet.name)


def text_of(sheet: pages.Sheet) -> str:
    return (pages.PAGES / f"{sheet.name}.html").read_text(encoding="utf-8")


def verdicts_on(text: str) -> dict[str, str]:
    """The promises that a page has in its table, with the words that stand beside them."""
    found = re.findall(r'<tr class="(\w+)"><td>(.) (\w+)</td><th scope="row">([\w-]+)</th>', text)
    assert all(
        (kind, mark) in {("kept", "+"), ("broken", "\N{MULTIPLICATION SIGN}")} and kind == word
        for kind, mark, word, _ in found
    )
    return {name: word for _, _, word, name in found}


@each_sheet
def test_a_page_shows_the_code_as_it_is(sheet: pages.Sheet) -> None:
    (shown,) = re.findall(r'<pre class="code">(.*?)</pre>', text_of(sheet), re.DOTALL)
    assert html.unescape(shown) == pages.code_of(sheet)
    if sheet in PATTERNS:
        assert pages.code_of(sheet) in Path(str(import_module(f"cancelkit.patterns.{sheet.name}").__file__)).read_text()


@pytest.mark.parametrize("sheet", PATTERNS, ids=lambda sheet: sheet.name)
def test_the_promises_are_those_of_the_docstring(sheet: pages.Sheet) -> None:
    docstring = import_module(f"cancelkit.patterns.{sheet.name}").__doc__ or ""
    kept, _, broken = docstring.partition("\nKeeps: ")[2].partition(".\nCannot keep:")
    keeps = re.split(r",\s", kept)
    cannot = ", ".join(re.findall(r"^- (.*?): ", broken, re.MULTILINE)).split(", ")
    assert verdicts_on(text_of(sheet)) == dict.fromkeys(keeps, "kept") | dict.fromkeys(cannot, "broken")
    assert sorted(keeps + cannot) == sorted(promise.id for promise in PROMISES)
    assert f"Measured: {len(keeps)} of 16 promises kept" in text_of(sheet)


def test_the_kit_keeps_all_of_them() -> None:
    assert set(verdicts_on(text_of(pages.SHEETS[-1])).values()) == {"kept"}


@each_sheet
def test_what_is_drawn_is_said_in_words(sheet: pages.Sheet) -> None:
    ((words, png),) = pages.PICTURE.findall(text_of(sheet))
    assert text_of(sheet).count("<img") == 1
    assert words.count("signal 1: SIGINT") == 2
    assert words.count("signal 2: SIGINT") == 1
    assert base64.b64decode(png).startswith(b"\x89PNG")


@each_sheet
def test_headings_are_in_order_and_the_page_has_a_language(sheet: pages.Sheet) -> None:
    text = text_of(sheet)
    assert [int(level) for level in re.findall(r"<h(\d)>", text)] == [1, 2, 2, 2, 2, 2]
    assert '<html lang="en">' in text
    assert re.search(r"<title>.+ \| cancelkit</title>", text)


def test_they_are_made_again_as_they_are() -> None:
    """The picture is kept, whose times are not the same in two runs; all the rest is measured anew."""
    for sheet, text in pages.pages().items():
        assert text == text_of(sheet)


def test_a_page_that_would_change_is_told_and_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = pages.SHEETS[:2]
    monkeypatch.setattr(pages, "PAGES", tmp_path)
    monkeypatch.setattr(pages, "pages", lambda: {first: "as it was", second: "new"})
    (tmp_path / f"{first.name}.html").write_text("as it was")
    (tmp_path / f"{second.name}.html").write_text("old")
    monkeypatch.setattr(sys, "argv", ["pages.py", "--check"])
    assert pages.main() == 1
    assert capsys.readouterr().out == f"{first.name}.html: as it was\n{second.name}.html: changed\n"
    assert (tmp_path / f"{second.name}.html").read_text() == "old"
    monkeypatch.setattr(sys, "argv", ["pages.py"])
    assert pages.main() == 0
    assert (tmp_path / f"{second.name}.html").read_text() == "new"


def test_what_is_spoilt_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture with other words is drawn anew."""
    sheet = pages.SHEETS[0]
    words = html.unescape(pages.PICTURE.findall(text_of(sheet))[0][0])
    assert pages.old_picture(sheet, words)
    assert not pages.old_picture(sheet, words.replace("killed by SIGINT", "exited 0"))
    monkeypatch.setattr(pages, "PAGES", tmp_path)
    assert not pages.old_picture(sheet, words)


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here: apt install chromium")
def test_each_fits_on_one_page() -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        try:
            page = browser.new_page()
            for sheet in pages.SHEETS:
                page.goto((pages.PAGES / f"{sheet.name}.html").as_uri())
                for paper in ("A4", "Letter"):
                    printed = page.pdf(format=paper)
                    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1, (sheet.name, paper)
        finally:
            browser.close()
