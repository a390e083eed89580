"""A tracking server that is down, fails, hangs or loses answers: training goes on, the store has all once."""

import json
import secrets
from pathlib import Path

import pytest
from filelock import FileLock
from fixtures.processes import wait_until
from fixtures.uploads import assert_metrics_stored_once

from nnexp import compose, run
from nnexp.cli.commands.sync import main as sync
from nnexp.cli.display import LineDisplay
from nnexp.run_folder import UPLOAD_LOCK
from nnexp.tracking.mlflow.upload_state import UploadState

ARTIFACTS = {"config.yaml", "curves.png", "confusion/test.png", "confusion/val.json"}
ARTIFACTS |= {"predictions/test.parquet"}
ARTIFACTS |= {"weights/best.npz"}
LONG = pytest.mark.long
REQUEST_TIMEOUT = "4"  # seconds, where the server hangs


class Interfering(LineDisplay):
    """Calls a function after the second epoch."""

    def __init__(self, action):
        super().__init__("")
        self.action = action

    def epoch(self, record, best):
        super().epoch(record, best)
        if record.epoch == 2:
            self.action()


def train(display=None):
    name = f"servers-{secrets.token_hex(4)}"
    tracking = [f"tracking.experiment={name}", "tracking.register=digits"]
    result = run(compose(["data=digits", "trainer.epochs=4", *tracking]), display=display or LineDisplay(""))
    assert [record.epoch for record in result.history] == [1, 2, 3, 4]
    assert 0.5 < result.metrics["test/accuracy"] <= 1
    return result, name


def client(uri):
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=uri)


def files(store, run_id, path=None):
    for file in store.list_artifacts(run_id, path):
        if file.is_dir:
            yield from files(store, run_id, file.path)
        else:
            yield file.path


def stored_run(store, experiment):
    (stored,) = store.search_runs([store.get_experiment_by_name(experiment).experiment_id])
    return stored


def assert_stored_once(uri, result, experiment):
    """One run, finished; every metric of the journal, each once; every artifact; one model, one version."""
    store = client(uri)
    stored = stored_run(store, experiment)
    run_id = stored.info.run_id
    assert stored.info.status == "FINISHED"
    assert_metrics_stored_once(store, result.folder)
    paths = list(files(store, run_id))
    assert set(paths) >= ARTIFACTS
    images = [path for path in paths if path.startswith("images/") and path.endswith(".png")]
    assert sorted(path.split("+step+")[1].split("+")[0] for path in images) == ["1", "2", "4"]
    assert stored.data.params["seed"] == "0"
    assert stored.data.tags["mlflow.runName"]
    assert len(stored.inputs.dataset_inputs) == 3
    assert len(store.search_logged_models([stored.info.experiment_id])) == 1
    assert len(store.search_model_versions(f"run_id = '{run_id}'")) == 1
    assert UploadState.load(result.folder).done


def test_a_server_that_works_has_everything(proxy):
    proxy.open()
    result, experiment = train()
    assert result.run_id
    assert_stored_once(proxy.uri, result, experiment)


def test_a_server_that_is_down_has_everything_after_a_sync(proxy, capsys):
    result, experiment = train()
    assert result.run_id == ""
    assert sync([]) == 1  # still down
    proxy.open()
    assert sync([]) == 0
    assert_stored_once(proxy.uri, result, experiment)
    sync([])
    assert "1 in their store" in capsys.readouterr().out
    assert_stored_once(proxy.uri, result, experiment)


def wait_for_request(proxy, word):
    wait_until(lambda: any(word in request for request in proxy.requests))


def assert_stored_by_sync(proxy, result, experiment, *folders):
    assert not UploadState.load(result.folder).done
    proxy.mode = "pass"
    proxy.let_go.set()
    with FileLock(result.folder / UPLOAD_LOCK, timeout=120):  # until the upload process has given up
        pass
    assert sync([*folders]) == 0
    assert_stored_once(proxy.uri, result, experiment)


@pytest.mark.parametrize("mode", ["500", "hang", pytest.param("deaf", marks=LONG)])
def test_a_server_that_fails_during_a_run_has_the_rest_after_a_sync(proxy, mode, monkeypatch):
    if mode == "hang":
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", REQUEST_TIMEOUT)

    def fail():
        wait_for_request(proxy, "log-batch")
        proxy.mode = mode

    proxy.open()
    result, experiment = train(Interfering(fail))
    assert_stored_by_sync(proxy, result, experiment, str(result.folder))


@pytest.mark.parametrize("mode", ["deaf", *(pytest.param(mode, marks=LONG) for mode in ("500", "hang"))])
def test_a_server_that_fails_from_the_start_has_everything_after_a_sync(proxy, mode, monkeypatch):
    if mode == "hang":
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", REQUEST_TIMEOUT)
    proxy.mode = mode
    proxy.open()
    assert_stored_by_sync(proxy, *train())


def test_a_server_that_fails_for_a_while_during_a_run_needs_no_sync(proxy):
    failures = iter([(500, "restarting")] * 3)

    def restart():
        wait_for_request(proxy, "log-batch")
        proxy.answer = lambda *request: next(failures, None)

    proxy.open()
    result, experiment = train(Interfering(restart))
    assert next(failures, None) is None
    assert_stored_once(proxy.uri, result, experiment)


def test_a_password_is_stored_nowhere(proxy, monkeypatch):
    proxy.open()
    secret = f"secret{secrets.token_hex(4)}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", proxy.uri.replace("//", f"//someone:{secret}@"))
    _, experiment = train()
    for path in Path("outputs").rglob("*"):
        assert path.is_dir() or secret.encode() not in path.read_bytes(), path
    assert secret not in json.dumps(stored_run(client(proxy.uri), experiment).to_dictionary())
