"""`nnexp sync`: send to MLflow what never reached it."""

import sys
from collections import Counter
from pathlib import Path

from nnexp.cli.arguments import Arguments
from nnexp.messages import short_path
from nnexp.redaction import redacted
from nnexp.tracking.mlflow.store import StoreError, address, set_mlflow_defaults
from nnexp.tracking.mlflow.uris import check
from nnexp.tracking.upload.sync import Found, State, find, look, ship

USER_ERROR, FAILURE = 2, 1
OUTPUTS = Path("outputs")


def main(arguments: list[str]) -> int:
    """Send and say what was sent; returns the exit code, 1 where something still waits."""
    parser = Arguments(
        "sync",
        "Send runs to MLflow that never reached it, or not all of them: a server was down, a process was killed.",
        epilog="What a store has already is not sent twice. Name and password of a server come from the environment, as MLflow reads them.",
    )
    parser.add_argument(
        "folder", nargs="*", type=Path, help="a run's folder, or one above several (default: outputs)"
    )
    parser.add_argument("--uri", help="another store than the runs were made for")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be sent")
    options = parser.parse_args(arguments)
    places = options.folder or [OUTPUTS]
    if missing := [place for place in places if not place.is_dir()]:
        remedy = (
            "runs leave their folders below the working directory: go there"
            if places == [OUTPUTS]
            else "name a folder that there is"
        )
        print(f"nnexp: {missing[0]}: no such folder; {remedy}", file=sys.stderr)
        return USER_ERROR
    try:
        check(address(options.uri))
    except StoreError as error:
        print(f"nnexp: {error}", file=sys.stderr)
        return USER_ERROR
    found = list(find(*places))
    print(summary(found))
    waiting = [run for run in found if run.state == "waiting"]
    if options.dry_run:
        for run in waiting:
            print(f"{short_path(run.folder)}  {run.name}")
        return 0
    return FAILURE if [run for run in waiting if not sent(run, options.uri)] else 0


def sent(run: Found, uri: str | None) -> bool:
    """Send one run and say how it went."""
    set_mlflow_defaults()
    trouble = ship(run.folder, uri)
    if trouble and look(run.folder).state == "shipped":  # by somebody else, meanwhile
        trouble = ""
    if trouble:
        remedy = "try again when it is back, or send it elsewhere: nnexp sync --uri sqlite:///$PWD/mlruns/mlflow.db"
        print(f"nnexp: {short_path(run.folder)}: {redacted(trouble)}; {remedy}", file=sys.stderr, flush=True)
    else:
        print(f"{short_path(run.folder)}  {run.name}: sent", flush=True)
    return not trouble


def summary(found: list[Found]) -> str:
    """How many runs there are, and how it is with them."""
    words: dict[State, str] = {
        "shipped": "in their store",
        "waiting": "to be sent",
        "running": "being trained",
        "untracked": "with tracking=none",
        "unreadable": "without a journal that can be read",
    }
    counts = Counter(run.state for run in found)
    told = [f"{counts[state]} {text}" for state, text in words.items() if counts[state]]
    return f"{len(found)} {'run' if len(found) == 1 else 'runs'}" + (f": {', '.join(told)}" if told else "")
