"""Where a study is stored: a journal file or a database."""

from functools import lru_cache
from typing import TYPE_CHECKING
from warnings import catch_warnings, simplefilter

if TYPE_CHECKING:
    from optuna.storages import BaseStorage


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
