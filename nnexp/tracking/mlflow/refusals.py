"""What is not uploaded, for good: an upload goes on without it, and says so once.

A server may not take it, or it is missing or damaged in the run's folder.
"""

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlparse

from nnexp.array_file import read_arrays
from nnexp.errors import UserError
from nnexp.messages import first_line, listed, plural
from nnexp.redaction import redacted
from nnexp.run_folder import JOURNAL, NETWORK, RunFolder
from nnexp.serving.model_spec import ModelSpec
from nnexp.tracking.mlflow.relocation import local_path
from nnexp.tracking.mlflow.store_errors import SERVERS, http_status

TEMPORARY = (401, 408, 425, 429)  # statuses of requests that may succeed later, as may those from 500 on
BUSY = (408, 425, 429, 502, 503, 504)
LOST = ("timed out", "Connection aborted", "Connection reset", "Remote end closed")
PERMANENT = (501, 505, 507)
THIS_MACHINE = ("localhost", "127.0.0.1", "::1", platform.node().lower())
MAX_NAMES = 3
MODEL = "the model"  # which is made of files that are named too


class ArtifactFolderError(Exception):
    """A server keeps artifacts in a folder of its own machine, which clients cannot write."""


class Refusals:
    """The things that a server at `uri` does not take, by reason."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.things: dict[str, list[str]] = {}
        self.is_last_try = False  # errors of the server, which may pass, do not stop the rest either
        self.may_pass = False  # there was such an error
        self.damaged: dict[str, str] = {}  # what is missing or damaged in the run's folder, and why

    @contextmanager
    def skipped(self, thing: str) -> Iterator[None]:
        """Go on after the block where the server does not take it; other errors are raised."""
        try:
            yield
        except Exception as error:
            if not is_refusal(self.uri, error):
                is_temporary = http_status(error) in BUSY or (http_status(error) or 0) >= 500
                if not self.is_last_try or not is_temporary:
                    raise
                self.may_pass = True
            things = self.things.setdefault(str(http_status(error) or error), [])
            if thing not in things:
                things.append(thing)

    @contextmanager
    def readable(self, thing: str) -> Iterator[None]:
        """Go on after a block, which only reads files of the run, where these are missing or damaged."""
        try:
            yield
        except (OSError, UserError, LookupError, TypeError, ValueError, AttributeError) as error:
            self.damaged.setdefault(thing, getattr(error, "strerror", None) or first_line(error))

    def check_model(self, run: RunFolder) -> bool:
        """Return whether the files of the network can be read."""
        with self.readable(MODEL):
            ModelSpec.read(run / NETWORK)
            read_arrays(run.weights("best"))
        return MODEL not in self.damaged

    def check_journal(self, run: RunFolder) -> None:
        """Count the lines of the journal that were left out."""
        if damaged := run.damaged_lines():
            self.damaged[JOURNAL] = plural(damaged, "line")

    def describe(self, model_in_run: bool) -> str:
        """Describe them in a sentence, and that the model is among the artifacts of its run."""
        files_first = sorted(self.damaged, key=lambda thing: thing == MODEL)
        damaged = [f"{thing} ({self.damaged[thing]})" for thing in files_first]
        left_out = f"left out, as it is missing or damaged: {listed(damaged, MAX_NAMES)}" if damaged else ""
        return "; ".join(filter(None, [left_out, self.describe_refused(model_in_run)]))

    def describe_refused(self, model_in_run: bool) -> str:
        """Describe what the server has refused; empty: nothing."""
        texts = [f"it does not take {listed(self.things[key], MAX_NAMES)} ({key})" for key in self.things]
        if model_in_run:
            texts.append("it is older than MLflow 3: the model is an artifact of the run, runs:/RUN_ID/model")
        return f"MLflow at {redacted(self.uri)}: {'; '.join(texts)}" if texts else ""


def is_refusal(uri: str, error: Exception) -> bool:
    """Return whether a server does not take something for good: it would refuse it again."""
    if not uri.startswith(SERVERS):
        return False
    if isinstance(error, ArtifactFolderError | PermissionError):
        return True
    status = http_status(error)
    if status is None:
        return False
    return status in PERMANENT or (400 <= status < 500 and status not in TEMPORARY)


def is_busy(uri: str, error: Exception) -> bool:
    """Return whether a server, or the proxy before it, has more to do than it can: it may answer later."""
    return uri.startswith(SERVERS) and http_status(error) in BUSY


def is_lost(uri: str, error: Exception) -> bool:
    """Return whether a server has broken off, or has not answered in time."""
    is_silent = uri.startswith(SERVERS) and http_status(error) is None
    return is_silent and any(text in str(error) for text in LOST)


def check_artifact_folder(uri: str, artifact_uri: str) -> None:
    """Raise an ArtifactFolderError for artifacts in a folder of a server's machine that is not on this one.

    MLflow would make such a folder here, where nothing looks for it.
    """
    path = local_path(artifact_uri)
    host = urlparse(uri).hostname
    if path is None or not uri.startswith(SERVERS) or host in THIS_MACHINE:
        return
    root = path.parents[2]  # of <experiment>/<run>/artifacts
    is_shared = root.exists() or (root.parent != Path("/") and root.parent.exists())
    if not is_shared:
        problem = f"they go to {root} on the server's machine; its owner can turn on --serve-artifacts"
        raise ArtifactFolderError(problem)
