"""Patience with a server that has too much to do: requests are sent again after growing, random pauses.

What creates something is sent again only after a search for it: the server may have done what it has not
answered. `patient_retry` does the same for all other requests.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from random import uniform
from time import monotonic, sleep
from typing import Protocol, TypeVar

from nnexp.tracking.mlflow.refusals import is_busy, is_lost
from nnexp.tracking.mlflow.store import sent_once
from nnexp.tracking.mlflow.store_errors import describe_status, http_status

Created = TypeVar("Created")
FIRST_PAUSE, MAX_PAUSE = 1.0, 30.0  # seconds, at most
OVERLOADED = (425, 429, 503)  # by which a server itself says that it has too much to do
COMMAND_TIMEOUT = 120.0  # seconds


class Patience(Protocol):
    """Decides how long a busy server is waited for."""

    def may_wait(self, status: int | None) -> bool:
        """Return whether a request may be sent again after this HTTP status (None: there was no answer)."""

    def wait(self, seconds: float, status: int | None) -> None:
        """Wait so long, or less."""


patience_of_thread: ContextVar[Patience | None] = ContextVar("patience_of_thread", default=None)


@dataclass
class Deadline:
    """The patience of a command: `timeout` seconds since the server has taken something.

    `show` gets the reason, once.
    """

    show: Callable[[str], object] = lambda text: None
    timeout: float = field(default_factory=lambda: COMMAND_TIMEOUT)
    last: float = field(default_factory=monotonic)
    shown: str = ""

    def heartbeat(self) -> None:
        """Begin anew: the server has taken something."""
        self.last = monotonic()

    def may_wait(self, status: int | None) -> bool:
        return monotonic() - self.last < self.timeout

    def wait(self, seconds: float, status: int | None) -> None:
        if (text := describe_status(status)) != self.shown:
            self.shown = text
            self.show(text)
        sleep(min(seconds, self.timeout))


def next_pause(failures: int) -> float:
    """Return a random pause in seconds after so many failures: not all clients come back at once."""
    return min(FIRST_PAUSE * 2.0 ** min(failures - 1, 16), MAX_PAUSE) * uniform(0.5, 1.0)  # noqa: S311


def create_once(uri: str, create: Callable[[], Created], find: Callable[[], Created | None]) -> Created:
    """Create something in the store at `uri`; before it is sent again, it is searched for."""
    failures = 0
    while True:
        try:
            with sent_once():
                return create()
        except Exception as error:
            patience = patience_of_thread.get()
            status = http_status(error)
            may_pass = is_busy(uri, error) or is_lost(uri, error)
            if patience is None or not may_pass or not patience.may_wait(status):
                raise
            failures += 1
            patience.wait(next_pause(failures), status)
        if (existing := find()) is not None:
            return existing
