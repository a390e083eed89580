"""Where the record of a run lies: its folder on this machine, and the stores that have it."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nnexp.messages import listed
from nnexp.run_folder import PARENT_SWEEP_TAG, SWEEP, UPLOAD_STATE, RunFolder, end_of, head_of
from nnexp.runs.backends import FolderBackend, RunError
from nnexp.runs.local import find_folder
from nnexp.runs.query import Run, Runs
from nnexp.runs.sweeps import Sweep, find_sweep, find_target, sweep_folders, sweep_id_of
from nnexp.tracking.active_runs import is_alive
from nnexp.tracking.mlflow.destination import Destination
from nnexp.tracking.mlflow.store_errors import StoreError
from nnexp.tracking.mlflow.upload_state import read_states, run_ids
from nnexp.tracking.upload.sync import check_recorded_uri

OUTPUTS = Path("outputs")
RUNS_ONLY = ("last", "best")  # names that are no sweep's


@dataclass(frozen=True)
class Record:
    """A run and all places where it is recorded."""

    run: Run
    folder: Path | None  # that training wrote; None: it is not on this machine
    ids: Mapping[str, str]  # in the stores that are known here, by tracking URI
    others: tuple[str, ...] = ()  # stores that have it too, but which nothing here leads to

    @property
    def label(self) -> str:
        """The run's name and id, for messages."""
        return f"{self.run.name} ({self.run.id[:8]})" if self.run.id else self.run.name

    @property
    def is_running(self) -> bool:
        """Whether a process trains it at this moment; without its folder, what the store says."""
        if self.folder is None:
            return self.run.status == "RUNNING"
        try:
            entries = RunFolder(self.folder).entries()
            return end_of(entries) is None and is_alive(head_of(entries)["writer"], self.folder)
        except (OSError, ValueError, IndexError, KeyError):  # damaged: nothing writes it
            return False


@dataclass(frozen=True)
class Selection:
    """Records of runs; of sweeps as well, whose own folders hold those of their runs."""

    records: list[Record]
    parents: list[Record]  # of the sweeps
    folders: list[Path]  # of the sweeps


def find_records(texts: Iterable[str], sweeps: Iterable[str], condition: str, runs: Runs) -> Selection:
    """Find runs and sweeps.

    Args:
        texts: each a run as of `nnexp show`, or a sweep as of `find_sweep`; `last` and `best` are runs.
        sweeps: each a sweep.
        condition: an MLflow filter, which selects runs too; empty: none.
        runs: the store.

    Raises:
        RunError: one of them is missing or ambiguous. StoreError: there is no such store.
    """
    items = [find_unique(text, runs) for text in texts]
    items += [check_unique(find_sweep(text, runs), text, runs) for text in sweeps]
    selected = runs.select(condition) if condition else []
    if condition and not selected:
        raise RunError(f"no run matches {condition}; list the runs with: nnexp runs")
    whole_sweeps = [item for item in items if isinstance(item, Sweep)]
    selected += [item for item in items if isinstance(item, Run)]
    selected += [run for sweep in whole_sweeps for run in sweep.runs]
    parents = [sweep.parent for sweep in whole_sweeps if sweep.parent is not None]
    folders = folders_by_id() if any(not isinstance(run.backend, FolderBackend) for run in selected) else {}
    records = {_identity(run): record_of(run, runs, folders) for run in selected}
    return Selection(
        records=list(records.values()),
        parents=[record_of(parent, runs, folders) for parent in parents],
        folders=list(dict.fromkeys(sweep.folder for sweep in whole_sweeps if sweep.folder is not None)),
    )


def find_unique(text: str, runs: Runs) -> Run | Sweep:
    """Return the run or sweep that a text names; RunError: there is none, or several runs have that name."""
    try:
        target = runs.find(text) if text in RUNS_ONLY else find_target(text, runs)
    except StoreError:
        with suppress(StoreError):  # it was never uploaded
            return runs.find(str(find_folder(text, runs)))
        raise
    if isinstance(target, Run) and target.name == text:
        namesakes = [run.id[:8] for run in runs.select() if run.name == text]
        if len(namesakes) > 1:
            several = f"{len(namesakes)} runs have the name {text}: {listed(namesakes)}"
            raise RunError(f"{several}; give the id of one")
    return check_unique(target, text, runs) if isinstance(target, Sweep) else target


def check_unique(sweep: Sweep, text: str, runs: Runs) -> Sweep:
    """Return a sweep; RunError: the text that names it is the name of others too."""
    if sweep.name == text != sweep.id:
        ids = [
            sweep_id_of(path) for path in sweep_folders() if RunFolder(path).json(SWEEP).get("name") == text
        ]
        with suppress(RunError, StoreError):  # no store
            parents = runs.select(kind="sweeps")
            ids += [run.tags.get(PARENT_SWEEP_TAG, "") for run in parents if run.name == text]
        if len(namesakes := sorted(set(ids))) > 1:
            several = f"{len(namesakes)} sweeps have the name {text}: {listed(namesakes)}"
            raise RunError(f"{several}; give the id of one")
    return sweep


def record_of(run: Run, runs: Runs, folders: Mapping[str, Path]) -> Record:
    """Return the places of a run; `folders` are those below outputs/ by the ids that stores gave them."""
    folder = run.folder if isinstance(run.backend, FolderBackend) else folders.get(run.id)
    ids = {} if isinstance(run.backend, FolderBackend) else {runs.uri: run.id}
    if folder is None:
        return Record(run, None, ids)
    states = read_states(folder)
    known = set()
    with suppress(OSError, ValueError, IndexError, KeyError):
        recorded = head_of(RunFolder(folder).entries())["destination"]
        for uri in (None, runs.uri) if recorded is not None else ():
            with suppress(StoreError):  # its own store is on a server whose password is not set here
                target = Destination.of(folder, recorded, uri)
                state = states.get(target.store)
                if state is not None and state.run_id and target.exists:
                    check_recorded_uri(target.uri)
                    ids[target.uri] = state.run_id
                    known.add(target.store)
    others = (name for name, state in states.items() if state.run_id and name not in known)
    return Record(run, folder.resolve(), ids, tuple(others))


def folders_by_id() -> dict[str, Path]:
    """Return the folders of uploaded runs below outputs/ by their ids in stores."""
    folders = (path.parent for path in OUTPUTS.rglob(UPLOAD_STATE))
    return {run_id: folder for folder in folders for run_id in run_ids(folder)}


def _identity(run: Run) -> str:
    return run.id or str(run.folder)
