"""Atomic file writes: a reader sees the whole old file or the whole new one, never half of it."""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

WINDOWS = os.name == "nt"
RETRIES = (0.01, 0.05, 0.2, 0.5, 1.0)  # seconds
_UMASK = os.umask(0)  # read at import: the only way to read it is to set it, which other threads would notice
os.umask(_UMASK)
MODE = 0o666 & ~_UMASK  # of a new file; mkstemp makes files that only their owner can read


def write_atomically(
    path: Path, content: bytes | str | Callable[[IO[bytes]], object], durable: bool = False
) -> None:
    """Write a temporary file beside `path`, then rename it; parent folders are made.

    Args:
        path: the file; replaced if it exists.
        content: bytes, text (as UTF-8), or a function that writes into an open binary file.
        durable: whether to wait until it is on the disk, so that it outlives a loss of power.

    Raises:
        OSError: it cannot be written; the old file, if there was one, is unchanged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            if callable(content):
                content(file)
            else:
                file.write(content.encode() if isinstance(content, str) else content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.chmod(temporary, MODE)
        replace(temporary, path)
    except BaseException as error:
        os.unlink(temporary)
        if isinstance(error, OSError) and error.errno and error.filename is None:
            error.filename = str(path)
        raise
    if durable:
        sync_folder(path.parent)


def replace(source: str | Path, path: Path, windows: bool = WINDOWS) -> None:
    """Rename a file over another one; Windows refuses that while a reader has it open, so wait for it."""
    for pause in RETRIES if windows else ():
        try:
            os.replace(source, path)
        except PermissionError:
            time.sleep(pause)
        else:
            return
    os.replace(source, path)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk; Windows has no such call, and needs none."""
    if WINDOWS:
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
