"""Waiting for uploads beside the jobs that follow."""

import time

from nnexp.sweeps.execution.events import JobMessage, UploadEnded
from nnexp.sweeps.execution.uploads import Upload, Uploads
from nnexp.tracking.active_runs import add_entry
from nnexp.tracking.upload.client import Outcome


class SlowUploader:
    """Answers when it is let go."""

    def __init__(self, *outcomes):
        self.outcomes = list(outcomes)
        self.may_answer = False

    def wait(self, folder, show):
        while not self.may_answer:
            time.sleep(0.001)
        return self.outcomes.pop(0)


def wait_for(uploads):
    deadline = time.monotonic() + 60
    while uploads.left:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_jobs_are_waited_for_in_their_order_and_problems_are_messages_of_their_jobs(tmp_path):
    uploader = SlowUploader(Outcome("id"), Outcome(error="no server\nat all"), Outcome(note="a long value"))
    messages = []
    uploads = Uploads(messages.append)
    entries = []
    for number in range(3):
        entries.append(add_entry(tmp_path / str(number), tmp_path))
        uploads.follow(Upload(number, tmp_path / str(number), tmp_path, uploader))
    assert uploads.left == {0, 1, 2}
    assert all(entry.exists() for entry in entries), "listed until the upload is over"
    uploader.may_answer = True
    wait_for(uploads)
    failed = "not uploaded to MLflow: no server; upload it later with: nnexp sync"
    ends = [UploadEnded(number, tmp_path / str(number)) for number in range(3)]
    problems = [JobMessage(1, "mlflow", failed), JobMessage(2, "mlflow", "a long value")]
    assert messages == [ends[0], problems[0], ends[1], problems[1], ends[2]]
    assert not any(entry.exists() for entry in entries)
    uploads.close()


def test_an_upload_process_that_was_replaced_does_not_stop_the_waiting_for_others(tmp_path):
    class Closed:
        def wait(self, folder, show):
            raise ValueError("I/O operation on closed file")

    other = SlowUploader(Outcome("id"))
    other.may_answer = True
    uploads = Uploads(lambda event: None)
    uploads.follow(Upload(0, tmp_path / "0", tmp_path, Closed()))
    uploads.follow(Upload(1, tmp_path / "1", tmp_path, other))
    wait_for(uploads)
    uploads.close()
