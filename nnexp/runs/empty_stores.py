"""What to do where a store has no runs: upload those that are there, make one, or rebuild the store."""

from pathlib import Path

from nnexp.redaction import redacted
from nnexp.run_folder import UPLOAD_STATE
from nnexp.tracking.mlflow.sqlite.creation import has_store
from nnexp.tracking.mlflow.store import SQLITE
from nnexp.tracking.upload.sync import find_runs


def described(uri: str, experiment: str | None) -> str:
    """Return where runs were looked for."""
    where = redacted(uri).removeprefix(SQLITE)
    return where + (f" in the experiment {experiment}" if experiment else "")


def describe_empty(uri: str, experiment: str | None) -> str:
    """Describe that a store has no runs, and the remedy."""
    where = described(uri, experiment)
    own = Path("mlruns", "mlflow.db").absolute()
    if uri == f"{SQLITE}{own}" and not has_store(own):
        if any(Path("outputs").rglob(UPLOAD_STATE)):
            return f"{where} is missing; fix: nnexp sync --rebuild"
        if any(run.state == "waiting" for run in find_runs(Path("outputs"))):
            return f"no runs at {where} yet: those below outputs/ are not uploaded; fix: nnexp sync"
    return f"no runs here yet: there are none at {where}; make one with: nnexp data=digits"
