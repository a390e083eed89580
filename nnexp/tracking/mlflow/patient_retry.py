"""Requests of MLflow's client that are sent again for as long as the patience of their thread allows.

MLflow leaves that to urllib3's `Retry`, with a fixed number of attempts. Verified on MLflow 3.17.2; where
another version has no such class, its own attempts are all.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from mlflow.utils import request_utils
from urllib3 import BaseHTTPResponse
from urllib3.connectionpool import ConnectionPool
from urllib3.exceptions import ProtocolError, ReadTimeoutError
from urllib3.util.retry import RequestHistory, Retry

from nnexp.tracking.mlflow.patience import Patience, next_pause, patience_of_thread
from nnexp.tracking.mlflow.refusals import BUSY

TOO_MANY_REQUESTS = 429  # the one answer after which a server has certainly done nothing


class PatientRetry(Retry):
    """The state of a request that may be sent again."""

    pause = 0.0  # seconds before it is
    last_status: int | None = None

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        """Return the state after a failure; a MaxRetryError: the request is not sent again."""
        patience = patience_of_thread.get()
        status = None if response is None else response.status
        is_lost = isinstance(error, ProtocolError | ReadTimeoutError)
        may_repeat = bool(self.total)  # it creates nothing
        may_pass = status == TOO_MANY_REQUESTS or (may_repeat and (is_lost or status in BUSY))
        if patience is None or not may_pass:
            return super().increment(method, url, response, error, _pool, _stacktrace)
        if not patience.may_wait(status):
            last = Retry(0, status_forcelist=self.status_forcelist, allowed_methods=None)
            last.increment(method, url, response, error, _pool, _stacktrace)
        again = self.new(history=(*self.history, RequestHistory(method, url, error, status, None)))
        retry_after = None if response is None else self.get_retry_after(response)
        again.pause = max(next_pause(len(again.history)), retry_after or 0.0)
        again.last_status = status
        return again

    def sleep(self, response: BaseHTTPResponse | None = None) -> None:
        patience = patience_of_thread.get()
        if patience is None or not self.pause:
            super().sleep(response)
        else:
            patience.wait(self.pause, self.last_status)


@contextmanager
def patient(patience: Patience) -> Iterator[None]:
    """Let requests of this thread within the block be sent again for as long as `patience` allows."""
    install()
    token = patience_of_thread.set(patience)
    try:
        yield
    finally:
        patience_of_thread.reset(token)


def install() -> None:
    """Let MLflow's sessions ask for patience."""
    module: Any = request_utils
    if getattr(module, "Retry", PatientRetry) is not PatientRetry:
        module.Retry = PatientRetry
        module._cached_get_request_session.cache_clear()
