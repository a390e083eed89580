"""One transaction for several calls of MLflow's client on an SQLite store.

Each call opens a session of its own, which configures the connection and waits for the disk at its end: that
takes most of the time of an upload. Verified on MLflow 3.17.2; where another version has no such sessions,
nothing is changed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from threading import get_ident
from typing import TYPE_CHECKING, Any

from nnexp.tracking.mlflow.store import SQLITE

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

MAKER = "ManagedSessionMaker"  # attribute of a store that is a database


class TransactionError(Exception):
    """A call has undone its changes, and with them those of the calls before."""


@contextmanager
def one_transaction(client: "MlflowClient") -> Iterator[None]:
    """Let all calls of this thread within the block be stored together at its end, or not at all.

    What is stored already must not be sent again in the block: MLflow would undo the transaction.

    Raises:
        TransactionError: that was so.
    """
    store: Any = getattr(getattr(client, "_tracking_client", None), "store", None)
    maker = getattr(store, MAKER, None)
    if maker is None or not client.tracking_uri.startswith(SQLITE):
        yield
        return
    thread = get_ident()
    options = {"read_only": False} if "read_only" in signature(maker).parameters else {}
    with maker(**options) as session:
        commit, rollback = session.commit, session.rollback

        @contextmanager
        def shared(**others: Any) -> Iterator[Any]:
            if get_ident() != thread:  # another thread reads the same store
                with maker(**others) as own:
                    yield own
                return
            yield session
            session.flush()
            session.expunge_all()  # as if the session had ended: the next one reads what is stored

        def refuse() -> None:
            raise TransactionError("what is stored already was sent again")

        session.commit, session.rollback = session.flush, refuse
        setattr(store, MAKER, shared)
        try:
            yield
        finally:
            setattr(store, MAKER, maker)
            session.commit, session.rollback = commit, rollback
