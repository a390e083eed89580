"""What the folder of a job says of it: its status, and what a finished one returns to the sweep."""

import pytest

from nnexp.sweeps.records import job_entries, job_status, stored_results
from nnexp.tracking.journal import Journal


@pytest.fixture
def folder(tmp_path):
    with Journal(tmp_path) as journal:
        journal.log_run("name", {}, {}, None)
        journal.log_metrics(1, {"train/loss": 0.5, "val/accuracy": 0.25})
        journal.log_results({"best/val_accuracy": 0.25, "best/val_loss": 2.0, "time/total": 1.0}, 1)
        journal.end("KILLED")
    with Journal.reopen(tmp_path) as journal:
        journal.log_resume("name", 1, {}, {}, None)
        journal.log_metrics(2, {"train/loss": 0.25, "val/accuracy": 0.75})
        journal.log_results({"best/val_accuracy": 0.75, "best/val_loss": 1.0, "time/total": 3.0}, 2)
        journal.end("FINISHED")
    return tmp_path


def test_a_finished_job_returns_the_results_of_its_last_session(folder):
    value, metrics = stored_results(job_entries(folder), {"optimized_metric": None})
    assert value == 0.75
    assert metrics == {"best/val_accuracy": 0.75, "best/val_loss": 1.0, "time/total": 3.0}
    assert stored_results(job_entries(folder), {"optimized_metric": "best/val_loss"})[0] == 1.0
    assert stored_results(job_entries(folder), {"optimized_metric": "test/accuracy"})[0] is None


def test_the_status_is_that_of_the_last_session(folder, tmp_path):
    entries = job_entries(folder)
    assert job_status(entries) == "FINISHED"
    assert job_status(entries[:4]) == "KILLED"
    assert job_status(entries[:6]) == "RUNNING"
    assert job_status(job_entries(tmp_path / "none")) == ""
    assert job_status(job_entries(None)) == ""
