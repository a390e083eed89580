"""`nnexp sync`: upload runs to MLflow that did not reach it."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from nnexp.cli.arguments import Arguments
from nnexp.errors import UserError
from nnexp.experiment.upload_process import upload_callbacks
from nnexp.messages import listed, plural, short_path
from nnexp.redaction import redacted
from nnexp.run_folder import SWEEP
from nnexp.runs.views import save_views_of
from nnexp.tracking.mlflow.sqlite.rebuilding import set_aside_if_damaged
from nnexp.tracking.mlflow.store import DATABASE, SQLITE, set_mlflow_defaults, tracking_uri
from nnexp.tracking.mlflow.uris import check_uri
from nnexp.tracking.upload.process_setup import remember_absent_modules
from nnexp.tracking.upload.sync import LocalRun, State, find_runs, read_run, upload, upload_uri

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
    rebuild = "also runs that were uploaded, where the store has lost them; a damaged database is set aside"
    parser.add_argument("--rebuild", action="store_true", help=rebuild)
    parser.add_argument("--dry-run", action="store_true", help="only list the runs that would be uploaded")
    options = parser.parse_args(arguments)
    folders = options.folder or [OUTPUTS]
    if missing := [folder for folder in folders if not folder.is_dir()]:
        remedy = "" if options.folder else "; fix: change to the folder that nnexp was started in"
        raise UserError(f"{missing[0]}: no such folder{remedy}")
    check_uri(tracking_uri(options.uri))
    runs = list(find_runs(*folders, uri=options.uri))
    counts = Counter(run.state for run in runs)
    states = listed([f"{counts[state]} {text}" for state, text in STATES.items() if counts[state]])
    print(plural(len(runs), "run") + (f": {states}" if states else ""))
    wanted = ("waiting", "uploaded") if options.rebuild else ("waiting",)
    selected = [run for run in runs if run.state in wanted]
    if options.dry_run:
        for run in selected:
            print(f"{short_path(run.folder)}  {run.name}")
        return 0
    if options.rebuild:
        set_damaged_stores_aside(selected, options.uri)
    return upload_all(selected, options.uri)


def set_damaged_stores_aside(runs: Sequence[LocalRun], uri: str | None) -> None:
    """Rename databases that SQLite cannot read, of these runs and the one here; new ones are made."""
    uris = {tracking_uri(uri), *(upload_uri(run.folder, uri) for run in runs)}
    for database in sorted(Path(each.removeprefix(SQLITE)) for each in uris if each.startswith(SQLITE)):
        if aside := set_aside_if_damaged(database):
            print(f"{short_path(database)} is damaged: it is now {short_path(aside)}")


def upload_all(runs: Sequence[LocalRun], uri: str | None) -> int:
    """Upload runs; what stores have refused is printed once."""
    set_mlflow_defaults()
    remember_absent_modules()
    notes: dict[str, None] = {}
    failed = 0
    for run in runs:
        uploaded = upload(run.folder, upload_callbacks(), uri, print_waiting)
        if uploaded.error and read_run(run.folder, uri).state != "uploaded":  # by another process meanwhile
            failed += 1
            print_error(run, uploaded.error)
        else:
            failed += not uploaded.complete
            text = "uploaded" if uploaded.complete else "uploaded, but not all"
            text = text if uploaded.sent else "is there"
            print(f"{short_path(run.folder)}  {run.name}: {text}", flush=True)
            notes |= {uploaded.note: None} if uploaded.note else {}
    for note in notes:
        print(f"note: {note}", flush=True)
    for run in runs:
        if (run.folder / SWEEP).exists():
            save_views_of(run.folder, uri)
    return 1 if failed else 0


def print_waiting(reason: str) -> None:
    """Print why nothing goes on."""
    print(f"waiting for MLflow: {reason}; Ctrl-C ends that, nothing is lost", file=sys.stderr, flush=True)


def print_error(run: LocalRun, error: str) -> None:
    """Print why a run still waits, and the remedy."""
    remedy = f"try again when it is back, or use another store: nnexp sync --uri {SQLITE}{DATABASE}"
    advice = "" if "; fix: " in error else f"; fix: {remedy}"
    print(f"nnexp: {short_path(run.folder)}: {redacted(error)}{advice}", file=sys.stderr, flush=True)
