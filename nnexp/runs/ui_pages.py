"""Pages of the MLflow UI: which one shows a run, a comparison, a sweep, or all runs of an experiment."""

import json
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from urllib.parse import quote, urlencode

from nnexp.messages import quoted_path
from nnexp.redaction import redacted
from nnexp.runs.backends import RunError, store_errors
from nnexp.runs.query import Run, Runs
from nnexp.runs.sweeps import Sweep, find_target
from nnexp.runs.views import SavedViews
from nnexp.tracking.mlflow.store_errors import StoreError
from nnexp.tracking.mlflow.views.page_state import quoted
from nnexp.tracking.mlflow.views.ready_made import PREFIX, SCORE, sweep_filter, sweep_view_id

WORKFLOW = {"workflowType": "machine_learning"}  # without the menus for language models
SHARE_KEY = "viewStateShareKey"
CHARTS = {"compareRunsMode": "CHART"}
VIEWS: dict[str, dict[str, str]] = {
    "leaderboard": {},
    "learning-curves": CHARTS,
    "layers": CHARTS,
    "by-setting": {},
}
"""The saved views that may be asked for, and how they are shown."""


def page_of(targets: Sequence[str], runs: Runs, view: str = "leaderboard") -> str:
    """Return the path of the page that shows a run or a sweep, compares runs, or shows a saved view of all.

    Raises:
        RunError: there is no such run or sweep in the store. StoreError: there is no such store.
    """
    if not targets:
        return view_page(runs, view)
    named = [find_target(text, runs) for text in targets]
    sweeps = [text for text, each in zip(targets, named, strict=True) if isinstance(each, Sweep)]
    if sweeps and len(named) > 1:
        fix = shlex.join(["nnexp", "ui", sweeps[0]])
        raise RunError(f"{sweeps[0]} is a sweep, expected runs to compare; fix: {fix}")
    if isinstance(named[0], Sweep):
        return sweep_page(named[0], runs)
    distinct = {run.id: run for run in named if isinstance(run, Run)}
    return run_page(named[0], runs) if len(distinct) == 1 else comparison_page([*distinct.values()], runs)


def view_page(runs: Runs, view: str) -> str:
    """Return the page of a saved view, which is brought up to date, of the experiment with the newest run.

    Where the store does not take them, it is a page with the runs in the order of the leaderboard.
    """
    newest = runs.select(top=1)
    if not newest:
        return page("experiments")
    views = SavedViews(runs.uri, newest[0].experiment)
    try:
        views.save()
    except StoreError:
        return page(views.path, ranked())
    return page(views.path, {SHARE_KEY: f"{PREFIX}{view}", **VIEWS[view]})


def sweep_page(sweep: Sweep, runs: Runs) -> str:
    """Return the page of the saved view of a sweep, or where the store does not take it, of its runs."""
    experiments = [
        run.experiment for run in (sweep.parent, *sweep.runs) if run is not None and run.experiment
    ]
    condition = sweep_filter(sweep.id)
    if not experiments or not Runs(runs.uri, experiments[0]).select(condition, top=1):
        fix = f"; fix: nnexp sync {quoted_path(sweep.folder)}" if sweep.folder is not None else ""
        raise RunError(f"no run of the sweep {sweep.id} is in the store {redacted(runs.uri)}{fix}")
    views = SavedViews(runs.uri, experiments[0])
    try:
        views.save_sweep(sweep.id, sweep.parent)
    except StoreError:
        return page(views.path, {"searchFilter": condition} | ranked())
    return page(views.path, {SHARE_KEY: sweep_view_id(sweep.id)})


def run_page(run: Run, runs: Runs) -> str:
    """Return the page of a run."""
    return page(f"experiments/{experiment_id(run, runs)}/runs/{run.id}")


def comparison_page(selected: Sequence[Run], runs: Runs) -> str:
    """Return the page that compares runs."""
    experiments = dict.fromkeys(experiment_id(run, runs) for run in selected)
    lists = {"runs": [run.id for run in selected], "experiments": [*experiments]}
    return page("compare-runs", {key: json.dumps(ids) for key, ids in lists.items()})


def page(path: str, query: Mapping[str, str] | None = None) -> str:
    """Return the path of a page, without MLflow's menus for language models; its own query comes first.

    MLflow's comparison of runs looks for its runs right after the question mark.
    """
    return f"/#/{path}?{urlencode(dict(query or {}) | WORKFLOW, quote_via=quote)}"


def ranked() -> dict[str, str]:
    """Return the query of a page whose runs are in the order of the leaderboard."""
    return {"orderByKey": quoted("metrics", SCORE), "orderByAsc": "false"}


def experiment_id(run: Run, runs: Runs) -> str:
    """Return the id of a run's experiment; RunError: the run is not in the store."""
    if run.id:
        with suppress(StoreError), store_errors(runs.uri):
            return str(runs.client.get_run(run.id).info.experiment_id)
    fix = f"; fix: nnexp sync {quoted_path(run.folder)}" if run.folder is not None else ""
    raise RunError(f"the run {run.name} is not in the store {redacted(runs.uri)}{fix}")
