"""Upload state of a run: what each store has of it already, kept in the run's folder to resume an upload."""

import json
import secrets
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from nnexp.atomic_write import write_atomically
from nnexp.run_folder import UPLOAD_STATE, RunFolder
from nnexp.tracking.mlflow.store import DATABASE, SQLITE


@dataclass
class UploadState:
    """What a store has of a run; ids are empty where it does not have it."""

    store: str = ""  # its name, see Destination
    run_id: str = ""
    experiment_id: str = ""
    parent_id: str = ""  # of the parent run that it is nested in
    model_id: str = ""
    model_in_run: bool = False  # the model is among the artifacts of the run, as in MLflow 2
    model_is_current: bool = False  # it has the weights of the run's end, not of one before a resume
    version: str = ""  # of the registered model
    offset: int = 0  # in the journal: the entries before it are there
    done: bool = False
    sessions: int = 1  # of training; it has them to the end where it is done
    refused: str = ""  # what the store would not take, in a sentence

    @property
    def model_uri(self) -> str:
        """The URI of the model; empty where the store has none."""
        if self.model_id:
            return f"models:/{self.model_id}"
        return f"runs:/{self.run_id}/model" if self.model_in_run else ""

    def has_all(self, sessions: int) -> bool:
        """Return whether the store has the run with so many sessions: it may have been resumed since."""
        return self.done and self.sessions >= sessions

    @classmethod
    def load(cls, folder: Path, store: str = "") -> "UploadState":
        """Read the state of a run's folder for a store, or for the one that had the run first.

        It is empty where nothing was uploaded yet.
        """
        states = read_states(folder)
        return states.get(store or next(iter(states), ""), cls(store=store))

    def save(self, folder: Path) -> None:
        """Write the state; a folder in place of its file is renamed."""
        path = folder / UPLOAD_STATE
        if path.is_dir():
            path.rename(path.with_name(f"{path.name}.folder-{secrets.token_hex(4)}"))
        states = read_states(folder) | {self.store: self}
        values = {name: asdict(state) for name, state in states.items()}
        write_atomically(path, json.dumps(values))


def run_ids(folder: Path) -> set[str]:
    """Return the ids that stores gave to the run of a folder."""
    return {state.run_id for state in read_states(folder).values() if state.run_id}


def read_states(folder: Path) -> dict[str, UploadState]:
    """Read the states by store; an older file holds that of one store, whose path is absolute."""
    values = RunFolder(folder).json(UPLOAD_STATE)
    if not all(isinstance(state, dict) for state in values.values()):
        store = str(values.get("store", ""))
        is_own = store.startswith(SQLITE) and store.endswith(f"/{DATABASE}")
        values = {f"{SQLITE}{DATABASE}" if is_own else store: values}
    kinds = {field.name: type(field.default) for field in fields(UploadState)}
    states = {}
    for store, state in values.items():
        kept: dict[str, Any] = {key: one for key, one in state.items() if type(one) is kinds.get(key)}
        states[store] = UploadState(**kept | {"store": store})
    return states
