"""Saved views show what the runs of an experiment have: swept params, metrics, scores, sweeps."""

import base64
import json
import re
import zlib
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from fixtures.sweeps import planned, record_sweep
from fixtures.third_party import accepts_warnings

from nnexp.experiment.upload_process import upload_callbacks
from nnexp.runs import ui_pages, views
from nnexp.runs.query import RunError, Runs
from nnexp.runs.views import SavedViews
from nnexp.tracking.mlflow.store_errors import StoreError
from nnexp.tracking.upload.sync import find_runs, upload

pytestmark = accepts_warnings
ID = "2026-11-26/15-30-00-ab12cd34"
SWEEP_VIEW = "nnexp-sweep-2026-11-26-15-30-00-ab12cd34"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory, empty_store):
    """A project with an uploaded sweep over initializers and seeds."""
    home = tmp_path_factory.mktemp("project")
    (home / "mlruns").mkdir()
    (home / "mlruns" / "mlflow.db").write_bytes(empty_store.read_bytes())
    plan = planned(home, seed=["0", "1"], init=["zeros", "he_normal"])
    record_sweep(plan, home, range(4))
    for run in find_runs(home / "outputs"):
        assert upload(run.folder, upload_callbacks()).error == ""
    views.save_views_of(plan.folder)
    return home


@pytest.fixture
def project(recorded, monkeypatch):
    monkeypatch.chdir(recorded)
    return recorded


def saved():
    """Return the state of each saved view of the experiment, by name."""
    tags = Runs(experiment="nnexp").client.get_experiment_by_name("nnexp").tags
    envelopes = [json.loads(text) for key, text in tags.items() if key.startswith("mlflow.sharedViewState.")]
    return {each["name"]: decode(each["state"]) for each in envelopes}


def decode(text):
    return json.loads(zlib.decompress(base64.b64decode(text.removeprefix("deflate;"))))


def test_the_end_of_a_sweep_saves_its_view_and_those_of_the_experiment(project):
    assert list(saved()) == [
        "Leaderboard",
        "Learning curves",
        "Layers",
        "By setting",
        "seed x init, 11-26 15:30",
    ]
    state = saved()["seed x init, 11-26 15:30"]
    assert state["searchFilter"] == f"tags.`nnexp.sweep_id` = '{ID}'"
    swept = [column for column in state["columnOrder"] if column.startswith("params.")]
    assert swept == ["params.`init`", "params.`seed`"]


def test_the_leaderboard_has_the_best_first_and_the_swept_params(project):
    state = saved()["Leaderboard"]
    assert (state["orderByKey"], state["orderByAsc"]) == ("metrics.`best/val_accuracy`", False)
    assert state["columnOrder"][:3] == ["metrics.`best/val_accuracy`", "params.`init`", "params.`seed`"]


def test_settings_are_grouped_over_seeds_and_collapsed(project):
    state = saved()["By setting"]
    assert state["groupBy"]["groupByKeys"] == [{"mode": "param", "groupByData": "init"}]
    assert state["groupsExpanded"] == {"param.init.zeros": False, "param.init.he_normal": False}


def test_saving_again_changes_nothing(project, monkeypatch):
    views = SavedViews(None, "nnexp")
    monkeypatch.setattr(type(views.runs.client), "set_experiment_tag", None)
    assert views.save().id == "nnexp-leaderboard"


def test_views_of_older_sweeps_are_deleted(project, monkeypatch):
    monkeypatch.setattr(views, "MAX_SWEEPS", 0)
    SavedViews(None, "nnexp").save()
    assert "seed x init, 11-26 15:30" not in saved()
    monkeypatch.undo()
    monkeypatch.chdir(project)
    SavedViews(None, "nnexp").save()
    assert "seed x init, 11-26 15:30" in saved()


