"""The pages of an MLflow search, which of the runs in them are wanted, the fields of these; a filter."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from nnexp.run_folder import is_parent

if TYPE_CHECKING:
    from mlflow import entities

Kind = Literal["runs", "sweeps", "all"]
PAGE = 1000  # runs of one request


@dataclass(frozen=True)
class StoredFields:
    """The fields of a run in a store; times are in milliseconds since 1970."""

    id: str
    name: str
    experiment_id: str
    status: str
    start_time: int
    end_time: int | None
    artifact_uri: str
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)


def fields_of(run: "entities.Run") -> StoredFields:
    """Return the fields of a run that MLflow has read."""
    info, data = run.info, run.data
    times = info.start_time, info.end_time
    facts = info.run_id, info.run_name or "", info.experiment_id, info.status, *times, info.artifact_uri
    return StoredFields(*facts, dict(data.params), dict(data.tags), dict(data.metrics))


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


def name_filter(text: str) -> str | None:
    """Return the filter for a name; None for one with both kinds of quotes: there are no escapes."""
    quote = next((quote for quote in "'\"" if quote not in text), None)
    return quote and f"attributes.run_name = {quote}{text}{quote}"
