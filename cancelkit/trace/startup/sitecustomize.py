"""The first thing that runs in a child: Python imports a module of this name before it runs any program.

So the program itself is run by the interpreter as ever, as `__main__`, with its own `sys.argv` and its own
tracebacks. What brought this here, an entry in PYTHONPATH and a variable, is taken out again before the program or a
`sitecustomize` of the user's can see it.
"""

import os
import sys


def _start() -> None:
    import importlib
    import json

    settings = json.loads(os.environ.pop("CANCELKIT_CHILD"))
    sys.path.remove(os.path.dirname(__file__))  # noqa: PTH120 - nothing is imported here that need not be
    if settings["pythonpath"] is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = settings["pythonpath"]

    sys.path.insert(0, settings["package"])
    child = importlib.import_module(settings["module"])
    sys.path.remove(settings["package"])
    child.start(settings)


def _hand_over() -> None:
    """Run the `sitecustomize` that this one stood in front of, if there is one."""
    import importlib.machinery

    spec = importlib.machinery.PathFinder.find_spec("sitecustomize")
    if spec is None or spec.loader is None:
        # Python does not mind, and then there is no such module: as without us.
        raise ModuleNotFoundError("No module named 'sitecustomize'", name="sitecustomize")
    import importlib.util

    module = importlib.util.module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


if "CANCELKIT_CHILD" in os.environ:
    try:
        _start()
    except KeyboardInterrupt:
        # Ctrl-C before the program's first line ends it as it would in that line.
        import signal

        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)
    except BaseException as error:
        # Python would print a line and run the program all the same, without anybody watching.
        try:
            import traceback

            is_plain = type(error).__module__ == "cancelkit.errors"
            sys.stderr.write(f"cancelkit: {error}\n" if is_plain else traceback.format_exc())
        finally:
            os._exit(70)
    _hand_over()