def test_runs_of_several_tasks_have_a_leaderboard_each():
    runs = [
        *(run_with({"best/val_r2": 0.5}) for _ in range(2)),
        run_with({"best/val_accuracy": 0.9}),
        run_with({"best/val_accuracy": 0.9, "best/val_macro_f1": 0.8}, optimized_metric="best/val_macro_f1"),
        run_with({}),
    ]
    contents = views.contents_of(runs, swept=[])
    assert contents.scores == ["best/val_r2", "best/val_accuracy", "best/val_macro_f1"]
    names = [view.name for view in views.ready_made_views(contents)]
    assert names[:3] == [
        "Leaderboard",
        "Leaderboard by best/val_accuracy",
        "Leaderboard by best/val_macro_f1",
    ]


def test_what_was_swept_comes_before_what_else_differs_and_seeds_come_last():
    runs = [run_with({}, seed=str(i), a=str(i), b=str(i), same="x") for i in range(2)]
    contents = views.contents_of(runs, swept=["seed", "b", "same", "unknown"])
    assert contents.params == ["b", "same", "a", "seed"]
    assert contents.settings == {("0", "x", "0"), ("1", "x", "1")}


def run_with(metrics, **params):
    from nnexp.runs.run import Run

    facts = {"id": "", "name": "", "experiment": "", "status": "FINISHED", "started": 0.0, "seconds": None}
    return Run(**facts, params=params, metrics=metrics, tags={}, unit="epoch", backend=None)


# pages of the UI


def page(*targets, **options):
    path = ui_pages.page_of(targets, Runs(), **options)
    assert "workflowType=machine_learning" in path
    return re.sub(r"experiments/\d+", "experiments/1", re.sub("[?&]workflowType=machine_learning$", "", path))


def run_id(text="best"):
    return Runs().find(text).id


def test_without_a_run_the_page_is_a_saved_view(project):
    assert page() == "/#/experiments/1/runs?viewStateShareKey=nnexp-leaderboard"
    charts = "/#/experiments/1/runs?viewStateShareKey=nnexp-layers&compareRunsMode=CHART"
    assert page(view="layers") == charts


@pytest.mark.parametrize("text", [ID, "ab12cd34", "seed x init", f"outputs/sweeps/{ID}"])
def test_a_sweep_has_the_page_of_its_view(project, text):
    assert page(text) == f"/#/experiments/1/runs?viewStateShareKey={SWEEP_VIEW}"


def test_a_run_has_its_own_page_and_several_are_compared(project):
    best = run_id("best")
    assert page("best") == page(best[:8]) == f"/#/experiments/1/runs/{best}"
    assert page("best", best) == page("best")
    path = page("best", "0 zeros")
    assert path.startswith("/#/compare-runs?runs=")  # where MLflow looks for them
    query = parse_qs(path.partition("?")[2])
    assert json.loads(query["runs"][0]) == [best, run_id("0 zeros")]
    assert len(json.loads(query["experiments"][0])) == 1


def test_what_is_neither_run_nor_sweep_is_an_error(project):
    with pytest.raises(RunError, match="no such run or sweep: nothing"):
        page("nothing")
    with pytest.raises(
        RunError, match=r"ab12cd34 is a sweep, expected runs to compare; fix: nnexp ui ab12cd34"
    ):
        page("ab12cd34", "best")


def test_runs_and_sweeps_that_are_not_in_the_store_are_errors_with_the_remedy(project, monkeypatch):
    plan = planned(project, "16-00-00-00000000")
    record_sweep(plan, project, [0])
    folder = Path("outputs", "sweeps", "2026-11-26", "16-00-00-00000000")
    with pytest.raises(
        RunError, match=f"no run of the sweep .* is in the store .*; fix: nnexp sync {folder}"
    ):
        page(str(folder))
    with pytest.raises(RunError, match=f"is not in the store .*; fix: nnexp sync {folder}/0"):
        page(str(folder / "0"))


def test_a_store_that_takes_no_views_shows_the_runs_in_their_order(project, monkeypatch):
    def refuse(*_):
        raise StoreError("403")

    monkeypatch.setattr(SavedViews, "_set_tags", refuse)
    order = "orderByKey=metrics.%60best%2Fval_accuracy%60&orderByAsc=false"
    assert page() == f"/#/experiments/1/runs?{order}"
    assert "searchFilter=tags.%60nnexp.sweep_id%60" in page("ab12cd34")


def test_a_store_without_runs_shows_the_experiments(store):
    assert page() == "/#/experiments"
