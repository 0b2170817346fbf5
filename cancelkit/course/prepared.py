"""Runs of an answer for which something is prepared: a desk that tells of its first half, or a clock that runs fast."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cancelkit.course import answer_child
from cancelkit.course.exercises import Judge, Verdict
from cancelkit.course.runs import Promise, Run, under_signals
from cancelkit.lab import Experiment, Outcome, perform_all


@dataclass(frozen=True)
class PreparedRun(Run):
    """A run for which something is prepared.

    Attributes:
        preparation: what, as for `answer_child`.
    """

    preparation: str = "hours"

    def experiment(self, program: Path) -> Experiment:
        """The experiment that it is."""
        plain = super().experiment(program)
        arguments = (self.preparation, str(program), *plain.arguments)
        return replace(plain, program=answer_child.__file__, arguments=arguments)


def while_it_acquires(under: str, desk: str, hint: str) -> Run:
    """One Ctrl-C when half of what a desk gets hold of is there: its file is not to be left."""

    def evidence(outcome: Outcome) -> str:
        return ", ".join(leak.name for leak in outcome.leaks if leak.kind == "temporary file")

    when = f'output="{desk}: {answer_child.HALF}",holding=0'
    return PreparedRun(under, when, (Promise("no half-written file is left", evidence, hint),), preparation="halves")


def in_the_part_in_which_it_begins(
    job: str, unhurt: Sequence[Promise], hurt: Sequence[Promise], stage: str = ""
) -> Judge:
    """A judge that sees in which part of a computation a job begins, and then presses Ctrl-C in that part.

    Args:
        job: its name.
        unhurt: what is looked for if nobody presses.
        hurt: what is looked for if somebody does.
        stage: the text of a program that is run in the place of the answer, and is given its path.
    """

    def judge(program: Path) -> Iterator[Verdict]:
        arguments = [str(program)] if stage else []
        if stage:
            program = program.with_name("stage.py")
            program.write_text(stage, encoding="utf-8")
        alone = PreparedRun("no signal", "", unhurt, arguments=arguments)
        (outcome,) = perform_all([alone.experiment(program)], may_miss=True)
        yield from alone.verdicts(outcome, {})
        part = _part_in_which_begins(job, outcome)
        under = f"one Ctrl-C in part {part}, in which {job} begins if nobody presses"
        pressed = PreparedRun(under, f'output="part {part}\\n"', hurt, arguments=[*arguments, part])
        yield from under_signals(pressed)(program)

    return judge


def _part_in_which_begins(job: str, outcome: Outcome) -> str:
    """The number of the last part before that; or of the first one, if it is not known."""
    before, _, _ = outcome.stdout.partition(f"{job}: begun\n")
    parts: list[str] = re.findall(r"^part (\d+)$", before, re.MULTILINE)
    return parts[-1] if parts else "1"
