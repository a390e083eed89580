"""What a server refuses for good: an upload goes on without it, and says so once."""

from collections.abc import Iterator
from contextlib import contextmanager

from nnexp.messages import listed
from nnexp.redaction import redacted
from nnexp.tracking.mlflow.store_errors import SERVERS, http_status

TEMPORARY = (401, 408, 425, 429)  # statuses of requests that may succeed later, as may those from 500 on
PERMANENT = (501, 505, 507)
MAX_NAMES = 3


class Refusals:
    """The things that a server at `uri` has refused, by HTTP status."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.things: dict[int, list[str]] = {}

    @contextmanager
    def skipped(self, thing: str) -> Iterator[None]:
        """Go on after the block where the server refuses it; every other error is raised."""
        try:
            yield
        except Exception as error:
            if not is_refusal(self.uri, error):
                raise
            things = self.things.setdefault(http_status(error) or 0, [])
            if thing not in things:
                things.append(thing)

    def describe(self, model_in_run: bool) -> str:
        """Describe them in a sentence, and that the model is among the artifacts of its run."""
        texts = [f"it does not take {listed(self.things[key], MAX_NAMES)} ({key})" for key in self.things]
        if model_in_run:
            texts.append("it is older than MLflow 3: the model is an artifact of the run, runs:/RUN_ID/model")
        return f"MLflow at {redacted(self.uri)}: {'; '.join(texts)}" if texts else ""


def is_refusal(uri: str, error: Exception) -> bool:
    """Return whether a server has refused a request for good: it would refuse it again."""
    status = http_status(error) if uri.startswith(SERVERS) else None
    if status is None:
        return False
    return status in PERMANENT or (400 <= status < 500 and status not in TEMPORARY)
