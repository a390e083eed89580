"""Download a file from the first mirror that has it, with a progress bar."""

from collections.abc import Sequence
from pathlib import Path

from nnexp.data.errors import DataError
from nnexp.messages import first_line

TIMEOUT = 15  # seconds until the next mirror is tried
REASONS = {
    "ConnectionError": "no connection",
    "ConnectTimeout": "no answer",
    "ReadTimeout": "no answer",
    "ProxyError": "no connection",
}


class _Bar:
    """A progress bar with pooch's interface (`total`, `update`, `reset`, `close`), drawn by rich."""

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
    """Download the file `name` into `folder` from the first mirror that has it with that MD5.

    Raises:
        DataError: no mirror has; lists the reason of each.
    """
    import pooch

    pooch.get_logger().setLevel("ERROR")
    failures = [] if mirrors else ["data.mirrors is empty"]
    for mirror in mirrors:
        url = f"{mirror.rstrip('/')}/{name}"
        bar = _Bar(name)
        fetch = pooch.HTTPDownloader(timeout=TIMEOUT, progressbar=bar)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return Path(pooch.retrieve(url, f"md5:{md5}", fname=name, path=folder, downloader=fetch))
        except PermissionError as error:
            raise DataError(f"cannot write into {folder}: {error.strerror}") from error
        except (
            OSError,
            ValueError,
        ) as error:  # requests' errors are OSErrors, a wrong checksum is a ValueError
            mismatch = isinstance(error, ValueError) and "hash" in str(error)
            reason = "wrong checksum" if mismatch else REASONS.get(type(error).__name__, first_line(error))
            failures.append(f"{url}: {reason}")
        finally:
            bar.close()
    raise DataError("\n  ".join([f"cannot download {name}:", *failures]))
