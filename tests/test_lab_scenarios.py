"""Every scenario on every pattern: the verdicts as they are written down here, however fast the machine is."""

import signal
from pathlib import Path

import pytest

from cancelkit.errors import CancelkitError
from cancelkit.lab import Experiment, Outcome, before_start, perform, perform_all
from cancelkit.lab.kinds import KINDS
from cancelkit.lab.scenarios import SCENARIOS, STAGE, TARGETS, Target
from cancelkit.lab.stage import function_of

pytestmark = [pytest.mark.core, pytest.mark.usefixtures("nothing_left")]

LETTERS = {"kept": "k", "broken": "B", "not applicable": "-"}

# Running, awaiting, queued; cleanup, leaks, exit: kept (k), Broken or not applicable (-).
EXPECTED = """
                                    task_group tracking handlers context_manager cancelkit
all slots full                      -k-kkk     -k-kkk   -k-kkk   -k-kkk          -k-kkk
jobs queued                         -kkkkk     -kkkkk   -kkkkk   -kkkkk          -k-kkk
first signal in ordinary cleanup    --kBBk     --kBBk   --kBBk   --kBBk          ---kkk
second signal in cleanup            -kkBBk     -kkBBk   -kkkkk   -kkBBk          -k-kkk
rapid repeats                       -kkkkk     -kkkkk   -kkkkk   -kkkkk          -k-kkk
before any job starts               ----kk     ----kk   ----kk   ----kk          ----kk
SIGTERM                             -BBBBk     -BBBBk   -kkkkk   -BBBBk          -k-kkk
SIGINT then SIGTERM                 -kkBBB     -kkBBB   -kkkkk   -kkBBB          -k-kkk
a cleanup fails                     -kkkkB     -kkkkk   -kkkkk   -kkkkk          -k-kkk
a cleanup hangs                     -kkBBB     -kkBBB   -kkBBB   -kkBBB          -k-BBk
a cancellation is swallowed         -Bkkkk     -Bkkkk   -Bkkkk   -Bkkkk          -B-kkk
a job blocks                        kkkBBk     kkkBBk   kkkBBk   kkkBBk          kk-kkk
a job is in a thread                -kkkkk     -kkkkk   -kkkkk   -kkkkk          -k-kkk
eager tasks                         -kkkkk     -kkkkk   -kkkkk   -kkkkk          -k-kkk
a job fails                         ---kkB     ---kkk   ---kkk   ---BBk          ---kkk
while the loop is closed            ---BBk     ---BBk   ---BBk   ---BBk          ---kkk
"""

LANDED = {
    "all slots full": ["3 active"],
    "jobs queued": ["2 active, 3 queued"],
    "first signal in ordinary cleanup": ["3 queued, 2 cleaning"],
    "second signal in cleanup": ["2 active, 3 queued", "2 cleaning, 3 ended"],
    "rapid repeats": ["2 active, 3 queued"] * 3,
    "before any job starts": ["no tasks, before start"],
    "SIGTERM": ["2 active, 3 queued"],
    "SIGINT then SIGTERM": ["2 active, 3 queued", "2 cleaning, 3 ended"],
    "a job fails": ["2 cleaning, 2 ended"],
    "while the loop is closed": ["1 cleaning, 2 ended, closing"],
}
"""The states that signals land on, for a pattern that has a task for each job."""

WITHOUT_AN_END = ("hanging-cleanup", "endless", "blocking-for-ever")
"""Kinds of jobs that never end without a signal, or at all."""

POSSIBLE = [name for name, scenario in SCENARIOS.items() if scenario.is_possible]
PATTERNS = [name for name in TARGETS if name != "cancelkit"]


def rows() -> dict[str, list[str]]:
    head, *lines = EXPECTED.strip("\n").splitlines()
    width = len(head) - len(head.lstrip())
    assert head.split() == list(TARGETS)
    return {line[:width].strip(): line[width:].split() for line in lines}


@pytest.fixture(scope="module")
def outcomes() -> dict[tuple[str, str], Outcome]:
    """All of them; four at a time, since those that hang do nothing meanwhile."""
    pairs = [(scenario, target) for scenario in POSSIBLE for target in TARGETS]
    experiments = [SCENARIOS[scenario].experiment(TARGETS[target]) for scenario, target in pairs]
    return dict(zip(pairs, perform_all(experiments, at_once=4), strict=True))


def test_the_table_has_every_scenario() -> None:
    assert list(rows()) == list(SCENARIOS)


