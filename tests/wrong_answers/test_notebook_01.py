"""Wrong answers to the exercises of notebook 01."""

from __future__ import annotations

from wrong_answers import Wrong, each_is_refused

_KEEPS_CONNECTION_ERRORS = "        with contextlib.suppress(ConnectionError):"

_RUN = "\nasyncio.run(main())"

_CATCHES = """\

try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted")"""

_CATCHES_ALL = """\

try:
    asyncio.run(main())
except BaseException:
    sys.exit(130)"""

_CATCHES_ERRORS = """\

try:
    asyncio.run(main())
except Exception as error:
    print(error)"""

_IN_A_GROUP = """\

try:
    asyncio.run(main())
except* KeyboardInterrupt:
    raise"""

_FINALLY = """\
    finally:
        with contextlib.suppress(ConnectionError):
            await say_goodbye()"""

_EXITS_HERE = f"""\
{_FINALLY}
        sys.exit(130)"""

_ONLY_ON_A_GOOD_DAY = """\
        with contextlib.suppress(ConnectionError):
            await say_goodbye()
    except asyncio.CancelledError:
        raise"""

_HANDLER = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))"

_ENDS_AT_ONCE = 'signal.signal(signal.SIGTERM, lambda *_: __import__("os")._exit(143))'

_SAYS_SO_AND_ENDS_AT_ONCE = """\
def on_sigterm(*_):
    print("main: has cleaned up", flush=True)
    __import__("os")._exit(143)


signal.signal(signal.SIGTERM, on_sigterm)"""

_FOR_BOTH = f"""\
{_HANDLER}
signal.signal(signal.SIGINT, lambda *_: sys.exit(143))"""

_CATCHES_EXIT = """\

try:
    asyncio.run(main())
except BaseException:
    sys.exit(143)"""

_QUIET = """\
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.raise_signal(signal.SIGINT)"""

_SILENT = ("import sys\n", 'import sys\n\nsys.stderr = open("/dev/null", "w")\n')

_NO_HOOK = ("import sys\n", "import sys\n\nsys.excepthook = lambda *_: None\n")

_SHORT_TRACEBACKS = ("import sys\n", "import sys\n\nsys.tracebacklimit = 0\n")

_HONEST = "how it ends: killed by SIGINT or exited 130"

WRONG = (
    Wrong(
        "01.1",
        "mend the end, and leave the goodbye",
        ((_HONEST, "it exited 1"), ("how it ends: exited 0", "it exited 1")),
        ((_KEEPS_CONNECTION_ERRORS, "        if True:"),),
    ),
    Wrong(
        "01.1",
        "mend the goodbye, and leave the end",
        ((_HONEST, "it exited 0"),),
        ((_RUN, _CATCHES),),
    ),
    Wrong(
        "01.1",
        "exit with 130 whatever comes",
        (("how it ends: exited 1", "it exited 130"),),
        ((_RUN, _CATCHES_ALL),),
    ),
    Wrong(
        "01.1",
        "exit with 130 in the finally, where everybody passes",
        (("how it ends: exited 0", "it exited 130"), ("how it ends: exited 1", "it exited 130")),
        ((_FINALLY, _EXITS_HERE),),
    ),
    Wrong(
        "01.1",
        "keep every error, at the end",
        ((_HONEST, "it exited 0"), ("how it ends: exited 1", "it exited 0")),
        ((_KEEPS_CONNECTION_ERRORS, "        if True:"), (_RUN, _CATCHES_ERRORS)),
    ),
    Wrong(
        "01.1",
        "return from the finally, which ends every exception",
        ((_HONEST, "it exited 0"), ("how it ends: exited 1", "it exited 0")),
        ((_FINALLY, f"{_FINALLY}\n        return"),),
    ),
    Wrong(
        "01.1",
        "leave the goodbye out when it cannot be said",
        (
            ("says goodbye' is printed", "printed not at all"),
            ("says goodbye' is printed", "printed not at all"),
        ),
        ((_FINALLY, _ONLY_ON_A_GOOD_DAY),),
    ),
    Wrong(
        "01.1",
        "raise it again, in a group",
        ((_HONEST, "it exited 1"),),
        ((_RUN, _IN_A_GROUP),),
    ),
    Wrong(
        "01.2",
        "as SIGINT has it",
        (("no signal ends it but the one that was sent", "it was killed by SIGINT, which nobody had sent"),),
        (("lambda *_: sys.exit(143)", "signal.default_int_handler"),),
    ),
    Wrong(
        "01.2",
        "give it sys.exit itself, which is told two things",
        (("how it ends: exited 143", "it exited 1"),),
        (("lambda *_: sys.exit(143)", "sys.exit"),),
    ),
    Wrong(
        "01.2",
        "end at once, with the right status",
        (("main is cancelled", "no CancelledError"), ("has cleaned up", "printed not at all")),
        ((_HANDLER, _ENDS_AT_ONCE),),
    ),
    Wrong(
        "01.2",
        "say so, and end at once with the right status",
        (("main is cancelled", "no CancelledError"),),
        ((_HANDLER, _SAYS_SO_AND_ENDS_AT_ONCE),),
    ),
    Wrong(
        "01.2",
        "do not listen to it",
        (("as far as that", "it had not ended"),),
        (("lambda *_: sys.exit(143)", "signal.SIG_IGN"),),
        hangs=True,
    ),
    Wrong(
        "01.2",
        "the same for both signals",
        ((_HONEST, "it exited 143"),),
        ((_HANDLER, _FOR_BOTH),),
    ),
    Wrong(
        "01.2",
        "catch it outside, where it never comes",
        (
            ("main is cancelled", "no CancelledError"),
            ("has cleaned up", "printed not at all"),
            (_HONEST, "it exited 143"),
        ),
        ((f"{_HANDLER}{_RUN}", _CATCHES_EXIT),),
    ),
    Wrong(
        "01.3",
        "exit with 130",
        (("how it ends: killed by SIGINT", "it exited 130"),),
        ((_QUIET, "    sys.exit(130)"),),
    ),
    Wrong(
        "01.3",
        "let it out",
        (("nothing on stderr", "the last line is 'KeyboardInterrupt'"),),
        ((_QUIET, "    raise"),),
    ),
    Wrong(
        "01.3",
        "let it out, with a short traceback",
        (("nothing on stderr", "the last line is 'KeyboardInterrupt'"),),
        (_SHORT_TRACEBACKS, (_QUIET, "    raise")),
    ),
    Wrong(
        "01.3",
        "send it without giving it back first",
        (("nothing on stderr", "the last line is 'KeyboardInterrupt'"),),
        (("    signal.signal(signal.SIGINT, signal.SIG_DFL)\n", ""),),
    ),
    Wrong(
        "01.3",
        "have nothing printed on stderr at all",
        (("a traceback of ValueError", "there is nothing"),),
        (_SILENT, (_QUIET, "    raise")),
    ),
    Wrong(
        "01.3",
        "have no exception printed",
        (("a traceback of ValueError", "there is nothing"),),
        (_NO_HOOK, (_QUIET, "    raise")),
    ),
    Wrong(
        "01.3",
        "end by a signal that nobody has sent",
        (("as far as that", "it was killed by SIGKILL, which nobody had sent"),),
        ((_QUIET, "    signal.raise_signal(signal.SIGKILL)"),),
    ),
)

test_it_is_refused_for_what_is_wrong = each_is_refused(WRONG)
