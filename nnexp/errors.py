"""The base class of errors that a user can fix, and the interruption of a run by a signal."""

import os
import signal
from typing import Any, ClassVar

SIGNAL_EXIT = 128  # plus the signal's number: the exit code
FULL_ERROR = "HYDRA_FULL_ERROR"  # environment variable; 1 shows tracebacks


class UserError(Exception):
    """An error that is printed as one message (what, where, how to fix it), without a traceback.

    Attributes:
        exit_code: of the command that it ends.
    """

    exit_code: ClassVar[int] = 2

    def __reduce__(self) -> tuple[Any, ...]:
        """Let processes send it to each other, whatever its constructor takes."""
        return restore_error, (type(self), self.args, self.__dict__)

    def _render_traceback_(self) -> list[str]:
        """Return what IPython prints in place of a traceback; NotImplementedError makes it print that."""
        if os.environ.get(FULL_ERROR) == "1":
            raise NotImplementedError
        return [f"nnexp: {self}"]


def restore_error(kind: type[UserError], args: tuple[Any, ...], attributes: dict[str, Any]) -> UserError:
    """Make an error as it was in another process."""
    error = kind.__new__(kind, *args)
    error.__dict__.update(attributes)
    return error


class Interrupted(KeyboardInterrupt):
    """The end of a run, a sweep or a command by a signal: Ctrl-C, SIGTERM, SIGHUP, ...

    Attributes:
        number: of the signal.
        exit_code: of the process, as shells report it: 130, 143, 129, ...
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"ended by {signal_name(number)}")
        self.number = number
        self.exit_code = SIGNAL_EXIT + number

    def _render_traceback_(self) -> list[str]:
        """Return what IPython prints in place of a traceback."""
        return [f"nnexp: {self}", *getattr(self, "__notes__", ())]


def signal_name(number: int) -> str:
    """Return the name of a signal: "SIGTERM"."""
    try:
        return signal.Signals(number).name
    except ValueError:  # a signal of real time
        return f"signal {number}"
