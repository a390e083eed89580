"""Waiting for the uploads of jobs, beside the jobs that follow, and for all that are left at the end."""

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from nnexp.messages import first_line
from nnexp.sweeps.execution.events import JobMessage, Send, UploadEnded
from nnexp.tracking.active_runs import entry_of, remove_entry
from nnexp.tracking.upload.client import Outcome, Uploader

POLL_INTERVAL = 0.1  # seconds


@dataclass(frozen=True)
class Upload:
    """The upload of a job that has ended."""

    number: int
    folder: Path
    home: Path  # the project's folder
    uploader: Uploader


class Uploads:
    """Waits in a thread for the uploads of jobs that have ended, in their order, and reports problems.

    The upload process goes on by itself if this process ends earlier.
    """

    def __init__(self, send: Send) -> None:
        self.send = send
        self.queue: SimpleQueue[Upload | None] = SimpleQueue()
        self.shown = ""
        self.left: set[int] = set()  # numbers of jobs that are waited for
        Thread(target=self.wait_for_each, daemon=True, name="uploads").start()

    def follow(self, upload: Upload) -> None:
        """Wait for the upload of a job that has ended."""
        self.left.add(upload.number)
        self.queue.put(upload)

    def close(self) -> None:
        """End the thread when no upload is left."""
        self.queue.put(None)

    def wait_for_each(self) -> None:
        """Wait for one upload after the other."""
        while (upload := self.queue.get()) is not None:
            with suppress(ValueError):  # the process was replaced by one that also uploads, and goes on
                outcome = upload.uploader.wait(upload.folder, partial(self.show_waiting, upload.number))
                if problem := describe_problem(outcome):
                    self.send(JobMessage(upload.number, "mlflow", problem))
            remove_entry(entry_of(upload.folder, upload.home))
            self.send(UploadEnded(upload.number, upload.folder))
            self.left.discard(upload.number)

    def show_waiting(self, number: int, reason: str) -> None:
        """Show once what keeps the uploads."""
        if reason != self.shown:
            self.shown = reason
            self.send(JobMessage(number, "mlflow", f"waiting: {reason}"))


def describe_problem(outcome: Outcome) -> str:
    """Describe why a run is not in MLflow, or what of it; "" where it is there."""
    if outcome.error:
        return f"not uploaded to MLflow: {first_line(outcome.error)}; upload it later with: nnexp sync"
    return first_line(outcome.note)
