"""Outcomes are values: they compare, print well, and come back from a file as they were."""

import json
import signal
from pathlib import Path

import pytest

from cancelkit.errors import BadRecordError, CancelkitError
from cancelkit.lab import Experiment, Outcome, active, load_outcome, perform, queued, save_outcome, signals_at
from cancelkit.lab.child import STACK_DUMP
from cancelkit.lab.scenarios import SCENARIOS, TARGETS
from cancelkit.trace.record import Record, read_record, write_record

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("nothing_left")]


@pytest.fixture(scope="module")
def lost() -> Outcome:
    """One in which much is broken."""
    return perform(SCENARIOS["SIGINT then SIGTERM"].experiment(TARGETS["task_group"]))


@pytest.fixture(scope="module")
def clean(programs: Path) -> Outcome:
    signals = [(active(2) & queued(3), signal.SIGINT)]
    return perform(Experiment(programs / "limited.py", signals, deadline=60, expect=-2))


def test_clean(lost: Outcome, clean: Outcome) -> None:
    assert clean.clean
    assert clean.broken == ()
    assert not lost.clean
    assert [verdict.id for verdict in lost.broken] == ["cleanup", "leaks", "exit"]


def test_print(lost: Outcome, clean: Outcome) -> None:
    assert repr(lost).endswith("stage.py: killed by SIGTERM; broken: cleanup, leaks, exit>")
    assert repr(clean).endswith("limited.py: killed by SIGINT; clean>")
    assert str(clean).splitlines()[0] == "main   not started → running → awaiting → cleaning up → cancelled"
    assert str(clean).splitlines()[-2:] == ["the program: killed by SIGINT", "the checklist: clean"]


def test_evidence(lost: Outcome) -> None:
    why = {verdict.id: verdict.why for verdict in lost.checklist}
    assert why["awaiting"] == "job-1, job-2"
    assert why["queued"] == "job-3, job-4, job-5"
    assert "job-1: cleanup lost, on socket at workload.py:" in why["cleanup"]
    assert "job-2: hung up, without a goodbye to the server" in why["cleanup"]
    assert "temporary file: job-1.part" in [str(leak) for leak in lost.leaks]
    assert why["exit"] == "killed by SIGTERM (-15); expected -2 or 130"


def test_a_file_and_back(lost: Outcome, clean: Outcome, tmp_path: Path) -> None:
    for number, outcome in enumerate((lost, clean)):
        path = tmp_path / f"{number}.jsonl"
        save_outcome(outcome, path)
        loaded = load_outcome(path)
        assert loaded.checklist == outcome.checklist
        assert (str(loaded), loaded.ended, loaded.visits) == (str(outcome), outcome.ended, outcome.visits)
        save_outcome(loaded, tmp_path / "again.jsonl")
        assert load_outcome(tmp_path / "again.jsonl") == loaded
        assert (tmp_path / "again.jsonl").read_bytes() == path.read_bytes()
        assert read_record(path).events == outcome.events


def test_outcomes_compare(clean: Outcome, lost: Outcome) -> None:
    assert clean != lost
    experiment = Experiment("program.py", [(active(2), signal.SIGINT)], ["--flag"])
    assert experiment == Experiment("program.py", ((active(2), signal.SIGINT),), ("--flag",))
    assert len({experiment, Experiment("program.py", signals_at("active=2"), ("--flag",))}) == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"returncode": "0"},
            "says 'returncode' is '0', which is not a whole number",
        ),
        ({"signals": [["active=x", "SIGINT"]]}, "line 1: .*is not NAME=NUMBER"),
        ({"signals": [["active=1", "SIGNIX"]]}, "line 1: 'SIGNIX' is no signal"),
        ({"signals": [["active=1"]]}, "line 1: 'signals' has .*, which is not two strings"),
        ({"visits": [[1, 2]]}, "line 1: 'visits' has"),
        ({"deadline": -1.0}, "line 1: deadline is -1.0"),
        ({"left": "nothing"}, "says 'left' is 'nothing', which is not a list"),
        ({"expect": ["x"]}, "line 1: expect is"),
    ],
)
def test_a_file_that_was_changed(clean: Outcome, tmp_path: Path, change: dict[str, object], says: str) -> None:
    path = tmp_path / "changed.jsonl"
    save_outcome(clean, path)
    first, rest = path.read_text().split("\n", 1)
    header = json.loads(first)
    header["outcome"] |= change
    path.write_text(json.dumps(header) + "\n" + rest)
    with pytest.raises(BadRecordError, match=says) as caught:
        load_outcome(path)
    assert str(path) in str(caught.value)


def test_files_that_are_no_outcomes(clean: Outcome, tmp_path: Path) -> None:
    path = tmp_path / "file.jsonl"
    with pytest.raises(CancelkitError, match="cannot read"):
        load_outcome(path)
    write_record(Record(clean.events), path)
    with pytest.raises(BadRecordError, match=r"is a record and no outcome: read it with cancelkit\.trace\.record"):
        load_outcome(path)
    save_outcome(clean, path)
    whole = path.read_bytes()
    for size in (0, 20, len(whole) // 2, len(whole) - 5):
        path.write_bytes(whole[:size])
        with pytest.raises(BadRecordError):
            load_outcome(path)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"signals": [("active=2", signal.SIGINT)]}, r"\('active=2', .*is not a moment and a signal, as in \(active"),
        ({"deadline": "3"}, "deadline is '3'; it must be a number of seconds above 0"),
        ({"deadline": True}, "deadline is True"),
        ({"pace": None}, "pace is None; it must be a number"),
        ({"program": None}, "program is None; it must be the path of a Python program"),
        ({"signals": [(active(1), STACK_DUMP)]}, "cannot be sent: the lab itself makes use of it"),
        ({"deadline": 0}, "deadline is 0; it must be a number of seconds above 0"),
        ({"pace": -1}, "pace is -1; it must be a number, 0 or above"),
        ({"arguments": "--flag"}, "arguments is '--flag'; it must be a sequence of strings"),
        ({"expect": "0"}, "expect is '0'; it must be an exit status"),
        ({"signals": [(active(1), signal.SIGINT)] * 251}, "there are 251 signals; 250 can be sent in one experiment"),
    ],
)
def test_experiments_that_are_of_no_use(arguments: dict[str, object], says: str) -> None:
    with pytest.raises(CancelkitError, match=says):
        Experiment(**({"program": "program.py", "signals": ()} | arguments))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("signals", "expect", "expected"),
    [
        ([], None, {0}),
        ([signal.SIGINT], None, {-2, 130}),
        ([signal.SIGWINCH, signal.SIGTERM, signal.SIGINT], None, {-15, 143}),
        ([signal.SIGWINCH], None, {0}),
        ([signal.SIGINT], 0, {0}),
        ([signal.SIGINT], [0, 130], {0, 130}),
    ],
)
def test_how_a_program_is_expected_to_end(
    signals: list[signal.Signals], expect: int | list[int] | None, expected: set[int]
) -> None:
    assert Experiment("p.py", [(active(1), signum) for signum in signals], expect=expect).expected == expected
