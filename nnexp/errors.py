"""The base class of errors that a user can fix."""

from typing import ClassVar


class UserError(Exception):
    """An error that is printed as one message (what, where, how to fix it), without a traceback.

    Attributes:
        exit_code: of the command that it ends.
    """

    exit_code: ClassVar[int] = 2
