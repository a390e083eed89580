"""Fetching a file from the first mirror that answers, with a progress bar."""

import sys
from collections.abc import Sequence
from pathlib import Path

from nnexp.data.dataset import DataError

TIMEOUT = 15  # seconds without an answer before the next mirror is tried


class _Bar:
    """What pooch asks of a progress bar (`total`, `update`, `reset`, `close`), drawn by rich."""

    def __init__(self, name: str) -> None:
        from rich.console import Console
        from rich.progress import DownloadColumn, Progress, TextColumn, TransferSpeedColumn

        columns = TextColumn("{task.description}"), DownloadColumn(), TransferSpeedColumn()
        console = Console(stderr=True)
        self.progress = Progress(*columns, console=console, disable=not console.is_terminal, transient=True)
        self.task = self.progress.add_task(name, total=None)
        self.progress.start()

    @property
    def total(self) -> float | None:
        return self.progress.tasks[0].total

    @total.setter
    def total(self, size: float) -> None:
        self.progress.update(self.task, total=size)

    def update(self, amount: int) -> None:
        self.progress.advance(self.task, amount)

    def reset(self) -> None:
        self.progress.update(self.task, completed=0)

    def close(self) -> None:
        self.progress.stop()


def download(name: str, mirrors: Sequence[str], folder: Path, md5: str) -> Path:
    """Fetch the file `name` into `folder` from the first mirror that delivers it with that MD5.

    Raises:
        DataError: no mirror did; says what happened with each.
    """
    import pooch

    pooch.get_logger().setLevel("ERROR")
    failures = [] if mirrors else ["data.mirrors names no address"]
    for mirror in mirrors:
        url = f"{mirror.rstrip('/')}/{name}"
        bar = _Bar(name)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            fetch = pooch.HTTPDownloader(timeout=TIMEOUT, progressbar=bar)
            return Path(
                pooch.retrieve(url, known_hash=f"md5:{md5}", fname=name, path=folder, downloader=fetch)
            )
        except PermissionError as error:
            raise DataError(f"cannot write into {folder}: {error.strerror}") from error
        except (
            OSError,
            ValueError,
        ) as error:  # requests' errors are OSErrors; a wrong checksum is a ValueError
            failures.append(f"{url}: {_reason(error)}")
        finally:
            bar.close()
    raise DataError("\n".join([f"{name} could not be fetched:", *(f"  {failure}" for failure in failures)]))


def _reason(error: Exception) -> str:
    """One line that a person understands."""
    kinds = {
        "ConnectionError": "no connection",
        "ConnectTimeout": "no answer",
        "ReadTimeout": "no answer",
        "ProxyError": "no connection",
    }
    if isinstance(error, ValueError) and "hash" in str(error):
        return "delivered something else (wrong checksum)"
    return kinds.get(type(error).__name__, str(error).splitlines()[0] if str(error) else type(error).__name__)


def notice(text: str) -> None:
    """Tell the person at the terminal what takes a while."""
    print(text, file=sys.stderr, flush=True)
