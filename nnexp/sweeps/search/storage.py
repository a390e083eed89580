"""Where a study is stored: a journal file, a database, or the process of the search over gRPC."""

from functools import lru_cache
from typing import TYPE_CHECKING
from warnings import catch_warnings, simplefilter

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

GRPC = "grpc://"


@lru_cache(maxsize=4)
def open_storage(address: str) -> "BaseStorage":
    """Open the storage of a study, once in a process.

    Args:
        address: the absolute path of a journal file, the URL of a database, or grpc://HOST:PORT.
    """
    from optuna import storages
    from optuna.exceptions import ExperimentalWarning
    from optuna.storages.journal import JournalFileBackend

    with catch_warnings():
        simplefilter("ignore", ExperimentalWarning)
        if address.startswith(GRPC):
            host, _, port = address.removeprefix(GRPC).rpartition(":")
            return storages.GrpcStorageProxy(host=host, port=int(port))
        if "://" in address:
            return storages.get_storage(address)
        return storages.JournalStorage(JournalFileBackend(address))
