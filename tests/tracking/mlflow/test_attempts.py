"""Attempts of a sweep's job in several folders: the store has the job once, nothing of it doubled."""

import json
import shutil

import pytest
from fixtures.third_party import accepts_warnings
from fixtures.uploads import assert_metrics_stored_once

from nnexp import compose
from nnexp.config.schema import TrackingSettings
from nnexp.experiment.metadata import upload_destination
from nnexp.experiment.run import run
from nnexp.experiment.upload_process import upload_callbacks
from nnexp.run_folder import JOURNAL
from nnexp.tracking.journal import Journal
from nnexp.tracking.mlflow.store import tracking_uri
from nnexp.tracking.mlflow.upload_state import UploadState
from nnexp.tracking.mlflow.writer import MlflowRunWriter
from nnexp.tracking.upload.sync import upload

pytestmark = accepts_warnings
SWEEP = "2026-11-26/15-30-00-ab12cd34"


@pytest.fixture(params=["sqlite", "http"])
def experiment(request, monkeypatch):
    """An experiment of its own in the working directory's store, or on a server."""
    if request.param == "http":
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{request.getfixturevalue('server')}")
    else:
        request.getfixturevalue("store")
    return f"attempts-{request.node.name}".replace("[", "-").replace("]", "")


def client():
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri(None))


def stored(experiment):
    return client().search_runs([client().get_experiment_by_name(experiment).experiment_id])


def attempt(folder, experiment, home, *, began=0, status="FINISHED", number=3, config="abc"):
    """Write the journal of an attempt, which is to be uploaded."""
    folder.mkdir(parents=True)
    with Journal(folder) as journal:
        tags = {"nnexp.sweep_id": SWEEP, "nnexp.job": str(number), "nnexp.config_hash": config}
        target = upload_destination(TrackingSettings(experiment=experiment), home, folder)
        params = {"seed": "0", "tracking.plots": "false"}
        journal.log_run("job", params, tags, target, began=1.7e9 + began)
        journal.log_metrics(1, {"val/accuracy": 0.5})
        journal.log_metrics(0, {"best/val_accuracy": 0.5, "time/total": 1.0 + began})
        if status is not None:
            journal.end(status)
    return folder


def live(folder):
    """Upload as the process beside training does."""
    writer = MlflowRunWriter(folder, upload_callbacks().draw_confusion, is_new=True)
    writer.send(writer.run_folder.entries(), 1)
    return writer


def test_an_attempt_elsewhere_replaces_what_the_store_has_of_the_job(experiment, alone):
    first = attempt(alone / "a" / "3", experiment, alone, status=None)
    live(first)
    second = attempt(alone / "b" / "3", experiment, alone, began=60)
    live(second)
    (run,) = stored(experiment)
    assert (run.info.run_id, run.info.status) == (UploadState.load(second).run_id, "FINISHED")
    assert run.data.metrics["time/total"] == 61
    assert_metrics_stored_once(client(), second)


def test_a_process_that_was_cut_off_writes_no_more(experiment, alone):
    first = live(attempt(alone / "a" / "3", experiment, alone, status=None))
    second = attempt(alone / "b" / "3", experiment, alone, began=60)
    live(second)
    with pytest.raises(Exception, match="must be in the 'active' state"):
        first.send(first.run_folder.entries())
    assert_metrics_stored_once(client(), second)
    assert upload(first.run_folder.path, upload_callbacks()).error == ""
    (run,) = stored(experiment)
    assert run.info.run_id == UploadState.load(second).run_id


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ("FINISHED", "FINISHED", "second"),
        ("FAILED", "FINISHED", "second"),
        ("FINISHED", "FAILED", "first"),
        ("FAILED", "KILLED", "second"),
    ],
)
@pytest.mark.parametrize("order", [["first", "second"], ["second", "first"]])
def test_of_attempts_that_are_uploaded_later_the_best_one_is_kept(first, second, kept, order, store, alone):
    folders = {
        "first": attempt(alone / "a" / "3", "nnexp", alone, status=first),
        "second": attempt(alone / "b" / "3", "nnexp", alone, began=60, status=second),
    }
    for name in [*order, *order]:
        assert upload(folders[name], upload_callbacks()).error == ""
    (run,) = stored("nnexp")
    assert run.info.run_id == UploadState.load(folders[kept]).run_id


