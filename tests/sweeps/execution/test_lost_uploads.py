"""Uploads whose worker died before they were over."""

from fixtures.sweeps import planned, record_job
from fixtures.third_party import accepts_warnings

from nnexp.sweeps.execution.lost_uploads import upload_lost
from nnexp.tracking.journal import Journal
from nnexp.tracking.upload.sync import read_run

pytestmark = accepts_warnings


def test_the_sweep_uploads_what_lost_workers_have_not(alone, store):
    plan = planned(alone)
    folder = record_job(plan, 0, alone)
    events = []
    upload_lost({0: folder, 1: plan.job_folder(1)}, events.append)  # of the second one, nothing is here
    assert read_run(folder).state == "uploaded"
    assert [type(event).__name__ for event in events] == ["UploadsLeft"]


def test_a_lost_upload_that_fails_is_shown_with_the_reason(alone, monkeypatch, free_port):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    plan = planned(alone)
    events = []
    upload_lost({0: record_job(plan, 0, alone)}, events.append)
    assert "not uploaded: nnexp: " in events[-1].text
    assert "nnexp sync" in events[-1].text


def test_jobs_that_are_not_tracked_need_no_upload(alone):
    (alone / "0").mkdir()
    with Journal(alone / "0") as journal:
        journal.log_run("job", {}, {}, None)
    events = []
    upload_lost({0: alone / "0"}, events.append)
    assert events == []
