"""Uploads that were lost with the worker of a job that has ended, as its machine has died: `nnexp sync`."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from nnexp.messages import first_line
from nnexp.run_folder import head_of
from nnexp.sweeps.execution.events import JobMessage, Send, UploadsLeft
from nnexp.sweeps.records import job_entries


def upload_lost(folders: Mapping[int, Path], send: Send) -> None:
    """Upload what the store lacks of jobs.

    Args:
        folders: of the jobs, by number; those without a journal here, or without tracking, are left out.
        send: gets a message where it fails.
    """
    entries = {number: job_entries(folder) for number, folder in folders.items()}
    here = {n: folder for n, folder in folders.items() if entries[n] and head_of(entries[n])["destination"]}
    if not here:
        return
    send(UploadsLeft())
    command = [sys.executable, "-m", "nnexp", "sync", *map(str, here.values())]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        send(JobMessage(min(here), "mlflow", f"not uploaded: {first_line(done.stderr)}"))
