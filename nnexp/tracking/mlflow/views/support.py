"""What a server knows of saved views, by its version of MLflow; and the views of a new experiment."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from nnexp.tracking.mlflow.store_errors import SERVERS
from nnexp.tracking.mlflow.views.page_state import View
from nnexp.tracking.mlflow.views.ready_made import Contents, ready_made_views

RUNS_TAB = Version("3.3")  # the first with an address of its own for the runs of an experiment
NAMED, LONG = Version("3.15"), Version("3.16")  # the first with named views; with longer tags
SHORT_TAG, LONG_TAG = 5_000, 20_000  # characters of a tag's value


@dataclass(frozen=True)
class ViewSupport:
    """The form that a server takes saved views in, and where it shows them."""

    has_names: bool
    max_length: int
    has_runs_tab: bool = True

    @classmethod
    def of(cls, uri: str) -> "ViewSupport":
        """Return what the server at a URI takes, or the MLflow here that serves a database."""
        version = _version(uri)
        length = LONG_TAG if version >= LONG else SHORT_TAG
        return cls(has_names=version >= NAMED, max_length=length, has_runs_tab=version >= RUNS_TAB)

    def runs_path(self, experiment_id: str) -> str:
        """Return the path of the page with the runs of an experiment."""
        return f"experiments/{experiment_id}" + ("/runs" if self.has_runs_tab else "")

    def tags(self, views: Sequence[View], created: int) -> dict[str, str]:
        """Return the tags of views; the menu lists them in this order.

        Args:
            views: of one experiment.
            created: when the last one was made, in milliseconds since 1970.
        """
        times = range(created + len(views) - 1, created - 1, -1)
        return {
            view.tag: view.encode(at, self.max_length, self.has_names)
            for view, at in zip(views, times, strict=True)
        }


def tags_of_new_experiment(uri: str) -> dict[str, str]:
    """Return the tags that hold the views of an experiment without runs."""
    return ViewSupport.of(uri).tags(ready_made_views(Contents()), time.time_ns() // 1_000_000)


def _version(uri: str) -> Version:
    """Return a server's version of MLflow; of one that does not say it, an early one."""
    import mlflow

    text = mlflow.__version__
    if uri.startswith(SERVERS):
        from mlflow.utils.credentials import get_default_host_creds
        from mlflow.utils.rest_utils import http_request

        text = ""
        with suppress(Exception):  # of the network, or of MLflow
            credentials = get_default_host_creds(uri)  # type: ignore[no-untyped-call]
            text = http_request(credentials, "/version", "GET").text  # type: ignore[no-untyped-call]
    with suppress(InvalidVersion):
        return Version(text.strip())
    return Version("0")
