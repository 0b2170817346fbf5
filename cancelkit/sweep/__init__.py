"""The sweep: Ctrl-C at every point of a program.

`sweep(program_at("service.py"))` runs a program once for each point at which Python could take a signal, each time with
a real SIGINT there, under a clock that costs no time. `plan` chooses points, `pool` has them tried in warm processes
(whose side is `inside/`), `verdicts` judges each run by what was recorded, and `result` is what came of it.
"""

from __future__ import annotations

from cancelkit.errors import require_posix

require_posix("cancelkit.sweep")

from cancelkit.sweep.program import Program, program_at, target_program  # noqa: E402
from cancelkit.sweep.replay import Replayed, replay  # noqa: E402
from cancelkit.sweep.result import Sweep, Unsafe  # noqa: E402
from cancelkit.sweep.sweeping import Progress, sweep  # noqa: E402

__all__ = ["Program", "Progress", "Replayed", "Sweep", "Unsafe", "program_at", "replay", "sweep", "target_program"]
