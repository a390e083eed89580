"""The lock of a run's folder that an upload holds, so that no two processes upload or end the same run."""

from pathlib import Path

from filelock import FileLock

from nnexp.atomic_write import MODE
from nnexp.run_folder import UPLOAD_LOCK


def run_lock(folder: Path, timeout: float = 0.0) -> FileLock:
    """Return the lock of a run, as open as its files; where it stays held, it raises a Timeout."""
    return FileLock(folder / UPLOAD_LOCK, timeout=timeout, mode=MODE)
