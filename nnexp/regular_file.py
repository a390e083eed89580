"""Open regular files only: a FIFO, a device or a socket in place of a file would block or never end."""

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

KINDS = {  # of what is no regular file
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe (FIFO)",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
WITHOUT_WAITING = getattr(os, "O_NONBLOCK", 0)  # Windows has none, nor files that it would be needed for


def open_regular(path: Path) -> BufferedReader:
    """Open a file for reading without ever waiting for a writer.

    Raises:
        OSError: it cannot be opened, or is no regular file; `strerror` says what it is instead.
    """
    _check_kind(path, os.stat(path).st_mode)  # before it is opened: to open a device may change it
    file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | WITHOUT_WAITING))  # noqa: SIM115
    try:
        _check_kind(path, os.fstat(file.fileno()).st_mode)
    except OSError:
        file.close()
        raise
    return file


def _check_kind(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = KINDS.get(stat.S_IFMT(mode), "no file")
        code = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
        raise OSError(code, f"this is {kind}, expected a regular file", str(path))
