"""Pictures of very many tasks: how many are in which state, and a choice of lanes that says what it is a choice of."""

import pytest

pytest.importorskip("matplotlib")

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from cancelkit.plot.choice import MOST_LANES, how_many, lanes_shown
from cancelkit.plot.overview import counts_over_time
from cancelkit.plot.style import DARK, LIGHT, Theme
from cancelkit.plot.timelines import Panel, draw, draw_grid
from cancelkit.trace.states import State
from cancelkit.trace.timeline import Job, Lane, Span, Timeline

SECOND = 1_000_000_000


def lane(number: int, *states: State, end: State = State.FINISHED, name: str = "", is_main: bool = False) -> Lane:
    """A task that is made at its number of seconds, and is a second in each state."""
    spans = [Span(state, (number + n) * SECOND, (number + n + 1) * SECOND) for n, state in enumerate(states)]
    return Lane(number, name or f"job-{number}", is_main, tuple(spans), (), end, coro="job")


def timeline(*lanes: Lane, jobs: tuple[Job, ...] = ()) -> Timeline:
    return Timeline(lanes, (), jobs, 1_001 * SECOND)


USUAL, LATE, LOST = (State.AWAITING,), (State.QUEUED, State.AWAITING), (State.AWAITING, State.CLEANING)
MANY = timeline(
    lane(0, *USUAL, name="main", is_main=True),
    *(lane(n, *USUAL) for n in range(1, 900)),
    *(lane(n, *LATE) for n in range(900, 990)),
    lane(990, *LOST, end=State.CANCELLED),
    *(lane(n, *USUAL) for n in range(991, 1000)),
    jobs=(Job("job-990", begun=1, cleanup_begun=2),),
)


def test_up_to_a_limit_all_lanes_are_shown() -> None:
    few = timeline(*(lane(n, *USUAL) for n in range(MOST_LANES)))
    assert lanes_shown(few) == few.lanes
    assert how_many(few.lanes, few) == ""


def test_of_very_many_the_main_one_the_alarming_and_some_of_every_kind() -> None:
    shown = lanes_shown(MANY)
    names = [lane.name for lane in shown]
    assert (len(names), names[0]) == (30, "main")
    assert "job-990" in names
    assert names == ["main", *(f"job-{n}" for n in (*range(1, 15), *range(900, 914), 990))]
    assert how_many(shown, MANY) == "30 of 1,000 tasks"


def test_what_is_alarming_comes_first_when_not_all_of_it_fits() -> None:
    lost = [lane(n, *LOST, end=State.CANCELLED) for n in range(1, 60)]
    kinds = [lane(100 + n, *(State.AWAITING, State.RUNNING) * n) for n in range(1, 60)]
    jobs = tuple(Job(each.name, begun=1, cleanup_begun=2) for each in lost)
    shown = lanes_shown(timeline(lane(0, *USUAL, name="main", is_main=True), *kinds, *lost, jobs=jobs))
    assert shown[0].name == "main"
    assert sum(each in lost for each in shown) >= 1


def test_counts_are_of_all_tasks() -> None:
    two = timeline(lane(0, State.AWAITING, State.CLEANING), lane(1, State.AWAITING), lane(1, State.QUEUED))
    counts = counts_over_time(two, np.array([-0.5, 0.5, 1.5, 2.5]))
    assert {str(state): found.tolist() for state, found in counts.items() if found.any()} == {
        "awaiting": [0, 1, 1, 0],
        "queued": [0, 0, 1, 0],
        "cleaning up": [0, 0, 1, 0],
    }


def fills(figure: Figure) -> list[str]:
    found = [each for each in figure.axes[0].collections if isinstance(each, PolyCollection)]
    return [str(each.get_label()) for each in found]


def test_the_picture_has_the_counts_above_and_says_how_many_lanes_it_shows() -> None:
    figure = draw(Panel(MANY, "a title", "exited 0"))
    above, below = figure.axes
    assert fills(figure) == ["awaiting", "queued", "cleaning up"]
    assert (above.get_title("left"), above.get_title("right")) == ("a title", "exited 0")
    assert below.get_title("right") == "30 of 1,000 tasks"
    assert len(below.get_yticklabels()) == 30
    assert above.get_xlim() == below.get_xlim()


def test_in_a_grid_the_choice_says_so_too() -> None:
    few = timeline(lane(0, *USUAL))
    left, right = draw_grid([[Panel(MANY, ended="exited 0"), Panel(few, ended="exited 0")]]).axes
    assert (left.get_title("right"), right.get_title("right")) == ("30 of 1,000 tasks, exited 0", "exited 0")


def test_names_that_are_too_long_keep_both_ends() -> None:
    (ax,) = draw(Panel(timeline(lane(0, *USUAL, name="a" * 50 + "b" * 50)))).axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a" * 14 + "…" + "b" * 14]


@pytest.mark.parametrize("shown", [MANY, timeline(lane(0, *USUAL))], ids=["many", "one"])
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_everything_written_can_be_read_on_its_page(shown: Timeline, theme: Theme) -> None:
    figure = draw(Panel(shown, "a title", "exited 0"), theme)
    (legend,) = figure.legends
    labels = [text for ax in figure.axes for text in (*ax.get_xticklabels(), *ax.get_yticklabels())]
    words = [*labels, figure.axes[-1].xaxis.label, *legend.get_texts()]
    assert {to_hex(text.get_color()).upper() for text in words} == {theme.ink}
    pages = [figure.get_facecolor(), *(ax.get_facecolor() for ax in figure.axes)]
    assert {to_hex(page).upper() for page in pages} == {theme.page}
