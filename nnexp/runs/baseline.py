"""The run that another one's mistakes are compared with."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnexp.runs.query import Runs
from nnexp.tracking.mlflow.store import StoreError, destination

NAME = "baseline.json"


def fetch(folder: Path, text: str, place: Mapping[str, Any]) -> str:
    """Find the run that `text` means in the store of another, and keep its confusion matrices in the folder, where the pictures find them.

    Returns what a person must be told: a baseline that cannot be found costs a picture, not the run.
    """
    try:
        runs = Runs(destination(place))
        run = runs.last_finished() if text == "last" else runs.find(text)
        reports = {
            part: json.loads(run.file(f"confusion/{part}.json").read_text()) for part in ("val", "test")
        }
    except (StoreError, OSError, ValueError) as error:
        return f"tracking.baseline={text}: {error}"
    (folder / NAME).write_text(json.dumps({"name": run.name, "id": run.id, **reports}))
    return ""
