import json
from threading import Event

import pytest
from fixtures.sweep_plans import ended
from fixtures.sweeps import TRACKED, planned, record_job, record_sweep
from fixtures.third_party import accepts_warnings
from fixtures.uploads import NoUploader, assert_metrics_stored_once

from nnexp.config.schema import TrackingSettings
from nnexp.errors import Interrupted, UserError
from nnexp.experiment.upload_process import upload_callbacks
from nnexp.run_folder import RunFolder, head_of
from nnexp.runs.query import Runs
from nnexp.runs.run import in_folder
from nnexp.sweeps.parent_run import parent_run
from nnexp.tracking.mlflow.store import tracking_uri
from nnexp.tracking.mlflow.upload_state import UploadState
from nnexp.tracking.upload.client import Uploader
from nnexp.tracking.upload.sync import find_runs, send_so_far, upload

pytestmark = accepts_warnings


@pytest.fixture(autouse=True)
def plotless(monkeypatch):
    monkeypatch.setattr("nnexp.plots.draw_all", lambda run: ([], []))


def client():
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri(None))


def kinds(folder):
    return [entry["kind"] for entry in RunFolder(folder).entries()]


def send(folder, uri=None):
    assert upload(folder, upload_callbacks(), uri).error == ""
    return UploadState.load(folder)


def test_the_parent_run_of_a_finished_sweep_has_what_was_swept_what_is_shared_and_the_counts(alone):
    plan = planned(alone, seed=["0", "1"], init=["zeros"])
    record_sweep(plan, alone, [0, 1])
    run = in_folder(plan.folder)
    assert (run.name, run.status) == ("seed x init", "FINISHED")
    assert run.params == {"data": "digits", "sweep.seed": "0, 1", "sweep.init": "zeros"}
    assert {run.metrics[f"sweep/{name}"] for name in ("jobs", "finished")} == {2.0}
    assert (run.metrics["sweep/failed"], run.metrics["sweep/best"]) == (0.0, 0.1)
    assert run.tags["nnexp.kind"] == "sweep"
    assert run.tags["nnexp.sweep"] == plan.id
    assert not any(name.startswith(("best/", "test/")) for name in run.metrics)


@pytest.mark.parametrize(("numbers", "failed"), [([0, 1], [1]), ([0], [])])
def test_a_sweep_whose_jobs_are_not_all_finished_has_failed(alone, numbers, failed):
    plan = planned(alone)
    record_sweep(plan, alone, numbers, failed)
    assert in_folder(plan.folder).status == "FAILED"


def test_a_sweep_that_a_signal_ends_is_killed(alone, no_upload):
    plan = planned(alone)
    with pytest.raises(Interrupted), parent_run(plan, TRACKED, {}, alone):
        raise Interrupted(2)
    assert in_folder(plan.folder).status == "KILLED"


def test_a_sweep_that_goes_on_continues_its_parent_run(alone):
    plan = planned(alone)
    record_sweep(plan, alone, [0], [0])
    first = in_folder(plan.folder)
    record_sweep(planned(alone, seed=["0", "1", "2"]), alone, [2])
    entries = RunFolder(plan.folder).entries()
    assert [kind for kind in kinds(plan.folder) if kind in ("run", "resume", "end")] == [
        "run",
        "end",
        "resume",
        "end",
    ]
    assert head_of(entries)["params"]["sweep.seed"] == "0, 1, 2"
    assert in_folder(plan.folder).metrics["time/total"] > first.metrics["time/total"]
    steps = [entry["step"] for entry in entries if entry["kind"] == "metrics"]
    assert steps == sorted(set(steps))


def test_a_sweep_that_a_process_runs_is_not_run_by_another_one(alone, no_upload):
    plan = planned(alone)
    with (
        parent_run(plan, TRACKED, {}, alone),
        pytest.raises(UserError, match=r"the sweep is run by process \d+"),
        parent_run(plan, TRACKED, {}, alone),
    ):
        pass


def test_without_tracking_the_parent_run_is_a_journal_only(alone):
    plan = planned(alone)
    with parent_run(plan, TrackingSettings(enabled=False), {}, alone) as parent:
        parent.event(ended(0))
    assert head_of(RunFolder(plan.folder).entries())["destination"] is None
    assert [run.state for run in find_runs(plan.folder)] == ["untracked"]


