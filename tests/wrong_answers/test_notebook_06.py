"""Wrong answers to the exercises of notebook 06."""

from __future__ import annotations

from wrong_answers import Wrong, each_is_refused

_SET = """\
        tasks = await stack.enter_async_context(TaskSet(2))
"""

_FILE = """\
        file = stack.enter_context(open(sys.argv[1], "w"))
"""

_RIGHT_ORDER, _WRONG_ORDER = _FILE + _SET, _SET + _FILE

_WRITES = """\
        file.write(f"goodbye from {name}\\n")"""

_WRITES_IF_IT_CAN = """\
        if not file.closed:
            file.write(f"goodbye from {name}\\n")"""

_PRINTS = """\
        print(f"goodbye from {name}")"""

_SLEEPS_AND_WRITES = f"""\
        await asyncio.sleep(0.1)
{_WRITES}"""

_WRITES_AND_SLEEPS = f"""\
{_WRITES}
        await asyncio.sleep(0.1)"""

_SECOND_JOB = """\
        tasks.start(partial(job, "job-2", file))"""

_WAITS_IN_THE_BLOCK = f"""\
{_SECOND_JOB}
        await asyncio.Event().wait()"""

_ASKS_TASKS = " or any(task.cancelling() for task in self._tasks)"

_NOTES_LAST = """\
        try:
            await super().__aexit__(*what)
        finally:
            self.is_left = True"""

_NOTES_FIRST = """\
        self.is_left = True
        await super().__aexit__(*what)"""

_ENDS_IT_HERE = """\
        try:
            await super().__aexit__(*what)
        except asyncio.CancelledError:
            pass
        self.is_left = True"""

_FORGETS_THE_REST = """\
        self.is_left = True"""

_RAISES = """\
            raise RuntimeError("this set is being left, or has been")"""

_AEXIT = """\
    async def __aexit__(self, kind, error, traceback):
        try:
            waited_for = 0
            while error is None and waited_for < len(self._tasks):
                waited_for = len(self._tasks)
                await asyncio.wait(self._tasks, return_when=asyncio.FIRST_EXCEPTION)
        except asyncio.CancelledError as interrupt:
            error = interrupt
            raise
        finally:
            await finish(super().__aexit__(kind, error, traceback))"""

_ALL_OF_IT = """\
    async def __aexit__(self, *what):
        await finish(super().__aexit__(*what))"""

_ONCE_MORE = """\
    async def __aexit__(self, *what):
        try:
            await super().__aexit__(*what)
        except asyncio.CancelledError:
            await super().__aexit__(*what)
            raise"""

_SWALLOWS = """\
    async def __aexit__(self, *what):
        try:
            await super().__aexit__(*what)
        except asyncio.CancelledError:
            pass"""

_FINISHES = """\
            await finish(super().__aexit__(kind, error, traceback))"""

_SHIELDS = """\
            await asyncio.shield(super().__aexit__(kind, error, traceback))"""

_TURNS_A_DEAF_EAR = f"""\
            asyncio.get_running_loop().add_signal_handler(SIGINT, print)
{_FINISHES}"""

_SLEEPS = """\
            for task in self._tasks:
                task.cancel()
            await asyncio.sleep(1)"""

_WAITS_FOR_ALL = """\
            for task in self._tasks:
                task.cancel()
            await finish(asyncio.wait(self._tasks))"""

