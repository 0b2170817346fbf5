"""`%%answer` and `%check`: what a reader writes is run in processes of its own, and judged promise by promise."""

from __future__ import annotations

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class

from cancelkit.course import Judgement, exercise
from cancelkit.errors import CancelkitError, UnknownExerciseError
from cancelkit.notebook.magic import CellError


@magics_class
class ExerciseMagic(Magics):
    """The magics, in a notebook's kernel, with the answers that it has been given."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._answers: dict[str, str] = {}

    @cell_magic
    def answer(self, line: str, cell: str) -> None:
        """Keep the text of this cell as the answer to an exercise: `%%answer 03.2`. It is not run here."""
        self._answers[_known(line)] = cell

    @line_magic
    def check(self, line: str) -> Judgement:
        """Put an answer to the test: `%check 03.2`. It is run, and interrupted, in processes of its own."""
        name = _known(line)
        if name not in self._answers:
            raise UsageError(f"there is no answer to {name} yet: first run the cell that begins with %%answer {name}")
        try:
            return exercise(name).check(self._answers[name])
        except CancelkitError as error:
            raise CellError(f"{type(error).__name__}: {error}") from None


def _known(line: str) -> str:
    try:
        return exercise(line.strip()).name
    except UnknownExerciseError as error:
        raise UsageError(str(error)) from None
