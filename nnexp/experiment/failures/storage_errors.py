"""Errors of the disk that end a run: what is wrong, what is kept, and how to go on."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeGuard

from nnexp.errors import UserError
from nnexp.messages import quoted_path
from nnexp.run_folder import CONFIG

ROOM = "make room there"
REASONS = {
    "ENOSPC": ("no space is left on its disk", ROOM),
    "EDQUOT": ("the quota of its disk is used up", ROOM),
    "EFBIG": ("a file would be larger than the limit of this process", "raise it (ulimit -f unlimited)"),
    "EIO": ("its disk reports an input/output error", "repair the disk, or copy the folder to another one"),
    "EROFS": ("its file system is read-only", "make it writable"),
}
CODES = {getattr(errno, name): reason for name, reason in REASONS.items() if hasattr(errno, name)}


class StorageError(UserError):
    """A run's folder cannot be written to; what was written before is kept."""


def is_of_storage(error: BaseException) -> TypeGuard[OSError]:
    """Return whether an error says that a disk cannot be written to."""
    return isinstance(error, OSError) and error.errno in CODES


@contextmanager
def explained_storage_errors(folder: Path) -> Iterator[None]:
    """Turn errors of the disk into a StorageError that names the folder of the run."""
    try:
        yield
    except OSError as error:
        if is_of_storage(error):
            raise storage_error(error, folder) from error
        raise


def storage_error(error: OSError, folder: Path) -> StorageError:
    """Explain that a run's folder cannot be written to."""
    reason, fix = CODES[error.errno or 0]
    if not (folder / CONFIG).is_file():
        return StorageError(f"cannot write to {folder}: {reason}; fix: {fix}, then start the run again")
    kept = f"what was saved before is kept; fix: {fix}, then run: nnexp resume {quoted_path(folder)}"
    return StorageError(f"cannot write to {folder}: {reason}; {kept}")


def describe(error: OSError) -> str:
    """Explain an error of a disk outside a run: where, what, and what helps."""
    reason, fix = CODES[error.errno or 0]
    return f"cannot write to {error.filename or Path.cwd()}: {reason}; fix: {fix}"
