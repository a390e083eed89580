"""Upload state of a run: what its MLflow store has already, kept in the run's folder to resume an upload."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from nnexp.atomic_write import write_atomically
from nnexp.run_folder import UPLOAD_STATE, RunFolder


@dataclass
class UploadState:
    """What a store has of a run; ids are empty where it does not have it."""

    store: str = ""  # tracking URI, without a password
    run_id: str = ""
    experiment_id: str = ""
    model_id: str = ""
    version: str = ""  # of the registered model
    offset: int = 0  # in the journal: the entries before it are there
    done: bool = False

    @classmethod
    def load(cls, folder: Path) -> "UploadState":
        """Read the state of a run's folder; an empty one where nothing was uploaded yet."""
        return cls(**RunFolder(folder).json(UPLOAD_STATE))

    def save(self, folder: Path) -> None:
        write_atomically(folder / UPLOAD_STATE, json.dumps(asdict(self)))
