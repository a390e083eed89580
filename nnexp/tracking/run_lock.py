"""The lock of a run's folder that an upload holds, so that no two processes upload or end the same run."""

from pathlib import Path

from filelock import FileLock

from nnexp.atomic_write import MODE
from nnexp.run_folder import UPLOAD_LOCK


def run_lock(folder: Path, timeout: float = 0.0) -> FileLock:
    """Return the lock of a run, as open as its files; where it stays held, it raises a Timeout."""
    path = folder / UPLOAD_LOCK
    if path.is_dir():  # something else has made it
        path = folder / f"{UPLOAD_LOCK}-file"
    return FileLock(path, timeout=timeout, mode=MODE)
