"""What of a run the store has already, in `shipped.json` of its folder: whoever ships the rest begins there."""

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path

NAME = "shipped.json"


@dataclass
class UploadState:
    """What a store has of a run.

    Attributes:
        store: its address.
        run_id, experiment_id: in MLflow; empty where the run is not known to be there.
        model_id: of its logged model, likewise.
        version: of its registered model, likewise.
        offset: the bytes of the journal whose entries are there.
        done: everything is there.
    """

    store: str = ""
    run_id: str = ""
    experiment_id: str = ""
    model_id: str = ""
    version: str = ""
    offset: int = 0
    done: bool = False

    @classmethod
    def of(cls, folder: Path) -> "UploadState":
        """Read; an empty one where nothing was shipped yet."""
        try:
            found = json.loads((folder / NAME).read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return cls()
        return cls(**{own.name: found[own.name] for own in fields(cls) if own.name in found})

    def save(self, folder: Path) -> None:
        """Write, so that a reader finds the old or the new one."""
        beside = folder / f".{NAME}.{os.getpid()}"
        beside.write_text(json.dumps(asdict(self)))
        beside.replace(folder / NAME)
