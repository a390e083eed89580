"""Download a file from the first mirror that has it, with a progress bar: over https, verified before use."""

import time
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from nnexp.atomic_write import write_atomically
from nnexp.data.errors import DataError
from nnexp.data.images.array_cache import sole_builder
from nnexp.data.images.folders import CACHE_VARIABLE
from nnexp.messages import first_line
from nnexp.redaction import redacted

if TYPE_CHECKING:
    from requests import Response

TIMEOUT = 15  # seconds without an answer until the next mirror is tried
SLOWEST, PATIENCE = 1000, 60  # bytes per second, after so many seconds
MAX_SIZE = 1 << 30  # bytes: twice the largest file
MAX_REDIRECTS = 5
ATTEMPTS = 2  # at each mirror whose connection breaks
CHUNK = 1 << 16  # bytes
LOCAL = ("localhost", "127.0.0.1", "::1")  # this machine, which needs no https
REASONS = {"ConnectTimeout": "no answer", "ReadTimeout": "no answer", "ConnectionError": "no connection"}
ABANDONED_AFTER = 600  # seconds without a new byte


class RefusedError(Exception):
    """A mirror whose address or content is not accepted."""


def download(name: str, mirrors: Sequence[str], folder: Path, checksum: str) -> Path:
    """Download the file `name` into `folder` from the first mirror that has it with that SHA-256.

    It appears in the folder only when it is whole and verified. Of several processes one downloads, or, where
    file locks do not work, each its own copy.

    Raises:
        DataError: no mirror has it, or the folder cannot be written to.
    """
    path = folder / name
    failures = [] if mirrors else ["data.mirrors is empty"]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with sole_builder(folder):
            if path.is_file():  # another process was faster
                return path
            for unfinished in folder.glob(f".{name}.*"):
                remove_abandoned(unfinished)
            for mirror in mirrors:
                url = f"{mirror.rstrip('/')}/{name}"
                if (failure := _download_from(url, path, checksum)) is None:
                    return path
                failures.append(redacted(f"{url}: {failure}"))
    except OSError as error:
        problem = f"cannot write into {folder}: {error.strerror}; set {CACHE_VARIABLE} to another folder"
        raise DataError(problem) from error
    raise DataError("\n  ".join([f"cannot download {name}:", *failures]))


def remove_abandoned(path: Path) -> None:
    """Remove an unfinished file of a process that was killed: where locks do not work, others may live."""
    with suppress(OSError):  # its process has just ended
        if time.time() - path.stat().st_mtime > ABANDONED_AFTER:
            path.unlink()


def _download_from(url: str, path: Path, checksum: str) -> str | None:
    """Download a file; return what is wrong with it or its mirror, None if nothing is."""
    import requests

    reason = ""
    for _ in range(ATTEMPTS):
        try:
            write_atomically(path, lambda file: _fetch(url, file, checksum))
        except RefusedError as error:
            return str(error)
        except requests.RequestException as error:
            reason = REASONS.get(type(error).__name__, first_line(error))
            if not isinstance(error, requests.exceptions.ChunkedEncodingError):  # it was not broken off
                return reason
        else:
            return None
    return reason


def _fetch(url: str, file: IO[bytes], checksum: str) -> None:
    """Write the content at an address into a file and verify it; draw a progress bar on a terminal."""
    from rich.console import Console
    from rich.progress import DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = TextColumn("{task.description}"), DownloadColumn(), TransferSpeedColumn()
    console = Console(stderr=True)
    can_redraw = console.is_interactive and console.file.isatty()  # FORCE_COLOR wants no bars in a log
    digest, received, start = sha256(), 0, time.monotonic()
    with (
        Progress(*columns, console=console, disable=not can_redraw, transient=True) as progress,
        _open(url) as response,
    ):
        size = response.headers.get("content-length", "")
        total = int(size) if size.isdecimal() else None
        task = progress.add_task(url.rpartition("/")[2], total=total)
        for chunk in response.iter_content(CHUNK):
            received += len(chunk)
            if max(received, total or 0) > MAX_SIZE:
                raise RefusedError(f"larger than {MAX_SIZE:,} bytes")
            if received < SLOWEST * (time.monotonic() - start - PATIENCE):
                raise RefusedError(f"slower than {SLOWEST:,} bytes per second")
            file.write(chunk)
            digest.update(chunk)
            progress.advance(task, len(chunk))
    if digest.hexdigest() != checksum:
        raise RefusedError(
            f"wrong checksum: expected SHA-256 {checksum[:16]}..., got {digest.hexdigest()[:16]}..."
        )


def _open(url: str) -> "Response":
    """Request an address and those it redirects to, all of them over https."""
    import requests

    for _ in range(MAX_REDIRECTS + 1):
        address = urlsplit(url)
        if address.scheme != "https" and (address.scheme, address.hostname in LOCAL) != ("http", True):
            raise RefusedError(
                f"only https is allowed, got {address.scheme or 'no scheme'}://{address.netloc}"
            )
        response = requests.get(url, timeout=TIMEOUT, stream=True, allow_redirects=False)
        if not response.is_redirect:
            response.raise_for_status()
            return response
        response.close()
        url = urljoin(url, response.headers["location"])
    raise RefusedError(f"more than {MAX_REDIRECTS} redirects")
