"""What `cancelkit trace` does, without its command line: traces.py RECORD (PROGRAM | -m MODULE) ARGUMENT…"""

import sys

from cancelkit.errors import CancelkitError
from cancelkit.trace.launch import end_like, run_module, run_program
from cancelkit.trace.record import write_record

record, what, *rest = sys.argv[1:]
try:
    run = run_module(rest[0], rest[1:]) if what == "-m" else run_program(what, rest)
except CancelkitError as error:
    sys.exit(f"traces.py: {error}")
write_record(run.record, record)
end_like(run.returncode)
