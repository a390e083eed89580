"""Download a file from the first mirror that has it, with a progress bar."""

from collections.abc import Sequence
from hashlib import md5
from pathlib import Path

from nnexp.atomic_write import write_atomically
from nnexp.data.errors import DataError
from nnexp.data.images.folders import CACHE_VARIABLE
from nnexp.messages import first_line

TIMEOUT = 15  # seconds without an answer until the next mirror is tried
CHUNK = 1 << 16  # bytes
REASONS = {"ConnectTimeout": "no answer", "ReadTimeout": "no answer", "ConnectionError": "no connection"}


def download(name: str, mirrors: Sequence[str], folder: Path, checksum: str) -> Path:
    """Download the file `name` into `folder` from the first mirror that has it with that MD5."""
    failures = [] if mirrors else ["data.mirrors is empty"]
    for mirror in mirrors:
        url = f"{mirror.rstrip('/')}/{name}"
        try:
            content = fetch(url)
        except OSError as error:  # all errors of requests are
            failures.append(f"{url}: {REASONS.get(type(error).__name__, first_line(error))}")
            continue
        if md5(content, usedforsecurity=False).hexdigest() != checksum:
            failures.append(f"{url}: wrong checksum")
            continue
        try:
            write_atomically(folder / name, content)
        except OSError as error:
            problem = f"cannot write into {folder}: {error.strerror}; set {CACHE_VARIABLE} to another folder"
            raise DataError(problem) from error
        return folder / name
    raise DataError("\n  ".join([f"cannot download {name}:", *failures]))


def fetch(url: str) -> bytes:
    """Fetch the content at an address; draw a progress bar on a terminal."""
    import requests
    from rich.console import Console
    from rich.progress import DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = TextColumn("{task.description}"), DownloadColumn(), TransferSpeedColumn()
    console = Console(stderr=True)
    can_redraw = console.is_interactive and console.file.isatty()  # FORCE_COLOR wants no bars in a log
    content = bytearray()
    with (
        Progress(*columns, console=console, disable=not can_redraw, transient=True) as progress,
        requests.get(url, timeout=TIMEOUT, stream=True) as response,
    ):
        response.raise_for_status()
        size = int(response.headers.get("content-length", 0))
        task = progress.add_task(url.rpartition("/")[2], total=size or None)
        for chunk in response.iter_content(CHUNK):
            content += chunk
            progress.advance(task, len(chunk))
    return bytes(content)
