"""docs/teaching.md: whatever it links to is there; its minutes, and those of the lecture, add up to what is said."""

from __future__ import annotations

import ast
import contextlib
import io
import re
from pathlib import Path
from typing import NamedTuple

import pytest
from course_notebooks import NOTEBOOKS, cells_of, written_exercises

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/teaching.md"
TEXT = PAGE.read_text(encoding="utf-8")
BY_NUMBER = {path.name[:2]: path for path in NOTEBOOKS if path.name[:2].isdigit()}
(LECTURE,) = (path for path in NOTEBOOKS if path.stem == "lecture")


class Link(NamedTuple):
    """A link: what it says, the file that it leads to, relative to docs, and a heading of this page."""

    words: str
    file: str
    anchor: str


LINKS = [Link(*found) for found in re.findall(r"\[((?:[^\[\]])+)\]\(([^)#]*)(?:#([^)]*))?\)", TEXT)]
SECTIONS = [link for link in LINKS if re.match(r"\d\d: ", link.words)]


def headings(text: str) -> list[str]:
    """The headings of a text below its title; what is in a block of code is none."""
    return re.findall(r"^##+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)


def headings_of(notebook: Path) -> list[str]:
    return [line for cell in cells_of(notebook) if cell["cell_type"] == "markdown" for line in headings(cell["source"])]


def section(heading: str) -> str:
    """What stands below a heading of the page, down to the next one of the same level."""
    marks = re.findall(rf"^(#+) {heading}$", TEXT, re.MULTILINE)[0]
    return re.split(rf"^#{{1,{len(marks)}}} ", TEXT.split(f"{marks} {heading}\n", 1)[1], flags=re.MULTILINE)[0]


def rows(text: str) -> list[list[str]]:
    """The rows of the tables in a text, without their heads."""
    tables = re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE)
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for table in tables for line in table.splitlines()[2:]
    ]


def first_cell(notebook: Path) -> str:
    text: str = cells_of(notebook)[0]["source"]
    return text


def needs(notebook: Path) -> list[str]:
    """The numbers of the notebooks that one needs, by its first cell; what only helps is behind a semicolon."""
    text = re.split(r"[;\n]\s*\n|;", first_cell(notebook).split("**You need** ")[1])[0]
    text = re.sub(
        r"(\d\d) to (\d\d)", lambda span: " ".join(f"{n:02}" for n in range(int(span[1]), int(span[2]) + 1)), text
    )
    return re.findall(r"\b\d\d\b", text)


def minutes_of(notebook: Path) -> int:
    return int(re.findall(r"\*\*Time\*\* (?:about )?(\d+) minutes", first_cell(notebook))[0])


def test_every_file_that_is_linked_is_there() -> None:
    assert len(LINKS) > 80
    for link in LINKS:
        assert (PAGE.parent / link.file).exists(), link


def test_every_heading_of_the_page_that_is_linked_is_there() -> None:
    known = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings(TEXT)}
    assert {link.anchor for link in LINKS if link.anchor} <= known


@pytest.mark.parametrize("link", SECTIONS, ids=lambda link: link.words)
def test_every_section_that_is_linked_is_there(link: Link) -> None:
    number, _, heading = link.words.partition(": ")
    notebook = PAGE.parent / link.file
    assert notebook.name.startswith(f"{number}_")
    assert " ".join(heading.split()) in headings_of(notebook)
    assert not heading.startswith("Exercise")


def test_every_notebook_has_objectives() -> None:
    text = section("The notebooks").split("### ")[0]
    for number, path in BY_NUMBER.items():
        objectives = re.findall(
            rf"^\*\*\[{number} .*\]\(\.\./notebooks/{path.name}\)\*\*\n\n((?:^(?:- |  ).*\n)+)", text, re.M
        )
        assert len(objectives) == 1, number
        assert objectives[0].count("\n- ") >= 1


def test_times_and_needs_are_those_of_the_notebooks() -> None:
    timed = [row for row in rows(section("Times, prerequisites and order")) if ".ipynb" in row[0]]
    assert len(timed) == len(NOTEBOOKS)
    for (name, minutes, needed), path in zip(timed, NOTEBOOKS, strict=True):
        assert f"(../notebooks/{path.name})" in name
        assert int(minutes) == minutes_of(path)
        assert re.findall(r"\d\d", needed) == needs(path)


def test_on_every_way_through_the_course_each_notebook_comes_after_what_it_needs() -> None:
    ways = [way for _, way, *_ in rows(section("Times, prerequisites and order")) if re.match(r"\d\d, ", way)]
    assert len(ways) >= 3
    for way in [", ".join(BY_NUMBER), *ways]:
        numbers = way.split(", ")
        for at, number in enumerate(numbers):
            assert set(needs(BY_NUMBER[number])) <= set(numbers[:at]), (way, number)


