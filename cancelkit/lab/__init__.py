"""The lab: start a real process, wait for a moment, send a real signal, and collect what came of it.

`experiment.perform(Experiment("program.py", [(Moment.parse("active=2"), SIGINT)]))` gives an `Outcome`.
The parent's side is `experiment` on top of `launch`; the child's side is `child` and `supervisor`; `moments` is
what both understand. `workload` has the jobs that the kit's own programs run.
"""

from cancelkit.errors import require_posix

require_posix("cancelkit.lab")
