"""`nnexp sync`: upload runs to MLflow that did not reach it."""

import sys
from collections import Counter
from pathlib import Path

from nnexp.cli.arguments import Arguments
from nnexp.errors import UserError
from nnexp.experiment.upload_process import upload_callbacks
from nnexp.messages import listed, plural, short_path
from nnexp.redaction import redacted
from nnexp.tracking.mlflow.store import DATABASE, SQLITE, set_mlflow_defaults, tracking_uri
from nnexp.tracking.mlflow.uris import check_uri
from nnexp.tracking.upload.sync import LocalRun, State, find_runs, read_run, upload

OUTPUTS = Path("outputs")
STATES: dict[State, str] = {
    "uploaded": "in their store",
    "waiting": "to be uploaded",
    "running": "being trained",
    "untracked": "with tracking=none",
    "unreadable": "without a readable journal",
}


def main(arguments: list[str]) -> int:
    """Upload runs and report each; returns the exit code, 1 where one still waits."""
    text = "Upload runs to MLflow that did not reach it completely: a server was down, a process was killed."
    epilog = "Nothing is uploaded twice. MLflow's environment variables hold a server's name and password."
    parser = Arguments("sync", text, epilog=epilog)
    help_text = "folders of runs or above them (default: outputs)"
    parser.add_argument("folder", nargs="*", type=Path, help=help_text)
    parser.add_argument("--uri", help="another store than the runs were made for")
    parser.add_argument("--dry-run", action="store_true", help="only list the runs that would be uploaded")
    options = parser.parse_args(arguments)
    folders = options.folder or [OUTPUTS]
    if missing := [folder for folder in folders if not folder.is_dir()]:
        remedy = "" if options.folder else "; fix: change to the folder that nnexp was started in"
        raise UserError(f"{missing[0]}: no such folder{remedy}")
    check_uri(tracking_uri(options.uri))
    runs = list(find_runs(*folders))
    counts = Counter(run.state for run in runs)
    states = listed([f"{counts[state]} {text}" for state, text in STATES.items() if counts[state]])
    print(plural(len(runs), "run") + (f": {states}" if states else ""))
    waiting = [run for run in runs if run.state == "waiting"]
    if options.dry_run:
        for run in waiting:
            print(f"{short_path(run.folder)}  {run.name}")
        return 0
    uploaded = [upload_and_report(run, options.uri) for run in waiting]
    return 0 if all(uploaded) else 1


def upload_and_report(run: LocalRun, uri: str | None) -> bool:
    """Upload one run and print the outcome; returns whether it is in its store."""
    set_mlflow_defaults()
    error = upload(run.folder, upload_callbacks(), uri)
    if not error or read_run(run.folder).state == "uploaded":  # by another process meanwhile
        print(f"{short_path(run.folder)}  {run.name}: uploaded", flush=True)
        return True
    remedy = f"try again when it is back, or use another store: nnexp sync --uri {SQLITE}$PWD/{DATABASE}"
    print(f"nnexp: {short_path(run.folder)}: {redacted(error)}; fix: {remedy}", file=sys.stderr, flush=True)
    return False
