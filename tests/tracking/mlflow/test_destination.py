"""Where a run is uploaded after its project, or its own folder, was moved."""

import json

import pytest

from nnexp import compose
from nnexp.config import build
from nnexp.run_folder import UPLOAD_STATE
from nnexp.tracking.mlflow.destination import Destination, find_home, path_from_home
from nnexp.tracking.mlflow.store_errors import StoreError
from nnexp.tracking.mlflow.upload_state import UploadState, run_ids

RUN = "outputs/runs/2026-01-01/10-00-00-abc"


@pytest.fixture
def place(alone):
    """Make a run's folder in a project; returns both."""

    def make(name, run=RUN):
        home = alone / name
        folder = home / run
        folder.mkdir(parents=True)
        return home, folder

    return make


def recorded(home, folder, uri=None):
    return {"folder": str(home), "run": path_from_home(folder, home), "uri": uri}


@pytest.mark.parametrize("is_older", [False, True])  # older journals do not hold the run's path
def test_a_run_belongs_to_the_project_it_lies_in(place, is_older):
    first, folder = place("first")
    facts = recorded(first, folder)
    if is_older:
        del facts["run"]
    assert find_home(folder, facts) == first
    copy, copied = place("copy")
    assert find_home(copied, facts) == copy
    first.rename(first.with_name("gone"))
    assert find_home(copied, facts) == copy


def test_a_run_whose_folder_was_chosen_elsewhere_belongs_to_its_project(place, alone):
    home, _ = place("home")
    _, elsewhere = place("disk", "results/one")
    facts = recorded(home, elsewhere)
    assert find_home(elsewhere, facts) == home
    home.rename(alone / "moved")
    assert find_home(elsewhere, facts) is None


def test_outputs_may_be_a_link(place, alone):
    home = alone / "home"
    home.mkdir()
    _, folder = place("disk")
    (home / "outputs").symlink_to(alone / "disk" / "outputs")
    assert find_home(folder, {"folder": str(home), "uri": None}) == home


def test_a_store_of_the_project_moves_with_it_and_another_does_not(place):
    first, folder = place("first")
    copy, copied = place("copy")
    own = recorded(first, folder, f"sqlite:///{first}/store/runs.db")
    assert Destination.of(copied, own).uri == f"sqlite:///{copy}/store/runs.db"
    default = Destination.of(copied, recorded(first, folder))
    assert (default.uri, default.home) == (f"sqlite:///{copy}/mlruns/mlflow.db", copy)
    for uri in ("sqlite:////shared/runs.db", "http://host:5000/prefix"):
        assert Destination.of(copied, recorded(first, folder, uri)).uri == uri


def test_a_run_that_was_taken_out_goes_to_the_store_of_the_working_directory(place, alone):
    first, folder = place("first")
    _, taken = place("elsewhere", "one-run")
    assert Destination.of(taken, recorded(first, folder)).uri == f"sqlite:///{alone}/mlruns/mlflow.db"


def test_the_name_of_a_store_is_relative_within_the_project_and_holds_no_password(place, monkeypatch):
    home, folder = place("home")
    facts = recorded(home, folder)
    assert Destination.of(folder, facts).store == "sqlite:///mlruns/mlflow.db"
    monkeypatch.chdir(home)
    assert Destination.of(folder, facts, "sqlite:///mlruns/mlflow.db").store == "sqlite:///mlruns/mlflow.db"
    assert Destination.of(folder, facts, "sqlite:////other/x.db").store == "sqlite:////other/x.db"
    assert Destination.of(folder, facts, "http://me:secret@host").store == "http://***@host"
    with pytest.raises(StoreError, match="set MLFLOW_TRACKING_URI"):
        Destination.of(folder, facts | {"uri": "http://***@host"})


def test_each_store_has_a_state_of_its_own(place):
    _, folder = place("home")
    UploadState("sqlite:///mlruns/mlflow.db", "one", done=True).save(folder)
    UploadState("http://host", "two").save(folder)
    assert UploadState.load(folder).run_id == "one"
    assert UploadState.load(folder, "http://host").run_id == "two"
    assert UploadState.load(folder, "http://other") == UploadState("http://other")
    assert run_ids(folder) == {"one", "two"}


def test_the_state_of_an_older_version_is_read(place):
    home, folder = place("home")
    state = {"store": f"sqlite:///{home}/mlruns/mlflow.db", "run_id": "one", "offset": 7, "of_the_future": 1}
    (folder / UPLOAD_STATE).write_text(json.dumps(state), encoding="utf-8")
    assert UploadState.load(folder, "sqlite:///mlruns/mlflow.db").offset == 7
    UploadState("http://host", "two").save(folder)
    assert run_ids(folder) == {"one", "two"}


def test_a_project_reached_by_a_link_is_the_same(place, alone):
    home, folder = place("home")
    (alone / "link").symlink_to(home)
    linked = alone / "link" / RUN
    assert find_home(linked, recorded(home, folder)) == home


def test_the_experiment_is_that_of_mlflows_variable_unless_the_command_names_one(monkeypatch):
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "course")
    assert build(compose(["data=digits"])).tracking.experiment == "course"
    assert build(compose(["data=digits", "tracking.experiment=mine"])).tracking.experiment == "mine"
