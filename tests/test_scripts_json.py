"""`cancelkit interrupt --json` on every script: one object, with all that a program of another language may want."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("click")

ROOT = Path(__file__).parents[1]
NOT_INTERRUPTED = ("testing_by_", "choosing_tests")
SCRIPTS = sorted(path for path in (ROOT / "scripts").glob("*.py") if not path.stem.startswith(NOT_INTERRUPTED))
"""All but those that are tests, or make experiments, themselves."""

WORDS = {
    "leftover": ["--when", "closing"],
    "stubborn_retry": ["--when", "active=3,ended=1"],
    **{
        name: ["--when", "active=2,queued=3"]
        for name in ("task_group", "tracking", "handlers", "context_manager", "gather")
    },
    "run_and_finish": ["--when", "holding=4"],
    "pitfall_handlers": ["--when", "holding=1", "--", "--mended"],
    "choosing_signals": ["--when", "before-start", "--", "asyncio"],
    "ctrl_c_handler": ["--when", "active=1", "--expect", "0", "--", "waits"],
}
"""How each is interrupted; a script that is not named is interrupted before its first step."""


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_json(script: Path) -> None:
    words = WORDS.get(script.stem, ["--when", "before-start"])
    command = [sys.executable, "-m", "cancelkit", "interrupt", str(script), "--json", *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    assert answer["returncode"] in ((0,) if "--expect" in words else (-2, 130)), answer["stderr"]
    assert answer["ended"] in ("killed by SIGINT", "exited 130", "exited 0")
    assert list(answer["checklist"]) == ["running", "awaiting", "queued", "cleanup", "leaks", "exit"]
    for verdict in answer["checklist"].values():
        assert verdict["verdict"] in ("kept", "broken", "not applicable")
        assert verdict["why"]
    assert answer["checklist"]["exit"]["verdict"] == "kept"
    assert (answer["checklist"]["leaks"]["verdict"] == "broken") == bool(answer["leaks"])
    assert all(task["name"] and task["states"] for task in answer["tasks"])
    assert answer["tasks"][0]["name"] == "main"
    (signal,) = answer["signals"]
    assert signal["name"] == "SIGINT"
    assert signal["landed"]["before_start"] == ("before-start" in words)
