"""A project that is moved, copied or archived: its store follows, and nothing touches the former place."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from fixtures.third_party import HAS_ONNX, accepts_warnings

from nnexp import compose, run
from nnexp.cli.commands.doctor import main as doctor
from nnexp.cli.commands.export import main as export
from nnexp.cli.commands.predict import main as predict
from nnexp.cli.commands.runs import main as list_runs
from nnexp.cli.commands.show import main as show
from nnexp.cli.commands.sync import main as sync
from nnexp.experiment.run import run as run_experiment
from nnexp.experiment.upload_process import upload_callbacks
from nnexp.run_folder import JOURNAL
from nnexp.runs.query import Runs
from nnexp.tracking.mlflow.relocation import former_folders, relocated
from nnexp.tracking.mlflow.store import open_store, tracking_uri
from nnexp.tracking.mlflow.upload_state import UploadState
from nnexp.tracking.upload.sync import upload

pytestmark = accepts_warnings
PLACES = ["here", "with space", "größe"]


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def moved(original, alone, monkeypatch, request) -> Path:
    """A project in another folder, whose former one is gone."""
    former, home = alone / "former", alone / getattr(request, "param", "moved")
    shutil.copytree(original, former)
    with closing(sqlite3.connect(former / "mlruns" / "mlflow.db")) as connection, connection:
        for table, column in [("runs", "artifact_uri"), ("experiments", "artifact_location")]:
            change = f"UPDATE {table} SET {column} = replace({column}, '{original}', '{former}')"
            connection.execute(change)
        for column in ("source", "storage_location"):
            change = f"UPDATE model_versions SET {column} = replace({column}, '{original}', '{former}')"
            connection.execute(change)
        change = "UPDATE logged_models SET artifact_location = replace(artifact_location, ?, ?)"
        connection.execute(change, (str(original), str(former)))
    for path in former.rglob("*.json*"):
        path.write_text(path.read_text().replace(str(original), str(former)))
    former.rename(home)
    monkeypatch.chdir(home)
    return home


@pytest.mark.parametrize("moved", PLACES, indirect=True)
def test_every_command_works_from_the_new_place(moved, alone, capsys):
    (moved / "x.csv").write_text(",".join("0" for _ in range(64)) + "\n")
    assert list_runs([]) == 0
    assert show(["best"]) == 0
    output = capsys.readouterr().out
    assert str(moved / "mlruns" / "artifacts") in output
    assert "former" not in output
    if HAS_ONNX:
        assert export(["best", "--onnx", "--out", "best.onnx"]) == 0
    assert doctor([]) == 0
    assert "none waits for an upload" in capsys.readouterr().out
    assert sync([]) == 0
    assert "1 in their store" in capsys.readouterr().out
    assert not (alone / "former").exists()


def test_a_network_is_read_from_the_new_place(moved, capsys):
    from PIL import Image

    Image.new("L", (8, 8), 200).save("digit.png")
    assert predict(["best", "digit.png", "--as-is", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"]


def test_a_registered_model_is_loaded_from_the_new_place(moved, monkeypatch):
    import mlflow
    import numpy as np

    Runs().select()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_uri(None))
    model = mlflow.pyfunc.load_model("models:/digits/1")
    assert len(model.predict(np.zeros((2, 8, 8), np.uint8))) == 2


@pytest.mark.parametrize("moved", PLACES, indirect=True)
def test_a_new_run_goes_to_the_new_place(moved, alone):
    result = run(compose(["data=digits", "trainer.epochs=1"]))
    files = Runs().find(result.run_id).folder
    assert files is not None
    assert files.is_relative_to(moved / "mlruns")
    assert (files / "weights" / "best.npz").is_file()
    assert not (alone / "former").exists()


@pytest.mark.parametrize("is_archive", [False, True])
def test_a_copy_leaves_the_original_as_it_is(original, alone, monkeypatch, is_archive):
    before = contents(original)
    copy = alone / "copy"
    if is_archive:
        shutil.unpack_archive(shutil.make_archive(str(alone / "project"), "tar", original), copy)
    else:
        shutil.copytree(original, copy)
    monkeypatch.chdir(copy)
    assert Runs().find("best").file("network.json").is_relative_to(copy)
    result = run(compose(["data=digits", "trainer.epochs=1", "tracking.register=digits"]))
    assert Runs().find(result.run_id).folder.is_relative_to(copy)
    assert len(Runs().select()) == 2
    assert contents(original) == before


def test_a_run_that_waits_is_uploaded_to_the_store_of_its_copy(original, alone, monkeypatch, no_upload):
    first = alone / "first"
    shutil.copytree(original, first)
    waiting = run_experiment(compose(["data=digits", "trainer.epochs=1"]), home=first).folder
    copy = shutil.copytree(first, alone / "copy")
    before = contents(first)
    monkeypatch.chdir(copy)
    assert upload(copy / waiting.relative_to(first), upload_callbacks()).error == ""
    assert len(Runs().select()) == 2
    assert contents(first) == before


def test_a_copied_database_without_its_artifacts_reads_them_where_they_are(original, alone, monkeypatch):
    before = contents(original)
    (alone / "mlruns").mkdir()
    shutil.copy(original / "mlruns" / "mlflow.db", alone / "mlruns")
    assert Runs().find("best").file("network.json").is_relative_to(original)
    client, experiment = open_store(tracking_uri(None), "nnexp")
    location = client.get_experiment(experiment).artifact_location
    assert location == (alone / "mlruns" / "artifacts" / "nnexp").as_uri()
    assert contents(original) == before


def test_a_store_in_its_place_or_reached_by_a_link_is_not_changed(original, alone):
    database = original / "mlruns" / "mlflow.db"
    assert former_folders(database) == []
    (alone / "link").symlink_to(original)
    assert former_folders(alone / "link" / "mlruns" / "mlflow.db") == []
    (alone / "mlruns").mkdir()
    (alone / "mlruns" / "mlflow.db").symlink_to(database)
    assert former_folders(alone / "mlruns" / "mlflow.db") == []


def test_artifacts_elsewhere_on_purpose_stay_there(store, alone):
    client, _ = open_store(tracking_uri(None), "nnexp")
    elsewhere = alone / "disk" / "artifacts" / "mine"
    elsewhere.mkdir(parents=True)
    made = client.create_experiment("mine", artifact_location=elsewhere.as_uri())
    _, again = open_store(tracking_uri(None), "mine")
    assert again == made
    assert client.get_experiment(made).artifact_location == elsewhere.as_uri()


@pytest.mark.parametrize("uri", ["s3://bucket/a", "mlflow-artifacts:/1/x", "models:/m-1", "file:///other/a"])
def test_locations_elsewhere_are_kept(uri):
    assert relocated(uri, [Path("/old/mlruns")], Path("/new/mlruns")) == uri


def test_a_read_only_archive_is_read(moved, shared_folder, as_user, monkeypatch):
    for name in ("mlruns", "outputs"):
        shutil.copytree(moved / name, shared_folder / name)
    for path in [*shared_folder.rglob("*"), shared_folder]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    output = as_user(["show", "best"], 65534)
    assert f"{shared_folder}/mlruns/artifacts" in output
    assert "best.npz" in output


def test_a_run_folder_that_was_taken_out_belongs_to_the_working_directory(original, alone, monkeypatch):
    before = contents(original)
    (path,) = original.rglob(JOURNAL)
    monkeypatch.chdir(alone)
    folder = shutil.copytree(path.parent, alone / "taken")
    assert upload(folder, upload_callbacks()).error == ""
    assert len(Runs().select()) == 1
    assert (alone / "mlruns" / "mlflow.db").is_file()
    assert UploadState.load(folder).done
    assert contents(original) == before
