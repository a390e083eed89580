"""The pages of an MLflow search, and which of the runs in them are wanted."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from nnexp.run_folder import is_parent

if TYPE_CHECKING:
    from mlflow import entities

Kind = Literal["runs", "sweeps", "all"]
PAGE = 1000  # runs of one request


def is_of_kind(kind: Kind, run: "entities.Run") -> bool:
    """Return whether a run is one that trains, or the parent run of a sweep: filters cannot ask for that."""
    return kind == "all" or is_parent({"tags": run.data.tags}) == (kind == "sweeps")


def all_pages(
    page: Callable[[str | None, int], Any],
    top: int | None = None,
    accepts: Callable[[Any], bool] = lambda result: True,
) -> list[Any]:
    """Collect the pages of an MLflow search, at most `top` results of those that are accepted."""
    results: list[Any] = []
    token: str | None = None
    while top is None or len(results) < top:
        batch = page(token, PAGE if top is None else min(PAGE, top - len(results)))
        results += filter(accepts, batch)
        if not (token := batch.token):
            break
    return results
