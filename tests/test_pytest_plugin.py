"""The pytest plugin: `interrupt` in somebody's own tests, its marker, and what a failed test shows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.core
pytest_plugins = ["pytester"]

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")

SERVICE = """
import asyncio
import sys

async def serve(name):
    try:
        await asyncio.sleep(3600)
    finally:
        await asyncio.sleep(0.05)
        print(name, "is closed")

async def main():
    print("serving", *sys.argv[1:], flush=True)
    async with asyncio.TaskGroup() as group:
        for name in ("web", "feed"):
            group.create_task(serve(name), name=name)

asyncio.run(main())
"""

STRICT = """
[pytest]
addopts = --strict-markers --strict-config
filterwarnings = error
"""

IMPORTS = """
import signal
import pytest
from cancelkit.errors import CancelkitError, MomentNotReachedError, UnusableProgramError
from cancelkit.lab import Experiment, active, cleaning
"""


class Suite:
    """Somebody's tests, strict about markers and warnings, in the folder `tests` of a project, beside its service."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.root = pytester.path
        self.tests = pytester.mkdir("tests")
        pytester.makeini(STRICT)
        self.service = self.tests / "service.py"
        self.service.write_text(SERVICE)
        (self.tests / "ends.py").write_text("import asyncio\nasyncio.run(asyncio.sleep(0.05))\n")

    def run(self, source: str, *options: str) -> pytest.RunResult:
        """Run a file of tests."""
        (self.tests / "test_service.py").write_text(IMPORTS + source)
        return self.pytester.runpytest(*options, "tests")


@pytest.fixture
def suite(pytester: pytest.Pytester) -> Suite:
    return Suite(pytester)


def test_a_clean_program_passes_and_nothing_is_said_of_it(suite: Suite) -> None:
    result = suite.run(
        """
def test_it(interrupt):
    outcome = interrupt("service.py", when=active(2))
    assert outcome.clean
    assert outcome.experiment == Experiment(outcome.experiment.program, [(active(2), signal.SIGINT)])
""",
        "-rP",
    )
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*interrupt: *")


def test_a_failed_test_shows_what_came_of_each_task_and_why_it_is_not_clean(suite: Suite) -> None:
    result = suite.run("""
def test_it(interrupt):
    assert interrupt("service.py", when=active(2).then(cleaning(2))).clean
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E * where False = <Outcome of *service.py: killed by SIGINT; broken: cleanup>.clean",
            "E * = interrupt('service.py', when=*",
            "-* interrupt: service.py: SIGINT at active=2, SIGINT at cleaning=2 -*",
            "web * → cleaning up → cancelled (cancelled twice)",
            "signal 2: SIGINT, landed on 2 cleaning",
            "the program: killed by SIGINT",
            "    cleanup ran to its end: broken; *web: cleanup interrupted, on sleep at service.py:9*",
        ]
    )
    result.stdout.no_fnmatch_line("*end of its stderr*")  # the traceback of a KeyboardInterrupt explains nothing


def test_what_the_program_said_is_shown_if_it_ended_unlike_it_should(suite: Suite) -> None:
    suite.service.write_text(SERVICE.replace("finally:", "finally:\n        [][name]"))
    result = suite.run("""
def test_it(interrupt):
    assert interrupt("service.py", when=active(2)).clean
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "the program: exited 1",
            "    the exit status*",
            "The end of its stdout:",
            "    serving",
            "*TypeError: list ind*",
        ]
    )


