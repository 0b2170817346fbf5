"""The exercises of notebook 10, on choosing."""

from __future__ import annotations

from cancelkit.course.contract import by_contract
from cancelkit.course.exercises import Exercise

_LATE = "A semaphore hands its place on whatever has come meanwhile. Who hands out places and asks first?"

EXERCISES = (
    Exercise(
        "10.1",
        by_contract(
            {
                "sigterm": "Somebody has to own SIGTERM: asyncio.run does not.",
                "two-signals": "After the first signal the others must be counted, not raised.",
                "no-late-start": _LATE,
                "honest-exit": "143 is 128 and the number of SIGTERM: who has received it has to say so.",
            },
            ":run",
        ),
    ),
    Exercise(
        "10.2",
        by_contract(
            {
                "limit": "As many workers as jobs may run at a time, and no more.",
                "no-late-start": "Whether a job has swallowed it or not, the task knows how often it was asked to end.",
                "results": "All jobs are to run if nobody interrupts them, and their results come in their order.",
            }
        ),
    ),
    Exercise(
        "10.3",
        by_contract(
            {
                "one-signal": "Which child ends first when all are cancelled, and what does that do to the gather?",
                "errors": "The others have to hear of the first error, and to be waited for; and a group is raised. "
                "With return_exceptions=True an error is a result, and nobody hears of it.",
                "results": "Return the result of each job, in order.",
            }
        ),
    ),
)