@pytest.mark.parametrize("order", [(0, 1, "parent"), ("parent", 1, 0), (1, "parent", 0)])
def test_runs_of_jobs_are_nested_in_their_parent_run_in_whatever_order_they_are_uploaded(alone, store, order):
    plan = planned(alone)
    record_sweep(plan, alone, [0, 1])
    folders = [plan.folder if which == "parent" else plan.job_folder(which) for which in order]
    states = {folder: send(folder) for folder in folders}
    parent = states[plan.folder].run_id
    for folder in folders:
        tags = client().get_run(states[folder].run_id).data.tags
        assert tags.get("mlflow.parentRunId") == (None if folder == plan.folder else parent)
    assert len(Runs().select(kind="sweeps")) == 1
    stored = client().get_run(parent)
    assert stored.info.status == "FINISHED"
    assert stored.data.metrics["sweep/finished"] == 2.0
    assert [file.path for file in client().list_artifacts(parent)] == ["sweep.json"]
    assert "2 jobs over `seed` (0, 1); 2 finished; best score **0." in stored.data.tags["mlflow.note.content"]


def test_a_parent_run_is_there_and_running_while_its_first_job_is_uploaded(alone, store, no_upload):
    plan = planned(alone)
    with parent_run(plan, TRACKED, {}, alone) as parent:
        send(record_job(plan, 0, alone))
        parent.event(ended(0))
        stored = client().get_run(UploadState.load(plan.folder).run_id)
        assert (stored.info.status, stored.info.run_name) == ("RUNNING", "seed")
        parent.log_metrics()
        send(record_job(plan, 1, alone))
        assert client().get_run(stored.info.run_id).data.metrics["sweep/finished"] == 1.0


def test_the_parent_run_of_jobs_on_other_machines_is_in_the_store_before_the_first_of_them(
    alone, store, monkeypatch
):
    ready = Event()
    ready.set()

    class Sender(NoUploader):
        def send_so_far(self, folder):
            send_so_far(folder, upload_callbacks(), ready)

    monkeypatch.setattr(Uploader, "start", classmethod(lambda cls, mlflow: Sender()))
    plan = planned(alone)
    with parent_run(plan, TRACKED, {}, alone, is_distant=True) as parent:
        stored = client().get_run(UploadState.load(plan.folder).run_id)
        assert (stored.info.status, stored.info.run_name) == ("RUNNING", "seed")
        parent.event(ended(0))
        parent.log_metrics()
        assert client().get_run(stored.info.run_id).data.metrics["sweep/finished"] == 1.0
    send(plan.folder)
    assert client().get_run(stored.info.run_id).info.status == "FAILED"  # a job is left
    assert_metrics_stored_once(client(), plan.folder)


def test_a_rebuilt_store_has_the_same_nested_runs(alone, store, empty_store, nnexp):
    plan = planned(alone)
    record_sweep(plan, alone, [0, 1])
    assert nnexp("sync").returncode == 0
    parent, child = (UploadState.load(folder).run_id for folder in (plan.folder, plan.job_folder(1)))
    store.write_bytes(empty_store.read_bytes())
    output = nnexp("sync", "--rebuild")
    assert (output.returncode, output.stdout.count(": uploaded")) == (0, 3)
    assert client().get_run(child).data.tags["mlflow.parentRunId"] == parent
    assert client().get_run(parent).info.status == "FINISHED"


def test_jobs_that_were_uploaded_before_there_was_a_parent_run_are_nested_in_it(alone, store):
    plan = planned(alone)
    states = [send(record_job(plan, number, alone)) for number in (0, 1)]
    record_sweep(plan, alone, [])
    parent = send(plan.folder).run_id
    for state in states:
        assert client().get_run(state.run_id).data.tags["mlflow.parentRunId"] == parent


def test_the_parent_run_of_a_sweep_that_goes_on_is_updated_in_the_store(alone, store):
    record_sweep(planned(alone), alone, [0], [0])
    assert send(planned(alone).folder).done
    plan = planned(alone, seed=["0", "1", "2"])
    record_sweep(plan, alone, [1, 2])
    stored = client().get_run(send(plan.folder).run_id)
    assert (stored.info.status, stored.data.metrics["sweep/jobs"]) == ("FAILED", 3.0)
    assert json.loads((plan.folder / "sweep.json").read_text())["swept"] == {"seed": ["0", "1", "2"]}
    assert "(0, 1, 2)" in stored.data.tags["mlflow.note.content"]
