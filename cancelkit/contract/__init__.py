"""The shutdown contract: what a correct `run_tasks` promises, and a check of anybody's under real signals.

`promises` has them, each with the acts that put it to the test and what is looked at; `acts` are experiments on the
standard workload; `check` plays them and judges.
"""

from __future__ import annotations
