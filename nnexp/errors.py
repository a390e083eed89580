"""The base class of errors that a user can fix."""

import os
from typing import ClassVar

FULL_ERROR = "HYDRA_FULL_ERROR"  # environment variable; 1 shows tracebacks


class UserError(Exception):
    """An error that is printed as one message (what, where, how to fix it), without a traceback.

    Attributes:
        exit_code: of the command that it ends.
    """

    exit_code: ClassVar[int] = 2

    def _render_traceback_(self) -> list[str]:
        """Return what IPython prints in place of a traceback; NotImplementedError makes it print that."""
        if os.environ.get(FULL_ERROR) == "1":
            raise NotImplementedError
        return [f"nnexp: {self}"]