@pytest.mark.parametrize("scenario", POSSIBLE)
def test_verdicts(outcomes: dict[tuple[str, str], Outcome], scenario: str) -> None:
    found = ["".join(LETTERS[v.verdict] for v in outcomes[scenario, target].checklist) for target in TARGETS]
    assert found == rows()[scenario], [outcomes[scenario, target].checklist for target in TARGETS]


@pytest.mark.parametrize("scenario", [name for name in LANDED if name in POSSIBLE])
@pytest.mark.parametrize("target", PATTERNS)
def test_signals_land_where_they_should(outcomes: dict[tuple[str, str], Outcome], scenario: str, target: str) -> None:
    landed = [str(mark.landed) for mark in outcomes[scenario, target].timeline.signals]
    assert landed == LANDED[scenario]


def test_the_server_is_a_witness_of_its_own(outcomes: dict[tuple[str, str], Outcome]) -> None:
    lost = outcomes["second signal in cleanup", "task_group"]
    assert [tuple(visit) for visit in lost.visits] == [("job-1", "hung up"), ("job-2", "hung up")]
    kept = outcomes["second signal in cleanup", "cancelkit"]
    assert [tuple(visit) for visit in kept.visits] == [("job-1", "goodbye"), ("job-2", "goodbye")]


def test_a_lost_cleanup_leaves_its_file(outcomes: dict[tuple[str, str], Outcome]) -> None:
    left = [str(leak) for leak in outcomes["second signal in cleanup", "tracking"].leaks]
    assert {"temporary file: job-1.part", "temporary file: job-2.part"} <= set(left)


def test_a_target_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import asyncio\n"
        "async def run_tasks(tasks, max_concurrent):\n"
        "    try:\n"
        "        return await asyncio.gather(*(task() for task in tasks), return_exceptions=True)\n"
        "    except asyncio.CancelledError:\n"
        "        return 'never mind'\n"
    )
    outcome = perform(SCENARIOS["all slots full"].experiment(Target(f"{tmp_path / 'mine.py'}:run_tasks")))
    assert outcome.stdout.endswith("never mind\n")
    assert (outcome.ended, outcome.jobs_begun) == ("exited 0", 3)
    assert [verdict.id for verdict in outcome.broken] == ["exit"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("no_such_module:run_tasks", "cannot find 'no_such_module:run_tasks', as in package.module:run_tasks"),
        ("cancelkit:no_such", "cannot find 'cancelkit:no_such'"),
        ("no_such.py:run_tasks", "cannot find 'no_such.py:run_tasks'"),
        ("run_tasks", "cannot find 'run_tasks'"),
        ("cancelkit:__version__", "which is no function"),
    ],
)
def test_a_target_that_is_not_there(name: str, says: str) -> None:
    with pytest.raises(CancelkitError) as caught:
        function_of(name)
    assert says in str(caught.value)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in WITHOUT_AN_END])
def test_without_a_signal_every_kind_of_job_ends(kind: str) -> None:
    words = (TARGETS["task_group"].run_tasks, "asyncio:run", "2", kind)
    outcome = perform(Experiment(STAGE, (), words, deadline=60, pace=0))
    fails = kind.startswith("failing")
    assert outcome.returncode == (1 if fails else 0), outcome.stderr
    assert [verdict.id for verdict in outcome.broken] == (["exit"] if fails else [])
    if not fails:
        assert outcome.stdout.endswith("['result of job-1']\n")


def test_a_pace_can_be_seen() -> None:
    slow = perform(SCENARIOS["all slots full"].experiment(TARGETS["task_group"], pace=1.0))
    (job, *_) = slow.timeline.jobs
    assert job.cleanup_begun is not None
    assert job.cleanup_finished is not None
    assert job.cleanup_finished - job.cleanup_begun >= 0.3e9
    assert slow.clean


def test_before_the_first_step_of_a_loop_run_by_hand(tmp_path: Path) -> None:
    program = tmp_path / "by_hand.py"
    program.write_text(
        "import asyncio\n"
        "async def main(): print('began')\n"
        "loop = asyncio.new_event_loop()\n"
        "try: loop.run_until_complete(main())\n"
        "finally: loop.close()\n"
    )
    outcome = perform(Experiment(program, [(before_start, signal.SIGINT)], deadline=60))
    assert (outcome.stdout, outcome.returncode) == ("", -signal.SIGINT)
    assert "task: main had not ended" in map(str, outcome.leaks)
