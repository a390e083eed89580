"""Errors of a command: the message that is printed and the exit code of the process."""

from collections.abc import Sequence
from typing import Any

from nnexp.errors import Interrupted, UserError

USER_ERROR = 2
FAILURE = 1
INTERRUPTED = 130


def exit_code(error: BaseException) -> int | None:
    """Return the exit code for an error; None for a fault of nnexp, which is shown with its traceback."""
    if isinstance(error, UserError):
        return error.exit_code
    if isinstance(error, Interrupted):
        return error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, BrokenPipeError):
        return 0  # the reader, `head` for example, has all it wants
    return USER_ERROR if isinstance(error, OSError | MemoryError) or _is_of_hydra(error) else None


def format_error(error: BaseException) -> str:
    """Format the message of an error that has an exit code."""
    if isinstance(error, MemoryError):
        detail = f": {error}" if str(error) else ""
        return f"out of memory{detail}; fix: a smaller model.hidden or trainer.batch_size"
    if isinstance(error, OSError) and error.errno is not None:
        from nnexp.experiment.failures.storage_errors import describe, is_of_storage

        if is_of_storage(error):
            return describe(error)
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    if _is_of_hydra(error):
        cause = f": {error.__cause__}" if error.__cause__ is not None else ""
        return f"{error}{cause}".strip().split("\n\n")[0].split("\n    full_key")[0]
    return str(error)


def describe_error(error: BaseException) -> str:
    """Describe the error that ended a job: one of the user's by its message, another one with its type.

    One configuration error is described in a line, without a heading.
    """
    problems: Sequence[Any] = getattr(error, "problems", ())
    if len(problems) == 1:
        return f"{problems[0].where}: {problems[0].what}" if problems[0].where else str(problems[0].what)
    return format_error(error) if exit_code(error) is not None else f"{type(error).__name__}: {error}"


def _is_of_hydra(error: BaseException) -> bool:
    """Whether Hydra or OmegaConf raised it; neither is imported for that."""
    return type(error).__module__.partition(".")[0] in ("hydra", "omegaconf")
