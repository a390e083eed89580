"""What to do where a store has no runs: upload those that are there, make one, or rebuild the store."""

import shlex
from pathlib import Path

from nnexp.redaction import redacted
from nnexp.run_folder import UPLOAD_STATE
from nnexp.tracking.mlflow.sqlite.creation import has_store
from nnexp.tracking.mlflow.store import DATABASE, SQLITE
from nnexp.tracking.mlflow.upload_state import read_states
from nnexp.tracking.upload.sync import find_runs

OWN_STORE = f"{SQLITE}{DATABASE}"  # as upload states name it


def described(uri: str, experiment: str | None) -> str:
    """Return where runs were looked for."""
    where = redacted(uri).removeprefix(SQLITE)
    return where + (f" in the experiment {experiment}" if experiment else "")


def describe_empty(uri: str, experiment: str | None) -> str:
    """Describe that a store has no runs, and the remedy."""
    where = described(uri, experiment)
    own = Path("mlruns", "mlflow.db").absolute()
    if uri == f"{SQLITE}{own}" and not has_store(own):
        folders = [path.parent for path in Path("outputs").rglob(UPLOAD_STATE)]
        stores = [store for folder in folders for store in read_states(folder)]
        if folders and (not stores or OWN_STORE in stores):
            return f"{where} is missing; fix: nnexp sync --rebuild"
        if stores:
            other = shlex.quote(stores[-1])
            elsewhere = "those below outputs/ are in another store"
            return f"no runs at {where}: {elsewhere}; fix: nnexp runs --uri {other}"
        if any(run.state == "waiting" for run in find_runs(Path("outputs"))):
            return f"no runs at {where} yet: those below outputs/ are not uploaded; fix: nnexp sync"
    return f"no runs here yet: there are none at {where}; make one with: nnexp data=digits"
