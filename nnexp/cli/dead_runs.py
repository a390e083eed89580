"""Runs of this project whose process has died: the next command reports them, and how to go on."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from nnexp.detached import detached
from nnexp.messages import override, quoted_path, short_path
from nnexp.run_folder import RunFolder, end_of, head_of, is_ensemble, is_parent, sweep_folder
from nnexp.runs.ensembles import ensemble_command, members_of
from nnexp.tracking.active_runs import close_dead_runs, is_running
from nnexp.tracking.journal import DIED

SHOWS_STATUS = ("compare", "delete", "runs", "show", "ui")  # commands that read it from the store
SYNC = "sync"
BACKGROUND: list["subprocess.Popen[bytes]"] = []  # processes that are not waited for
UPLOADS = (SYNC, "resume")  # commands that upload what they are for
DELETES = "delete"


def report_dead_runs(command: str) -> None:
    """Set the status of dead runs to FAILED, in journal and store; print how to resume them."""
    dead, unsent = close_dead_runs(Path.cwd())
    for line in reports(dead):
        print(f"nnexp: {line}", file=sys.stderr, flush=True)
    if command in SHOWS_STATUS:
        from nnexp.tracking.upload.sync import set_final_status

        for folder in unsent:
            with suppress(Exception):  # a server is down: `nnexp sync` does it later
                set_final_status(folder)
    if unsent and command not in (*UPLOADS, DELETES):
        upload_in_background(unsent)


def reports(dead: Sequence[Path]) -> Iterator[str]:
    """Yield how to go on with dead runs, a line each; of a sweep, one for all of its jobs.

    A sweep that goes on, or has come to its end, has shown itself what became of its jobs.
    """
    reported: set[Path] = set()
    for folder in dead:
        head = head_of(RunFolder(folder).entries())
        sweep = folder if is_parent(head) else sweep_folder(folder, head["tags"])
        path = quoted_path(folder)
        if is_ensemble(head):
            command = ensemble_command(members_of(head["params"]))
            yield f"{path}: the ensemble died; make it again with: {command}"
        elif sweep is None:
            yield f"{path}: died; resume with: nnexp resume {path}"
        elif sweep not in reported and has_died(sweep):
            reported.add(sweep)
            command = f"nnexp -m {override('sweep.resume', str(short_path(sweep)))}"
            yield f"{quoted_path(sweep)}: the sweep died; go on with: {command}"


def has_died(sweep: Path) -> bool:
    """Return whether the process of a sweep has ended before the sweep did."""
    try:
        end = end_of(RunFolder(sweep).entries())
    except (OSError, ValueError):  # there is no journal, or none that can be read
        return True
    return DIED in end if end is not None else not is_running(sweep)


def upload_in_background(folders: Sequence[Path]) -> "subprocess.Popen[bytes]":
    """Start `nnexp sync` for these runs; return its process, which goes on after this one."""
    command = [sys.executable, "-P", "-m", "nnexp", SYNC, *map(str, folders)]
    null = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=null, stdout=null, stderr=null, **detached())
    BACKGROUND.append(process)
    return process
