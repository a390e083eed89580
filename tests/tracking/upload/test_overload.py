"""A server with more requests than it can answer: nothing is lost, nothing doubled, pauses grow."""

from itertools import count
from threading import Event

import pytest
from fixtures.uploads import assert_metrics_stored_once
from urllib3 import HTTPResponse

from nnexp import compose, run
from nnexp.experiment.upload_process import upload_callbacks
from nnexp.run_folder import RunFolder
from nnexp.tracking.mlflow import patience
from nnexp.tracking.mlflow.patience import Deadline, next_pause
from nnexp.tracking.mlflow.patient_retry import PatientRetry, patient
from nnexp.tracking.mlflow.upload_state import UploadState
from nnexp.tracking.upload import thread
from nnexp.tracking.upload.sync import upload
from nnexp.tracking.upload.thread import UploadThread

CREATIONS = ["runs/create", "logged-models", "runs/outputs", "model-versions/create"]


@pytest.fixture
def waiting(proxy, no_upload, monkeypatch):
    """The folder of a run whose server is about to be opened; pauses are short."""
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(patience, "MAX_PAUSE", 0.002)
    monkeypatch.setattr(thread, "SHOW_AFTER", 0.0)
    name = f"overload{proxy.port}"
    tracking = [f"tracking.experiment={name}", f"tracking.register={name}", "tracking.plots=false"]
    folder = run(compose(["data=digits", "trainer.epochs=1", *tracking])).folder
    proxy.open()
    return folder


def assert_stored_once(proxy, folder):
    from mlflow.tracking import MlflowClient

    client, name = MlflowClient(tracking_uri=proxy.uri), f"overload{proxy.port}"
    (stored,) = client.search_runs([client.get_experiment_by_name(name).experiment_id])
    assert (stored.info.run_id, stored.info.status) == (UploadState.load(folder).run_id, "FINISHED")
    assert_metrics_stored_once(client, folder)
    assert "predictions" in {file.path for file in client.list_artifacts(stored.info.run_id)}
    (model,) = client.search_logged_models([stored.info.experiment_id])
    assert [output.model_id for output in stored.outputs.model_outputs] == [model.model_id]
    (version,) = client.search_model_versions(f"name = '{name}'")
    assert version.run_id == stored.info.run_id
    assert UploadState.load(folder).done


def send_beside_training(folder, busy_timeout=60.0):
    """Send a run as the upload process does; returns the error, and what it has waited for."""
    ready = Event()
    ready.set()
    following = UploadThread(folder, upload_callbacks().draw_confusion, ready)
    (*rest, end), offset = RunFolder(folder).entries_after(0)
    tables, _ = upload_callbacks().make_outputs(folder)
    artifacts = [{"kind": "artifact", "path": path} for path in tables]
    following.put([*rest, {"kind": "model"}, *artifacts, end], offset)
    shown = []
    error = following.finish(busy_timeout=busy_timeout, show=shown.append)
    following.join(60)
    return error, shown


def fail_at_times(proxy, failure, every=5):
    """Let two of five requests fail, one after the other."""
    numbers = count()

    def answer(*request):
        fails = next(numbers) % every < 2
        proxy.mode = failure if fails and isinstance(failure, str) else "pass"
        return (failure, "busy") if fails and proxy.mode == "pass" else None

    proxy.answer = answer


def let_pass(proxy):
    proxy.mode = "pass"
    proxy.answer = lambda *request: None


@pytest.mark.parametrize("failure", [503, pytest.param("deaf", marks=pytest.mark.long)])
def test_a_sync_ends_although_many_requests_fail(proxy, waiting, failure):
    fail_at_times(proxy, failure)
    uploaded = upload(waiting, upload_callbacks())
    assert (uploaded.error, uploaded.note) == ("", "")
    let_pass(proxy)
    assert_stored_once(proxy, waiting)


@pytest.mark.parametrize("failure", [429, pytest.param("deaf", marks=pytest.mark.long)])
def test_the_upload_beside_a_run_waits_for_a_busy_server_after_its_end(proxy, waiting, failure):
    fail_at_times(proxy, failure)
    error, shown = send_beside_training(waiting)
    assert error == ""
    assert any(str(failure) in text or "does not answer" in text for text in shown)
    let_pass(proxy)
    assert_stored_once(proxy, waiting)


@pytest.mark.parametrize("mode", ["deaf", "denying"])
def test_what_a_server_has_created_without_saying_so_is_not_created_again(proxy, waiting, mode):
    left = [*CREATIONS]

    def lose_one_of_each(method, path, body):
        lost = [created for created in left if path.endswith(created) and method == "POST"]
        proxy.mode = mode if lost else "pass"
        left[:] = [created for created in left if created not in lost]

    proxy.answer = lose_one_of_each
    assert upload(waiting, upload_callbacks()).error == ""
    assert not left
    assert_stored_once(proxy, waiting)


def test_a_server_that_stays_busy_is_given_up_and_a_sync_sends_the_run_later(proxy, waiting):
    proxy.answer = lambda *request: (503, "busy")
    error, shown = send_beside_training(waiting, busy_timeout=2.0)
    assert "503" in error
    assert ["503" in text for text in shown] == [True]
    assert not UploadState.load(waiting).done
    let_pass(proxy)
    assert upload(waiting, upload_callbacks()).error == ""
    assert_stored_once(proxy, waiting)


def test_a_sync_says_what_it_waits_for_and_ends(proxy, waiting, monkeypatch):
    monkeypatch.setattr(patience, "COMMAND_TIMEOUT", 2.0)
    proxy.answer = lambda *request: (429, "busy")
    shown = []
    assert "429" in upload(waiting, upload_callbacks(), show=shown.append).error
    assert shown == ["it has too many requests (429)"]


def test_pauses_grow_to_a_limit_and_differ():
    assert len({next_pause(4) for _ in range(9)}) == 9
    for failures in (1, 2, 3, 4, 50):
        longest = min(2.0 ** (failures - 1), 30)
        assert longest / 2 <= next_pause(failures) <= longest


def test_retry_after_is_honoured():
    waits = []

    class Recording(Deadline):
        def wait(self, seconds, status):
            waits.append((seconds, status))

    response = HTTPResponse(status=503, headers={"Retry-After": "17"})
    with patient(Recording()):
        PatientRetry(1).increment("PUT", "/", response).sleep(response)
    assert waits == [(17.0, 503)]