def test_other_jobs_and_other_configurations_are_kept(store, alone):
    live(attempt(alone / "a" / "3", "nnexp", alone))
    live(attempt(alone / "b" / "3", "nnexp", alone, config="xyz"))
    live(attempt(alone / "b" / "4", "nnexp", alone, number=4))
    assert len(stored("nnexp")) == 3


def test_models_and_registered_versions_are_those_of_the_attempt_that_is_kept(experiment, alone, no_upload):
    registered = f"tracking.register={experiment}"
    overrides = ["data=digits", "trainer.epochs=1", "tracking.plots=false", registered]
    config = compose([*overrides, f"tracking.experiment={experiment}"])
    first = run(config, alone / "a" / "3", sweep_id=SWEEP, job_number=3).folder
    second = shutil.copytree(first, alone / "b" / "3")
    head, *rest = (second / JOURNAL).read_text().splitlines()
    head = json.dumps(json.loads(head) | {"id": "of-the-second"})
    (second / JOURNAL).write_text("\n".join([head, *rest]) + "\n")
    live(first)
    live(second)
    (kept,) = stored(experiment)
    assert kept.data.tags["nnexp.journal_id"] == "of-the-second"
    (model,) = client().search_logged_models([kept.info.experiment_id])
    assert model.source_run_id == kept.info.run_id
    (version,) = client().search_model_versions(f"name = '{experiment}'")
    assert version.run_id == kept.info.run_id


def test_a_job_that_was_lost_with_its_machine_has_failed_when_its_sweep_has(experiment, alone):
    job = attempt(alone / "a" / "1", experiment, alone, number=1, status=None)
    live(job)
    parent = alone / "sweep"
    parent.mkdir()
    with Journal(parent) as journal:
        target = upload_destination(TrackingSettings(experiment=experiment), alone, parent)
        journal.log_run("sweep", {}, {"nnexp.kind": "sweep", "nnexp.sweep": SWEEP}, target)
        journal.log_metrics(1, {"sweep/jobs": 1.0})
        journal.end("FAILED")
    assert upload(parent, upload_callbacks()).error == ""
    assert {run.info.status for run in stored(experiment)} == {"FAILED"}


def test_a_job_whose_parent_run_reaches_the_store_after_it_is_nested_when_it_ends(experiment, alone):
    job = attempt(alone / "a" / "1", experiment, alone, number=1, status=None)
    live(job)
    parent = alone / "sweep"
    parent.mkdir()
    with Journal(parent) as journal:
        target = upload_destination(TrackingSettings(experiment=experiment), alone, parent)
        journal.log_run("sweep", {}, {"nnexp.kind": "sweep", "nnexp.sweep": SWEEP}, target)
    live(parent)
    with Journal.reopen(job) as journal:
        journal.end("FINISHED")
    assert upload(job, upload_callbacks()).error == ""
    tags = client().get_run(UploadState.load(job).run_id).data.tags
    assert tags["mlflow.parentRunId"] == UploadState.load(parent).run_id


def test_a_job_finds_the_parent_run_of_its_sweep_in_the_store(experiment, alone):
    parent = alone / "sweep"
    early = attempt(alone / "a" / "1", experiment, alone, number=1)
    live(early)
    parent.mkdir()
    with Journal(parent) as journal:
        target = upload_destination(TrackingSettings(experiment=experiment), alone, parent)
        journal.log_run("sweep", {}, {"nnexp.kind": "sweep", "nnexp.sweep": SWEEP}, target)
        live(parent)
        late = attempt(alone / "a" / "2", experiment, alone, number=2)
        live(late)
        parent_id = UploadState.load(parent).run_id
        assert client().get_run(UploadState.load(late).run_id).data.tags["mlflow.parentRunId"] == parent_id
        journal.log_metrics(1, {"sweep/jobs": 2.0})
        journal.end("FINISHED")
    assert upload(parent, upload_callbacks()).error == ""
    assert client().get_run(UploadState.load(early).run_id).data.tags["mlflow.parentRunId"] == parent_id