WRONG = (
    Wrong(
        "06.1",
        "write only if it can be",
        (("both goodbyes", "it holds nothing"),),
        ((_RIGHT_ORDER, _WRONG_ORDER), (_WRITES, _WRITES_IF_IT_CAN)),
    ),
    Wrong(
        "06.1",
        "print it",
        (("both goodbyes", "it holds nothing"),),
        ((_WRITES, _PRINTS),),
    ),
    Wrong(
        "06.1",
        "write at once",
        (("the cleanup of 2 jobs", "0 of 2 finished"), ("both goodbyes", "it holds nothing")),
        ((_RIGHT_ORDER, _WRONG_ORDER), (_SLEEPS_AND_WRITES, _WRITES_AND_SLEEPS)),
    ),
    Wrong(
        "06.1",
        "wait in the block, so that the file stays open until the signal",
        (("the cleanup of 2 jobs", "0 of 2 finished"), ("both goodbyes", "it holds nothing")),
        ((_RIGHT_ORDER, _WRONG_ORDER), (_SECOND_JOB, _WAITS_IN_THE_BLOCK)),
    ),
    Wrong(
        "06.1",
        "leave the file to the collector",
        (("nothing is left", "file"),),
        ((_FILE, '        file = sys.file = open(sys.argv[1], "w")\n'),),
    ),
    Wrong(
        "06.2",
        "note it before anybody is cancelled: then no job can start another",
        (("a job may start another", "it was refused"), ("RuntimeError after the block", "exited 1 without one")),
        ((_NOTES_LAST, _NOTES_FIRST),),
    ),
    Wrong(
        "06.2",
        "note it when everybody has ended",
        (
            ("no job begins", "late began"),
            ("RuntimeError in the cleanup", "it does not"),
        ),
        ((_ASKS_TASKS, ""),),
    ),
    Wrong(
        "06.2",
        "refuse in silence",
        (
            ("RuntimeError in the cleanup", "it does not"),
            ("RuntimeError after the block", "exited 0 without one"),
        ),
        ((_RAISES, "            return None"),),
    ),
    Wrong(
        "06.2",
        "only print it",
        (
            ("no job begins", "late began"),
            ("RuntimeError in the cleanup", "it does not"),
            ("no job begins after the block", "late began"),
            ("main waits", "1 task ended after main"),
            ("RuntimeError after the block", "exited 0 without one"),
        ),
        ((_RAISES, '            print("RuntimeError: this set has been left")'),),
    ),
    Wrong(
        "06.2",
        "ask whether the current task is cancelled",
        (
            ("no job begins after the block", "late began"),
            ("main waits", "1 task ended after main"),
            ("RuntimeError after the block", "exited 0 without one"),
        ),
        ((f"if self.is_left{_ASKS_TASKS}:", "if asyncio.current_task().cancelling():"),),
    ),
    Wrong(
        "06.2",
        "swallow the cancellation in __aexit__",
        (("how it ends", "it exited 1"),),
        ((_NOTES_LAST, _ENDS_IT_HERE),),
    ),
    Wrong(
        "06.2",
        "forget what TaskSet does there",
        (
            ("RuntimeError in the cleanup", "it does not"),
            ("main waits", "1 task ended after main"),
            ("a job may start another", "it was refused"),
            ("main waits", "1 task ended after main"),
        ),
        ((_NOTES_LAST, _FORGETS_THE_REST),),
    ),
    Wrong(
        "06.3",
        "finish all of it",
        (("as far as that", "it had not ended"),),
        ((_AEXIT, _ALL_OF_IT),),
        hangs=True,
    ),
    Wrong(
        "06.3",
        "shield instead of finish",
        (("the cleanup of 4 jobs", "2 of 4 finished"), ("the cleanup of 4 jobs", "2 of 4 finished")),
        ((_FINISHES, _SHIELDS),),
    ),
    Wrong(
        "06.3",
        "do it once more",
        (("the cleanup of 4 jobs", "2 of 4 finished"), ("the cleanup of 4 jobs", "2 of 4 finished")),
        ((_AEXIT, _ONCE_MORE),),
    ),
    Wrong(
        "06.3",
        "swallow the second",
        (
            ("the cleanup of 4 jobs", "2 of 4 finished"),
            ("how it ends", "it exited 0"),
            ("the cleanup of 4 jobs", "2 of 4 finished"),
        ),
        ((_AEXIT, _SWALLOWS),),
    ),
    Wrong(
        "06.3",
        "listen to no signal in the cleanup",
        (("every Ctrl-C cancels main", "once"), ("every Ctrl-C cancels main", "once")),
        ((_FINISHES, _TURNS_A_DEAF_EAR),),
    ),
    Wrong(
        "06.3",
        "cancel, and sleep long enough",
        (
            ("the cleanup of 4 jobs", "2 of 4 finished"),
            ("the cleanup of 4 jobs", "2 of 4 finished"),
            ("the error of a job", "the program exited 0 without it"),
        ),
        ((_FINISHES, _SLEEPS),),
    ),
    Wrong(
        "06.3",
        "lose the errors of the jobs",
        (("the error of a job", "the program exited 0 without it"),),
        ((_FINISHES, _WAITS_FOR_ALL),),
    ),
)

test_it_is_refused_for_what_is_wrong = each_is_refused(WRONG)
