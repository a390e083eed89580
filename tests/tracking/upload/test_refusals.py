"""Servers that refuse something, lie below a prefix or are newer: what can arrive arrives."""

import json
import re
from pathlib import Path

import pytest
from fixtures.uploads import assert_metrics_stored_once

from nnexp import compose, run
from nnexp.cli.commands.sync import main as sync
from nnexp.experiment.upload_process import upload_callbacks
from nnexp.run_folder import JOURNAL
from nnexp.runs.query import Runs
from nnexp.tracking.mlflow.refusals import check_artifact_folder
from nnexp.tracking.mlflow.upload_state import UploadState
from nnexp.tracking.upload.sync import read_run, upload

HTML = "<!doctype html><title>{0}</title><h1>{0}</h1>"
NGINX_413 = (413, HTML.format("413 Request Entity Too Large"))


@pytest.fixture
def waiting(proxy, no_upload, monkeypatch):
    """The folder of a run whose server is about to be opened; a busy one is not waited for."""
    monkeypatch.setattr("nnexp.tracking.mlflow.patience.COMMAND_TIMEOUT", 0.0)
    name = f"tracking.experiment={proxy.port}"
    return run(compose(["data=digits", "trainer.epochs=2", name, "tracking.register=digits"])).folder


def send(folder):
    return upload(folder, upload_callbacks())


def stored(proxy, folder):
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=proxy.uri)
    logged = client.get_run(UploadState.load(folder).run_id)
    assert logged.info.status == "FINISHED"
    assert logged.data.params["trainer.epochs"] == "2"
    assert_metrics_stored_once(client, folder)
    return client, logged


def refuse(status, *words, method="", size=0):
    """Refuse requests whose path holds one of the words, of that method, with a body of that size or more."""

    def answer(given, path, body):
        hit = any(word in path for word in words) and given.startswith(method) and len(body) >= size
        return (status, HTML.format(status)) if hit else None

    return answer


def test_models_that_a_server_does_not_know_become_artifacts_of_the_run(proxy, waiting):
    proxy.answer = refuse(404, "logged-models")
    proxy.open()
    uploaded = send(waiting)
    assert uploaded.error == ""
    assert uploaded.note.count("older than MLflow 3") == 1
    client, logged = stored(proxy, waiting)
    assert {file.path for file in client.list_artifacts(logged.info.run_id)} >= {"curves.png"}
    (version,) = client.search_model_versions(f"run_id = '{logged.info.run_id}'")
    assert version.source.endswith(f"{logged.info.run_id}/artifacts/model")


@pytest.mark.parametrize("status", [403, 405, 413, 501])
def test_files_that_a_server_refuses_are_named_once_and_all_else_arrives(proxy, waiting, status):
    proxy.answer = refuse(status, "mlflow-artifacts", method="PUT", size=40_000)
    proxy.open()
    uploaded = send(waiting)
    assert uploaded.error == ""
    assert f"({status})" in uploaded.note
    assert uploaded.note.count("curves.png") == 1
    client, logged = stored(proxy, waiting)
    assert "dataset.json" in {file.path for file in client.list_artifacts(logged.info.run_id)}
    assert UploadState.load(waiting).done


def test_what_was_refused_is_sent_by_a_rebuild_once_the_server_takes_it(proxy, waiting, capsys):
    proxy.answer = refuse(413, "mlflow-artifacts", method="PUT", size=40_000)
    proxy.open()
    assert sync([]) == 0
    assert capsys.readouterr().out.count("does not take") == 1
    proxy.answer = lambda *request: None
    assert sync(["--rebuild"]) == 0
    assert "does not take" not in capsys.readouterr().out
    client, logged = stored(proxy, waiting)
    assert "curves.png" in {file.path for file in client.list_artifacts(logged.info.run_id)}
    assert len(client.search_logged_models([logged.info.experiment_id])) == 1
    images = [file for file in client.list_artifacts(logged.info.run_id, "images") if ".png" in file.path]
    assert len(images) == 2
    assert sync(["--rebuild"]) == 0
    assert "is there" in capsys.readouterr().out


def test_artifacts_that_go_to_a_folder_of_the_servers_machine_are_not_written_here(
    proxy, waiting, monkeypatch
):
    def change(content):
        return re.sub(
            rb'"mlflow-artifacts:/[^"]*?([^/"]+/[^/"]+/artifacts)"', rb'"/srv-of-mlflow/\1"', content
        )

    monkeypatch.setattr("nnexp.tracking.mlflow.refusals.THIS_MACHINE", ())
    proxy.change = change
    proxy.open()
    uploaded = send(waiting)
    assert uploaded.error == ""
    assert uploaded.note.count("/srv-of-mlflow on the server's machine; its owner can turn on --serve") == 1
    stored(proxy, waiting)
    assert not Path("/srv-of-mlflow").exists()


