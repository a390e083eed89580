"""The run whose confusion matrices a new run's are compared with."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnexp.atomic_write import write_atomically
from nnexp.run_folder import BASELINE, SPLITS
from nnexp.runs.query import Runs
from nnexp.tasks import Classification
from nnexp.tracking.mlflow.destination import Destination
from nnexp.tracking.mlflow.store_errors import StoreError


def fetch(folder: Path, text: str, recorded_destination: Mapping[str, Any]) -> str:
    """Find the run that `text` names in the store of another; write its reports into the folder.

    Returns a warning, or nothing: without a baseline a plot is missing.
    """
    try:
        runs = Runs(Destination.of(folder, recorded_destination).uri)
        run = runs.last_finished() if text == "last" else runs.find(text)
        paths = {split: f"{Classification.report_folder}/{split}.json" for split, _ in SPLITS}
        reports = {
            split: json.loads(run.file(path).read_text(encoding="utf-8")) for split, path in paths.items()
        }
        write_atomically(folder / BASELINE, json.dumps({"name": run.name, "id": run.id, **reports}))
    except (StoreError, OSError, ValueError) as error:
        return f"tracking.baseline={text}: {error}"
    return ""
