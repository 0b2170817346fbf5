"""show_together: several outcomes in one picture, and what it says to whoever compares it or cannot see it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("IPython")
pytest.importorskip("matplotlib")

from matplotlib.figure import Figure

from cancelkit.errors import CancelkitError
from cancelkit.lab import Outcome
from cancelkit.notebook import displays, show_together
from cancelkit.plot import timelines

Displayed = tuple[dict[str, str], dict[str, dict[str, Any]]]


@pytest.fixture
def displayed(monkeypatch: pytest.MonkeyPatch) -> list[Displayed]:
    """What a cell would show: the data and the metadata of each display."""
    seen: list[Displayed] = []

    def display(data: dict[str, str], *, raw: bool, metadata: dict[str, dict[str, Any]]) -> None:
        assert raw
        seen.append((data, metadata))

    monkeypatch.setattr(displays, "display", display)
    return seen


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that become pictures."""
    figures: list[Figure] = []

    def to_png(figure: Figure) -> bytes:
        figures.append(figure)
        return b"the picture"

    monkeypatch.setattr(timelines, "to_png", to_png)
    return figures


@pytest.fixture(scope="module")
def pair(interrupt: Callable[..., Outcome]) -> tuple[Outcome, Outcome]:
    """One signal, and two, to jobs that clean up."""
    return interrupt("limited.py", "active=2"), interrupt("limited.py", "active=2", "cleaning=2")


def test_one_picture_says_the_same_in_words(displayed: list[Displayed], pair: tuple[Outcome, Outcome]) -> None:
    once, twice = pair
    show_together(("one", once), ("two", twice))
    ((data, metadata),) = displayed
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert data["text/plain"] == f"one\n{once}\n\ntwo\n{twice}"
    assert metadata["image/png"]["alt"] == data["text/plain"]
    assert 500 < metadata["image/png"]["width"] <= 760


def test_one_below_the_other_on_one_time_axis(
    displayed: list[Displayed], drawn: list[Figure], pair: tuple[Outcome, Outcome]
) -> None:
    once, twice = pair
    show_together(("one", once), ("two", twice))
    (figure,) = drawn
    above, below = figure.axes
    assert (above.get_title("left"), below.get_title("left")) == ("one", "two")
    assert above.get_xlim() == below.get_xlim()
    figure.draw_without_rendering()
    assert above.get_position().y0 > below.get_position().y1
    assert above.get_position().x0 == pytest.approx(below.get_position().x0)


def test_above_each_stands_how_it_ended_and_the_verdict(
    displayed: list[Displayed], drawn: list[Figure], pair: tuple[Outcome, Outcome]
) -> None:
    once, twice = pair
    assert (once.clean, twice.clean) == (True, False)
    show_together(("one", once), ("two", twice))
    above, below = drawn[0].axes
    assert above.get_title("right") == "killed by SIGINT; clean"
    assert below.get_title("right") == f"killed by SIGINT; broken: {', '.join(v.id for v in twice.broken)}"


def test_with_nothing_to_show_it_says_what_it_wants() -> None:
    with pytest.raises(CancelkitError, match="pairs of a title and an outcome"):
        show_together()
