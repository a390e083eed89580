"""A tracking server that is down, dies, fails, hangs or is not heard: training does not care, nothing is lost, nothing comes twice."""

import json
import secrets
import time
from collections import Counter
from pathlib import Path

import pytest
from filelock import FileLock

from nnexp import compose, run
from nnexp.cli.commands.sync import main as sync
from nnexp.cli.display import SweepLine
from nnexp.tracking.journal import history, read
from nnexp.tracking.upload.state import UploadState
from nnexp.tracking.upload.thread import LOCK

ARTIFACTS = [
    "config.yaml",
    "curves.png",
    "confusion/test.png",
    "confusion/val.json",
    "predictions/test.parquet",
    "weights/best.npz",
]


class Interfering(SweepLine):
    """Does something to the server after the second epoch."""

    def __init__(self, action):
        super().__init__("")
        self.action = action

    def epoch(self, record, best):
        super().epoch(record, best)
        if record.epoch == 2:
            self.action()


def train(display=None, *overrides):
    name = f"servers-{secrets.token_hex(4)}"
    digits = [
        "data=digits",
        "trainer.epochs=4",
        f"tracking.experiment={name}",
        "tracking.register=digits",
        *overrides,
    ]
    result = run(compose(digits), display=display or SweepLine(""))
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


def assert_all_there_once(uri, result, experiment):
    """One run, finished; every metric of the journal, each once; every artifact; one model, one version."""
    store = client(uri)
    runs = store.search_runs([store.get_experiment_by_name(experiment).experiment_id])
    assert len(runs) == 1
    run_id, entries = runs[0].info.run_id, read(result.folder)[0]
    assert runs[0].info.status == "FINISHED"
    told = Counter((name, step, value) for step, values in history(entries) for name, value in values.items())
    names = {name for name, _, _ in told}
    found = Counter((name, m.step, m.value) for name in names for m in store.get_metric_history(run_id, name))
    assert found == told
    there = list(files(store, run_id))
    assert set(ARTIFACTS) <= set(there)
    steps = [
        path.split("+step+")[1].split("+")[0]
        for path in there
        if path.startswith("images/") and path.endswith(".png")
    ]
    assert sorted(steps) == ["1", "2", "4"]
    assert {param: value for param, value in runs[0].data.params.items() if param == "seed"} == {"seed": "0"}
    assert len(runs[0].inputs.dataset_inputs) == 3
    assert len(store.search_logged_models([runs[0].info.experiment_id])) == 1
    assert len(store.search_model_versions(f"run_id = '{run_id}'")) == 1
    assert UploadState.of(result.folder).done


def test_a_server_that_is_there_gets_everything(proxy):
    proxy.open()
    result, experiment = train()
    assert_all_there_once(proxy.uri, result, experiment)
    assert client(proxy.uri).get_run(result.run_id).data.tags["mlflow.runName"]


def test_a_server_that_is_down_gets_everything_later(proxy, capsys):
    result, experiment = train()
    assert result.run_id == ""
    assert sync([]) == 1  # it still is
    proxy.open()
    assert sync([]) == 0
    assert_all_there_once(proxy.uri, result, experiment)
    sync([])
    assert "1 in their store" in capsys.readouterr().out
    assert_all_there_once(proxy.uri, result, experiment)


def heard(proxy, word):
    """Wait until the server was asked for that."""
    for _ in range(600):
        if any(word in request for request in proxy.requests):
            return
        time.sleep(0.05)
    pytest.fail(f"the server was never asked to {word}: {proxy.requests}")


@pytest.mark.parametrize("mode", ["500", "hang", "deaf"])
def test_a_server_that_fails_in_the_middle_gets_the_rest_later(proxy, mode):
    def fail():
        heard(proxy, "log-batch")
        proxy.mode = mode

    proxy.open()
    result, experiment = train(Interfering(fail))
    assert not UploadState.of(result.folder).done
    proxy.mode = "pass"
    proxy.let_go.set()
    wait_for_the_shipper(result.folder)
    assert sync([str(result.folder)]) == 0
    assert_all_there_once(proxy.uri, result, experiment)


@pytest.mark.parametrize("mode", ["500", "hang", "deaf"])
def test_a_server_that_fails_from_the_start_gets_everything_later(proxy, mode):
    proxy.mode = mode
    proxy.open()
    result, experiment = train()
    assert not UploadState.of(result.folder).done
    proxy.mode = "pass"
    proxy.let_go.set()
    wait_for_the_shipper(result.folder)
    assert sync([]) == 0
    assert_all_there_once(proxy.uri, result, experiment)


def test_a_server_that_dies_and_comes_back_within_the_run_needs_no_sync(proxy):
    def restart():
        heard(proxy, "log-batch")
        proxy.mode = "500"
        heard_before = len(proxy.requests)
        while len(proxy.requests) == heard_before:
            time.sleep(0.05)
        proxy.mode = "pass"

    proxy.open()
    result, experiment = train(Interfering(restart))
    assert_all_there_once(proxy.uri, result, experiment)


def wait_for_the_shipper(folder):
    """What it was waiting for when it gave up is over soon."""
    with FileLock(folder / LOCK, timeout=40):
        pass


def test_a_password_is_written_down_nowhere(proxy, monkeypatch):
    proxy.open()
    secret = f"secret{secrets.token_hex(4)}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", proxy.uri.replace("//", f"//someone:{secret}@"))
    _, experiment = train()
    for path in Path("outputs").rglob("*"):
        assert path.is_dir() or secret.encode() not in path.read_bytes(), path
    store = client(proxy.uri)
    (found,) = store.search_runs([store.get_experiment_by_name(experiment).experiment_id])
    assert secret not in json.dumps(found.to_dictionary())


def test_an_address_with_a_password_is_refused_in_the_configuration():
    from nnexp.config import ConfigError

    with pytest.raises(ConfigError, match="MLFLOW_TRACKING_PASSWORD"):
        compose(["tracking.uri=http://me:secret@127.0.0.1:1"])
