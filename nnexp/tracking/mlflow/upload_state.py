"""Upload state of a run: what its MLflow store has already, kept in the run's folder to resume an upload."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from nnexp.atomic_write import write_atomically
from nnexp.run_folder import UPLOAD_STATE, RunFolder


@dataclass
class UploadState:
    """What a store has of a run.

    Attributes:
        store: its tracking URI, without a password.
        run_id, experiment_id: in MLflow; empty where the run is not known to be there.
        model_id: of its logged model, or empty.
        version: of its registered model, or empty.
        offset: the bytes of the journal whose entries are there.
        done: whether everything is there.
    """

    store: str = ""
    run_id: str = ""
    experiment_id: str = ""
    model_id: str = ""
    version: str = ""
    offset: int = 0
    done: bool = False

    @classmethod
    def load(cls, folder: Path) -> "UploadState":
        """Read the state of a run's folder; an empty one where nothing was uploaded yet."""
        return cls(**RunFolder(folder).json(UPLOAD_STATE))

    def save(self, folder: Path) -> None:
        """Write the state into a run's folder."""
        write_atomically(folder / UPLOAD_STATE, json.dumps(asdict(self)))