@pytest.mark.parametrize(
    ("uri", "artifact_uri"),
    [
        ("http://localhost:5000", "/srv-of-mlflow/1/abc/artifacts"),
        ("http://mlflow.example:5000", "s3://bucket/1/abc/artifacts"),
        ("http://mlflow.example:5000", "mlflow-artifacts:/1/abc/artifacts"),
        ("http://mlflow.example:5000", "/tmp/shared/1/abc/artifacts"),
        ("sqlite:///mlflow.db", "/srv-of-mlflow/1/abc/artifacts"),
    ],
)
def test_artifacts_that_can_be_written_are(uri, artifact_uri):
    check_artifact_folder(uri, artifact_uri)


def test_a_file_that_a_server_fails_on_does_not_hold_up_the_end_and_is_sent_later(proxy, waiting):
    proxy.answer = refuse(504, "curves.png", method="PUT")
    proxy.open()
    uploaded = send(waiting)
    assert (uploaded.error, "curves.png (504)" in uploaded.note) == ("", True)
    stored(proxy, waiting)
    assert read_run(waiting).state == "waiting"
    proxy.answer = lambda *request: None
    assert send(waiting).note == ""
    client, logged = stored(proxy, waiting)
    assert "curves.png" in {file.path for file in client.list_artifacts(logged.info.run_id)}
    assert len(client.search_logged_models([logged.info.experiment_id])) == 1
    assert read_run(waiting).state == "uploaded"


def test_an_empty_answer_to_models_is_a_refusal_too(proxy, waiting):
    proxy.answer = lambda method, path, body: (404, "") if "logged-models" in path else None
    proxy.open()
    assert send(waiting).note.count("older than MLflow 3") == 1
    stored(proxy, waiting)


@pytest.mark.parametrize("words", [("log-inputs",), ("registered-models", "model-versions")])
def test_dataset_inputs_and_the_registry_are_optional(proxy, waiting, words):
    proxy.answer = refuse(404, *words)
    proxy.open()
    uploaded = send(waiting)
    assert uploaded.error == ""
    assert "(404)" in uploaded.note
    stored(proxy, waiting)


@pytest.mark.parametrize("prefix", ["/prefix", "/team/mlflow"])
def test_a_server_behind_a_path_prefix_has_everything(proxy, waiting, monkeypatch, prefix):
    proxy.prefix = prefix
    proxy.open()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"{proxy.uri}/")
    text = (waiting / JOURNAL).read_text(encoding="utf-8")
    (waiting / JOURNAL).write_text(
        text.replace(f":{proxy.port}", f":{proxy.port}{prefix}/"), encoding="utf-8"
    )
    uploaded = send(waiting)
    assert (uploaded.error, uploaded.note) == ("", "")
    stored(proxy, waiting)
    last = Runs().find("last")
    assert "weights/best.npz" in last.files()
    assert last.file("network.json").is_file()


def test_a_newer_server_may_answer_with_more_than_is_known(proxy, waiting):
    def add_fields(value):
        if isinstance(value, list):
            return [add_fields(item) for item in value]
        if isinstance(value, dict):
            return {key: add_fields(item) for key, item in value.items()} | {"of_the_future": {"a": [1]}}
        return value

    def change(content):
        is_object = content.startswith(b"{") and b"artifact_path" not in content
        return json.dumps(add_fields(json.loads(content))).encode() if is_object else content

    proxy.change = change
    proxy.open()
    uploaded = send(waiting)
    assert (uploaded.error, uploaded.note) == ("", "")
    stored(proxy, waiting)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (refuse(403, "runs/create"), "may not do that there (403)"),
        (refuse(401, "api"), "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"),
        (refuse(404, "api"), "no MLflow server at this address (404)"),
        (refuse(503, "api"), "it answers with errors (503)"),
        (refuse(200, "api"), "it answers with a web page"),
        (lambda *_: (403, '{"error_code": "PERMISSION_DENIED", "message": "read only"}'), "read only"),
    ],
)
def test_a_server_that_takes_nothing_is_explained_in_a_line(proxy, waiting, answer, message):
    proxy.answer = answer
    proxy.open()
    error = send(waiting).error
    assert message in error
    assert "\n" not in error
    assert "<" not in error
    assert not UploadState.load(waiting).done