@pytest.mark.parametrize(("heading", "begins"), [("A plan for 90 minutes", "0:00"), ("A plan for a day", "9:00")])
def test_the_minutes_of_a_plan_add_up(heading: str, begins: str) -> None:
    clock = int(begins.split(":")[0]) * 60
    plan = rows(section(heading))
    for begin, minutes, *_ in plan:
        assert begin == f"{clock // 60}:{clock % 60:02}"
        clock += int(minutes)
    (said,) = re.findall(r"^These are (\d+) minutes", section(heading), re.MULTILINE)
    assert sum(int(minutes) for _, minutes, *_ in plan) == int(said)
    if "90" in heading:
        assert said == "90"


def test_the_breaks_of_the_day_add_up() -> None:
    breaks = [int(minutes) for _, minutes, what, _ in rows(section("A plan for a day")) if what in ("Break", "Lunch")]
    assert f"of which {sum(breaks)} are breaks" in section("A plan for a day")


def test_the_minutes_of_the_lecture_add_up() -> None:
    texts = [cell["source"] for cell in cells_of(LECTURE) if cell["cell_type"] == "markdown"]
    said = {name: (int(minutes), bool(skipped)) for name, minutes, skipped in rows(texts[0])}
    below = {
        found[1]: (int(found[2]), bool(found[3]))
        for text in texts
        if (found := re.match(r"## (.*)\n\n\*(\d+) minutes?\.( May be skipped\.)?\*\n", text))
    }
    assert said == below
    assert list(said) == headings_of(LECTURE)
    assert sum(minutes for minutes, _ in said.values()) == minutes_of(LECTURE) == 45
    short = sum(minutes for minutes, is_skipped in said.values() if not is_skipped)
    assert f"it takes {short} minutes" in " ".join(texts[0].replace("> ", "").split())
    given = [int(minutes) for _, minutes, what, _ in rows(section("A plan for 90 minutes")) if "The lecture" in what]
    assert given == [short]


def test_a_section_of_the_lecture_can_be_skipped() -> None:
    """None uses a name that another one makes, but for the first."""
    transformers = pytest.importorskip("IPython.core.inputtransformer2")
    made: dict[str, set[str]] = {}
    used: dict[str, set[str]] = {}
    name = ""
    for cell in cells_of(LECTURE):
        if cell["cell_type"] == "markdown":
            name, *_ = [*headings(cell["source"]), name]
        elif not cell["source"].startswith("%%"):
            tree = ast.parse(transformers.TransformerManager().transform_cell(cell["source"]))
            names = {node for node in ast.walk(tree) if isinstance(node, ast.Name)}
            imported = {alias.asname or alias.name for node in ast.walk(tree) for alias in getattr(node, "names", ())}
            functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
            stored = {node.id for node in names if isinstance(node.ctx, ast.Store)}
            made[name] = made.get(name, set()) | stored | functions | imported
            used[name] = used.get(name, set()) | {node.id for node in names if isinstance(node.ctx, ast.Load)}
    first, *others = made
    assert len(others) == 8
    for other in others:
        elsewhere = set().union(*(made[each] for each in others if each != other))
        assert used[other] & elsewhere <= made[other] | made[first], other


def test_there_are_misunderstandings_each_with_an_experiment() -> None:
    table = rows(section("What is often misunderstood"))
    assert len(table) >= 12
    for says, _, experiment in table:
        assert says.startswith('"')
        assert re.match(r"\[\d\d: ", experiment)


def test_every_question_for_an_oral_exam_says_where_the_answer_is() -> None:
    questions = re.split(r"^\d+\. ", section("Questions for an oral exam"), flags=re.MULTILINE)[1:]
    assert len(questions) >= 12
    for question in questions:
        assert re.search(r"\(\[\d\d: [^\]]*\]\([^)]*\)", question)


def test_the_targets_that_it_names_are_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", TEXT, re.MULTILINE))
    assert {"lab", "student", "teacher"} <= named <= targets


def test_a_batch_is_graded_as_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    (name,) = re.findall(r'exercise\("(\d\d\.\d)"\)', program)
    (written,) = (each for each in written_exercises(BY_NUMBER[name[:2]]) if each.name == name)
    monkeypatch.chdir(tmp_path)
    for answer, is_right in ((written.start, False), (written.solution, True)):
        Path("answer.py").write_text(answer)
        with contextlib.redirect_stdout(io.StringIO()) as said:
            exec(program, {})
        assert said.getvalue().endswith(f"{is_right}\n")
