"""The saved views of an experiment in MLflow, made from the runs that it has."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from nnexp.analysis.run_table import REPEATS
from nnexp.messages import one_line
from nnexp.metrics.objectives import objectives_of
from nnexp.run_folder import KIND_TAG, PARENT_SWEEP_TAG, SWEEP_KIND, SWEPT, RunFolder, head_of, is_parent
from nnexp.runs.backends import store_errors
from nnexp.runs.columns import differing
from nnexp.runs.query import SCORES, Run, Runs
from nnexp.runs.run import in_folder
from nnexp.tracking.mlflow.destination import Destination
from nnexp.tracking.mlflow.sqlite.statistics import update_statistics
from nnexp.tracking.mlflow.store_errors import StoreError
from nnexp.tracking.mlflow.views.page_state import TAG, View
from nnexp.tracking.mlflow.views.ready_made import (
    PREFIX,
    SCORE,
    Contents,
    ready_made_views,
    setting_params,
    sweep_filter,
    sweep_view,
    sweep_view_id,
)
from nnexp.tracking.mlflow.views.support import ViewSupport

if TYPE_CHECKING:
    from mlflow.entities import Experiment

SAMPLE = 50  # runs of a query: all of an experiment would take seconds
MAX_SWEEPS = 20  # with a view each, the newest
OPTIMIZED = "optimized_metric"  # param


class SavedViews:
    """The views of one experiment; its methods raise StoreError where the store refuses them.

    Args:
        uri: of the store.
        name: of the experiment.
    """

    def __init__(self, uri: str | None, name: str) -> None:
        self.runs = Runs(uri, name)
        self.name = name

    def save(self) -> View | None:
        """Save the views that are missing or have changed; return the leaderboard, None without runs.

        Views of sweeps are made where they are missing, those of older sweeps are deleted.
        """
        score = f'metrics."{SCORE}" DESC'
        sample = [*self.runs.select(top=SAMPLE), *self.runs.select(order=score, top=SAMPLE)]
        if not sample:
            return None
        parents = self.runs.select(f"tags.`{KIND_TAG}` = '{SWEEP_KIND}'", top=MAX_SWEEPS, kind="sweeps")
        views = ready_made_views(contents_of(sample, [key for each in parents for key in swept_keys(each)]))
        self._set_tags(self._support.tags(views, _milliseconds(max(run.started for run in sample))))
        kept = {view.tag for view in views}
        for parent in parents:
            sweep_id = parent.tags.get(PARENT_SWEEP_TAG, "")
            kept.add(tag := f"{TAG}{sweep_view_id(sweep_id)}")
            if tag not in self._saved:
                self.save_sweep(sweep_id, parent)
        for tag in self._saved.keys() - kept:
            with (
                suppress(StoreError),
                store_errors(self.runs.uri),
            ):  # servers before MLflow 3.2 delete no tags
                self.runs.client.delete_experiment_tag(self.experiment_id, tag)
        return views[0]

    def save_sweep(self, sweep_id: str, parent: Run | None = None) -> View | None:
        """Save the view of a sweep, which may be older than parent runs; return it, None without runs."""
        sample = self.runs.select(sweep_filter(sweep_id), top=SAMPLE)
        if not sample:
            return None
        keys = swept_keys(parent) if parent is not None else ()
        view = sweep_view(sweep_id, _name(sweep_id, parent), contents_of(sample, keys))
        self._set_tags(self._support.tags([view], _milliseconds((parent or sample[-1]).started)))
        return view

    @cached_property
    def _support(self) -> ViewSupport:
        return ViewSupport.of(self.runs.uri)

    @cached_property
    def _experiment(self) -> "Experiment":
        with store_errors(self.runs.uri):
            experiment = self.runs.client.get_experiment_by_name(self.name)
        assert experiment is not None
        return experiment

    @property
    def path(self) -> str:
        """The path of the page with the runs."""
        return self._support.runs_path(self.experiment_id)

    @property
    def experiment_id(self) -> str:
        """MLflow's id of the experiment."""
        return str(self._experiment.experiment_id)

    @property
    def _saved(self) -> dict[str, str]:
        """The tags of the views that the experiment had from here."""
        tags = self._experiment.tags.items()
        return {key: text for key, text in tags if key.startswith(f"{TAG}{PREFIX}")}

    def _set_tags(self, tags: Mapping[str, str]) -> None:
        """Set the tags that have changed."""
        with store_errors(self.runs.uri):
            for key, text in tags.items():
                if self._saved.get(key) != text:
                    self.runs.client.set_experiment_tag(self.experiment_id, key, text)


def save_views_of(folder: Path, uri: str | None = None) -> None:
    """Save the views of an experiment after the end of a sweep, whose parent run has that folder.

    A store that does not take them has the sweep nevertheless.
    """
    entries = RunFolder(folder).entries()
    destination = head_of(entries)["destination"]
    if destination and is_parent(entries[0]):
        parent = in_folder(folder)
        with suppress(StoreError):
            target = Destination.of(folder, destination, uri)
            if target.database is not None:
                update_statistics(target.database)
            views = SavedViews(target.uri, parent.experiment)
            views.save()
            views.save_sweep(parent.tags[PARENT_SWEEP_TAG], parent)


def contents_of(runs: Sequence[Run], swept: Sequence[str]) -> Contents:
    """Return what runs have; the params that were swept come before others that differ, repeats last."""
    known = [key for key in swept if any(key in run.params for run in runs)]
    params = [*dict.fromkeys([*known, *differing(runs)])]
    params.sort(key=lambda name: name in REPEATS)
    settings = setting_params(params)
    return Contents(
        metrics={name for run in runs for name in run.metrics},
        scores=_scores(runs) or (SCORE,),
        params=params,
        settings={tuple(run.params.get(name, "null") for name in settings) for run in runs},
        longest={name: max(len(run.params.get(name, "")) for run in runs) for name in params},
    )


def swept_keys(parent: Run) -> list[str]:
    """Return the keys that a sweep varied."""
    return [key.removeprefix(SWEPT) for key in parent.params if key.startswith(SWEPT)]


def _scores(runs: Sequence[Run]) -> list[str]:
    """Return the metrics that runs are ranked by, that of most runs first."""
    counts: Counter[str] = Counter()
    for run in runs:
        names = [name for name in (*objectives_of(run.params.get(OPTIMIZED)), *SCORES) if name in run.metrics]
        counts.update(names[:1])
    return [name for name, _ in counts.most_common()]


def _name(sweep_id: str, parent: Run | None) -> str:
    """Name a view by the sweep and its start: several may be of the same keys."""
    date, _, time = sweep_id.partition("/")
    name = one_line(parent.name) if parent is not None else "sweep"
    return f"{name}, {date[5:]} {time[:5].replace('-', ':')}"


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
