"""Where a study is stored: a journal file or a database."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from warnings import catch_warnings, simplefilter

from nnexp.errors import UserError
from nnexp.messages import first_line
from nnexp.redaction import redacted

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

FILE = "file://"
DRIVERS = {"postgresql": "'nnexp[postgres]'", "mysql": "mysqlclient"}
"""What pip installs for a database."""


def address(storage: str) -> str:
    """Return the address of a storage, as `open_storage` takes it: of a file, its absolute path."""
    is_file = storage.startswith(FILE) or "://" not in storage
    return str(Path(storage.removeprefix(FILE)).expanduser().resolve()) if is_file else storage


def check_storage(storage: str) -> None:
    """Open the storage in `search.storage`; a UserError where that fails."""
    try:
        open_storage(address(storage))
    except ImportError as error:
        kind = storage.partition("://")[0].partition("+")[0]
        fix = f"fix: pip install {DRIVERS[kind]}" if kind in DRIVERS else f"cause: {first_line(error)}"
        raise UserError(f"search.storage={storage}: a driver is not installed; {fix}") from error
    except Exception as error:  # each database raises its own types
        expected = "expected a file, or a database as sqlite:///FILE or postgresql://HOST/NAME"
        problem = redacted(first_line(error).removesuffix("."))
        raise UserError(f"search.storage={storage}: it cannot be opened: {problem}; {expected}") from error


@lru_cache(maxsize=4)
def open_storage(address: str) -> "BaseStorage":
    """Open the storage of a study, once in a process.

    Args:
        address: the absolute path of a journal file, or the URL of a database.
    """
    from optuna import storages
    from optuna.exceptions import ExperimentalWarning
    from optuna.storages.journal import JournalFileBackend

    with catch_warnings():
        simplefilter("ignore", ExperimentalWarning)
        if "://" in address:
            return storages.get_storage(address)
        return storages.JournalStorage(JournalFileBackend(address))
