"""Where a study is stored: a journal file, a database, or the process of the search over gRPC."""

import socket
from functools import lru_cache
from threading import Thread
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


@lru_cache(maxsize=4)
def serve_storage(address: str, host: str) -> str:
    """Serve a storage to other machines over gRPC while this process lives, once for each storage.

    Args:
        address: of the storage, as `open_storage` takes it.
        host: the name or address of this machine that the others reach.

    Returns:
        The address that they open: grpc://HOST:PORT.
    """
    from optuna import storages
    from optuna.exceptions import ExperimentalWarning

    with socket.create_server((host, 0)) as probe:
        port = probe.getsockname()[1]

    def serve() -> None:
        with catch_warnings():
            simplefilter("ignore", ExperimentalWarning)
            storages.run_grpc_proxy_server(open_storage(address), host=host, port=port)

    Thread(target=serve, daemon=True, name="storage").start()
    return f"{GRPC}{host}:{port}"