def test_the_stacks_are_shown_if_it_hung(suite: Suite) -> None:
    result = suite.run("""
def test_it(interrupt):
    assert interrupt("service.py", when=active(2), signals=signal.SIGWINCH, deadline=4).clean
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["-* SIGWINCH at active=2 -*", "the program: hung and was killed", "*end of its stacks:"]
    )


def test_each_of_two_experiments_is_shown_once(suite: Suite) -> None:
    result = suite.run("""
@pytest.fixture
def torn_down():
    yield
    raise OSError("the second report of the test")

def test_it(interrupt, torn_down):
    assert interrupt("service.py", "one", when=active(2)).clean
    assert not interrupt("service.py", "two", when=active(2), signals=[signal.SIGTERM]).clean
    assert not "this"
""")
    result.assert_outcomes(failed=1, errors=1)
    titles = [line for line in result.outlines if "interrupt: " in line]
    assert [title.strip("- ") for title in titles] == [
        "interrupt: service.py one: SIGINT at active=2",
        "interrupt: service.py two: SIGTERM at active=2",
    ]


def test_what_came_before_the_experiment_that_failed_is_shown(suite: Suite) -> None:
    result = suite.run("""
def test_it(interrupt):
    interrupt("service.py", "one", when=active(2))
    interrupt("ends.py", when=active(3))
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *MomentNotReachedError: *", "-* interrupt: service.py one: SIGINT at active=2 -*"])


def test_it_is_shown_when_the_experiment_was_made_by_a_fixture(suite: Suite) -> None:
    result = suite.run("""
@pytest.fixture
def outcome(interrupt):
    outcome = interrupt("service.py", when=active(2))
    assert not outcome.clean

def test_it(outcome):
    pass
""")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["-* interrupt: service.py: SIGINT at active=2 -*", "the checklist: clean"])


def test_a_test_shows_its_own_experiments_only(suite: Suite) -> None:
    result = suite.run("""
def test_one(interrupt):
    assert interrupt("service.py", "one", when=active(2)).clean

def test_two(interrupt):
    assert not "this"
""")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.no_fnmatch_line("*interrupt: *")


def test_it_is_shown_by_xdist_too(suite: Suite) -> None:
    pytest.importorskip("xdist")
    result = suite.run(
        """
def test_it(interrupt):
    assert not interrupt("service.py", when=active(2)).clean
""",
        "-n1",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["-* interrupt: service.py: SIGINT at active=2 -*", "the checklist: clean"])


def test_a_moment_that_never_comes_is_an_error_without_the_inside_of_cancelkit(suite: Suite) -> None:
    result = suite.run("""
def test_it(interrupt):
    interrupt("ends.py", when=active(3))

def test_it_can_be_expected(interrupt):
    with pytest.raises(MomentNotReachedError, match="had not come"):
        interrupt("ends.py", when=active(3))
""")
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(
        [
            ">       interrupt(*",
            "E * ended (exited 0), and the moment active=3 had not come.*",
            "E *States seen*: no tasks*",
            "*test_service.py:8: MomentNotReachedError",
        ]
    )
    result.stdout.no_re_match_line(r".*(performing|pytest_plugin)\.py:\d+")


