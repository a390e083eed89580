"""Runs of this project whose process has died: the next command reports them, and how to go on."""

import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from nnexp.detached import detached
from nnexp.messages import quoted_path
from nnexp.tracking.active_runs import close_dead_runs

SHOWS_STATUS = ("compare", "delete", "runs", "show", "ui")  # commands that read it from the store
SYNC = "sync"
BACKGROUND: list["subprocess.Popen[bytes]"] = []  # processes that are not waited for
UPLOADS = (SYNC, "resume")  # commands that upload what they are for
DELETES = "delete"


def report_dead_runs(command: str) -> None:
    """Set the status of dead runs to FAILED, in journal and store; print how to resume them."""
    dead, unsent = close_dead_runs(Path.cwd())
    for folder in dead:
        path = quoted_path(folder)
        print(f"nnexp: {path}: died; resume with: nnexp resume {path}", file=sys.stderr, flush=True)
    if command in SHOWS_STATUS:
        from nnexp.tracking.upload.sync import set_final_status

        for folder in dead + unsent:
            with suppress(Exception):  # a server is down: `nnexp sync` does it later
                set_final_status(folder)
    else:
        unsent += dead
    if unsent and command not in (*UPLOADS, DELETES):
        upload_in_background(unsent)


def upload_in_background(folders: Sequence[Path]) -> None:
    """Start `nnexp sync` for these runs."""
    command = [sys.executable, "-P", "-m", "nnexp", SYNC, *map(str, folders)]
    null = subprocess.DEVNULL
    BACKGROUND.append(subprocess.Popen(command, stdin=null, stdout=null, stderr=null, **detached()))