def test_everything_can_be_asked_for(suite: Suite) -> None:
    result = suite.run("""
import pathlib

def test_words_of_the_command_line(interrupt, tmp_path):
    assert interrupt("service.py", "--port", tmp_path, when=active(2)).stdout.startswith(f"serving --port {tmp_path}")

def test_moments_as_text(interrupt):
    outcome = interrupt("service.py", when="active=2 then cleaning=2")
    assert outcome.experiment.moments == (active(2), cleaning(2))

def test_one_signal(interrupt):
    assert interrupt("service.py", when=active(2), signals=signal.SIGTERM).ended == "killed by SIGTERM"

def test_a_signal_for_each_moment(interrupt):
    outcome = interrupt("service.py", when=active(2).then(cleaning(2)), signals=[signal.SIGINT, signal.SIGTERM])
    assert [signum for _, signum in outcome.experiment.signals] == [signal.SIGINT, signal.SIGTERM]
    assert outcome.ended == "killed by SIGTERM"

@pytest.mark.parametrize(("expect", "clean"), [(0, False), (-2, True), ([0, -2], True)])
def test_the_right_status(interrupt, expect, clean):
    assert interrupt("service.py", when=active(2), expect=expect).clean is clean

def test_a_path(interrupt):
    assert interrupt(pathlib.Path("service.py"), when=active(2)).clean

def test_environment(interrupt, monkeypatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    assert interrupt("service.py", when="output=serving").returncode == -signal.SIGINT
""")
    result.assert_outcomes(passed=9)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ('"service.py", when="busy=2"', "*BadMomentError: 'busy' in the moment 'busy=2' cannot be counted*"),
        ('"service.py", when=active(2), signals="TERM"', "*CancelkitError: signals is ('TERM',); it must be a signal*"),
        (
            '"service.py", when=active(2), signals=[signal.SIGINT] * 2',
            "*CancelkitError: there are 2 signals for 1 mom*",
        ),
        ('"service.py", 8080, when=active(2)', "*CancelkitError: arguments is *8080*"),
        ('"service.py", when=active(2), deadline=0', "*CancelkitError: deadline is 0; *"),
    ],
)
def test_what_is_of_no_use_is_an_error_on_the_line_of_the_test(suite: Suite, call: str, says: str) -> None:
    result = suite.run(f"def test_it(interrupt):\n    interrupt({call})\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([">       interrupt(*", f"E   {says}", "*test_service.py:7: *Error"])


# Where the program is looked for.


@pytest.mark.parametrize("is_beside", [True, False])
def test_a_program_beside_the_test_comes_before_one_in_rootdir(suite: Suite, is_beside: bool) -> None:
    (suite.root / "service.py").write_text(SERVICE)
    if not is_beside:
        suite.service.unlink()
    expected = suite.service if is_beside else suite.root / "service.py"
    result = suite.run(f"""
def test_it(interrupt):
    assert str(interrupt("service.py", when=active(2)).experiment.program) == {str(expected)!r}
""")
    result.assert_outcomes(passed=1)


def test_the_current_folder_does_not_matter(suite: Suite) -> None:
    (suite.root / "src").mkdir()
    suite.service.rename(suite.root / "src/service.py")
    result = suite.run("""
def test_it(interrupt, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert interrupt("src/service.py", when=active(2)).clean
""")
    result.assert_outcomes(passed=1)


def test_an_absolute_path_is_looked_for_nowhere_else(suite: Suite) -> None:
    suite.service.rename(suite.root / "elsewhere.py")
    result = suite.run(f"""
def test_it(interrupt):
    assert interrupt({str(suite.root / "elsewhere.py")!r}, when=active(2)).clean

def test_missing(interrupt):
    with pytest.raises(UnusableProgramError, match="^cannot interrupt '/nowhere/service.py': it does not exist; "):
        interrupt("/nowhere/service.py", when=active(2))
""")
    result.assert_outcomes(passed=2)


def test_an_error_names_both_places(suite: Suite) -> None:
    (suite.tests / "folder.py").mkdir()
    result = suite.run("""
@pytest.mark.parametrize("program", ["absent.py", "folder.py"])
def test_it(interrupt, program):
    interrupt(program, when=active(2))
""")
    result.assert_outcomes(failed=2)
    for program in ("absent.py", "folder.py"):
        beside, in_root = suite.tests / program, suite.root / program
        result.stdout.fnmatch_lines(
            f"E *UnusableProgramError: cannot interrupt '{program}': neither '{beside}', beside the test's file, nor "
            f"'{in_root}', in pytest's rootdir, is a file; give the path of a Python program"
        )


def test_an_error_names_a_place_once(pytester: pytest.Pytester) -> None:
    pytester.makeini(STRICT)
    pytester.makepyfile('def test_it(interrupt):\n    interrupt("absent.py", when="active=2")\n')
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    place = pytester.path / "absent.py"
    result.stdout.fnmatch_lines(f"E *: '{place}', beside the test's file and in pytest's rootdir, is no file; *")


# The deadline.


def test_the_argument_comes_before_the_marker_and_the_marker_before_the_default(suite: Suite) -> None:
    result = suite.run("""
def test_default(interrupt):
    assert interrupt("service.py", when=active(2)).experiment.deadline == Experiment.deadline

@pytest.mark.interrupt_deadline(20)
class TestMarked:
    def test_marker(self, interrupt):
        assert interrupt("service.py", when=active(2)).experiment.deadline == 20

    @pytest.mark.interrupt_deadline(25.5)
    def test_closest_marker(self, interrupt):
        assert interrupt("service.py", when=active(2)).experiment.deadline == 25.5

    def test_argument(self, interrupt):
        assert interrupt("service.py", when=active(2), deadline=15).experiment.deadline == 15
""")
    result.assert_outcomes(passed=4)


def test_the_marker_ends_a_program_that_hangs(suite: Suite) -> None:
    result = suite.run("""
@pytest.mark.interrupt_deadline(0.5)
def test_it(interrupt):
    interrupt("service.py", when=active(3))
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines("E *service.py did not end within 0.5 s, *")


@pytest.mark.parametrize(
    "arguments", ["", "'10'", "0", "-1", "True", "None", "1, 2", "10, a=1", "float('inf')", "float('nan')"]
)
def test_a_marker_that_says_no_seconds_is_one_plain_error(suite: Suite, arguments: str) -> None:
    result = suite.run(f"""
@pytest.mark.interrupt_deadline({arguments})
def test_it(interrupt):
    interrupt("service.py", when=active(2))
""")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        "the marker interrupt_deadline(*) of tests/test_service.py::test_it must say a number of seconds above 0, "
        "as in @pytest.mark.interrupt_deadline(10)"
    )
    result.stdout.no_re_match_line(r".*pytest_plugin\.py:\d+")


def test_the_marker_and_the_fixture_are_explained(suite: Suite) -> None:
    suite.pytester.runpytest("--markers").stdout.fnmatch_lines("@pytest.mark.interrupt_deadline(seconds): *")
    suite.pytester.runpytest("--fixtures").stdout.fnmatch_lines(
        ["interrupt -- *pytest_plugin.py*", "    Start a prog*"]
    )


# What it costs whoever does not use it, and who cannot.


def test_the_plugin_imports_nothing_that_pytest_has_not_imported() -> None:
    code = "import sys, pytest; before = {*sys.modules}; import cancelkit.pytest_plugin; print({*sys.modules} - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(re.findall(r"'([\w.]+)'", done.stdout))
    assert loaded <= {"cancelkit", "cancelkit.errors", "cancelkit.pytest_plugin"}


def test_the_lab_is_imported_for_a_test_that_uses_the_fixture_and_for_no_other(pytester: pytest.Pytester) -> None:
    pytester.makeini(STRICT)
    pytester.makepyfile("""
import sys

def labs():
    return [name for name in sys.modules if name.startswith("cancelkit.lab")]

def test_no():
    assert "cancelkit.pytest_plugin" in sys.modules
    assert not labs()

def test_yes(interrupt):
    assert labs()
""")
    pytester.runpytest_subprocess("-p", "no:randomly").assert_outcomes(passed=2)


def test_where_there_are_no_posix_signals_the_test_is_skipped_and_says_why(pytester: pytest.Pytester) -> None:
    pytester.makeini(STRICT)
    pytester.makepyfile("""
import sys
import pytest

@pytest.fixture(autouse=True)
def on_windows(monkeypatch):
    assert "cancelkit.lab" not in sys.modules
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", "win32")
        yield

def test_it(interrupt):
    interrupt("service.py", when="active=2")
""")
    result = pytester.runpytest_subprocess("-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines("SKIPPED * cancelkit.lab needs POSIX signals, which Windows does not have. *")


# README.


def example() -> tuple[str, str, list[str]]:
    """The service and its tests, as in the README, and the lines of a failed test's report."""
    section = README.partition("\n## In your tests\n")[2].partition("\n## ")[0]
    service, tests = re.findall(r"```python\n(.*?)```", section, re.S)
    shown = re.search(r"```text\n(.*?)```", section, re.S)
    assert shown is not None
    return service, tests, shown[1].splitlines()


def test_the_tests_of_the_readme_pass(pytester: pytest.Pytester) -> None:
    service, tests, _ = example()
    pytester.makeini(STRICT)
    pytester.makepyfile(service=service, test_service=tests)
    pytester.runpytest().assert_outcomes(passed=2)


def test_the_tests_of_the_readme_fail_as_it_says(pytester: pytest.Pytester) -> None:
    service, tests, shown = example()
    pytester.makeini(STRICT)
    mistaken = service.replace("\ncancelkit.run(main())", "\nasyncio.run(main())")
    assert mistaken != service
    pytester.makepyfile(service=mistaken, test_service=tests)
    result = pytester.runpytest()
    result.assert_outcomes(passed=1, failed=1)
    lines = [line.replace(f"{pytester.path}/", "") for line in result.outlines]
    assert [line for line in lines if line in shown] == shown
