"""A run in its MLflow store: searched for, created with its metadata, confirmed; what the store has of it."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from nnexp.run_folder import DATASET, RunFolder, head_of
from nnexp.tracking.mlflow.attempts import JOURNAL_ID, REPLACED_TAG, is_superseded, is_tagged
from nnexp.tracking.mlflow.dataset_inputs import dataset_inputs
from nnexp.tracking.mlflow.destination import Destination
from nnexp.tracking.mlflow.images import IMAGES
from nnexp.tracking.mlflow.nesting import PARENT_ID
from nnexp.tracking.mlflow.patience import create_once
from nnexp.tracking.mlflow.refusals import Refusals
from nnexp.tracking.mlflow.run_notes import EXPERIMENT_NOTE, run_note
from nnexp.tracking.mlflow.sqlite.rebuilding import restore_id
from nnexp.tracking.mlflow.store import NOTE, SQLITE, open_store, remember_artifact_uri
from nnexp.tracking.mlflow.store_errors import SERVERS
from nnexp.tracking.mlflow.transaction import one_transaction
from nnexp.tracking.mlflow.upload_state import UploadState

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput, Run
    from mlflow.tracking import MlflowClient

SUPERSEDED = "the store has another attempt of this job"
_experiments: dict[tuple[str, str], str] = {}  # ids, by server and name: the same for all runs of a sweep
ANY_LIFECYCLE = 3  # ViewType.ALL: a run that was deleted is not made again


class StoredRun:
    """The run of a journal in its store, or in another one at `uri`.

    `heartbeat` is called whenever the store has accepted something. `is_new`: the store cannot have the run.
    """

    def __init__(
        self,
        folder: Path,
        uri: str | None = None,
        heartbeat: Callable[[], None] = lambda: None,
        is_new: bool = False,
    ) -> None:
        self.run_folder = RunFolder(folder)
        self.heartbeat = heartbeat
        entries = self.run_folder.entries()
        self.first = entries[0]
        self.head = head_of(entries)
        self.sessions = len(self.run_folder.sessions())
        self.settings = self.head["destination"]
        self.destination = Destination.of(folder, self.settings, uri)
        self.uri = self.destination.uri
        self.state = UploadState.load(folder, self.destination.store)
        self.refusals = Refusals(self.uri)
        self.is_new = is_new and not self.state.run_id
        self.former = UploadState()  # of a store that has lost the run
        self.may_repeat = bool(self.state.run_id)  # the store may have more than the state says
        self.has_metadata = self.state.offset > 0

    @cached_property
    def client(self) -> "MlflowClient":
        from mlflow.tracking import MlflowClient

        name = self.settings["experiment"]
        if known := _experiments.get((self.uri, name)):
            self.state.experiment_id = known
            return MlflowClient(tracking_uri=self.uri)
        home = self.destination.home
        client, self.state.experiment_id = open_store(self.uri, name, EXPERIMENT_NOTE, home)
        if self.uri.startswith(SERVERS):
            _experiments[self.uri, name] = self.state.experiment_id
        return client

    def forget_experiment(self) -> None:
        """Ask the server for the experiment again: it may have been deleted."""
        _experiments.pop((self.uri, self.settings["experiment"]), None)

    @cached_property
    def artifact_uri(self) -> str:
        """Where the artifacts of the run go."""
        return str(self.client.get_run(self.state.run_id).info.artifact_uri)

    def check_store(self) -> bool:
        """Return whether the store has the whole run; a state that it does not confirm is reset.

        A database may have been deleted or replaced since, a server may take now what it has refused.
        """
        run = self.find_run()
        run_id = "" if run is None else str(run.info.run_id)
        if not run_id and is_superseded(self):
            self.state.refused = SUPERSEDED
            self.state.sessions = self.sessions
            self.state.done = True
            self.save_state()
            return True
        self.is_new = not run_id
        is_there = run_id == self.state.run_id != ""
        is_current = self.state.has_all(self.sessions)
        if is_current and is_there and not self.state.refused:
            return True
        if is_current or self.state.refused or not is_there:
            self.former = self.state
            self.state = UploadState(store=self.former.store, experiment_id=self.former.experiment_id)
            self.has_metadata = False
        return False

    def find_run(self) -> "Run | None":
        """Search the store for the run, after a lost answer or under another URI."""
        where = is_tagged(JOURNAL_ID, self.head["id"])
        runs = self.client.search_runs([self.state.experiment_id], where, ANY_LIFECYCLE)
        return next((run for run in runs if REPLACED_TAG not in run.data.tags), None)

    def with_former_id(self, made: str, former: str) -> str:
        """Give a run or model of a rebuilt SQLite store its former id, where it had one; returns its id."""
        if not former or not self.uri.startswith(SQLITE):
            return made
        self.may_repeat = True  # its artifacts may be there
        return former if restore_id(Path(self.uri.removeprefix(SQLITE)), made, former) else made

    def create_run(self, has_images: bool) -> None:
        """Create the run in the store, with its tags and its note."""
        state = self.state
        tags = self.first["tags"] | {JOURNAL_ID: self.head["id"], NOTE: run_note(self.run_folder, self.head)}
        tags |= {IMAGES: "True"} if has_images else {}  # as MLflow will, in one more transaction
        tags |= self.run_folder.tags | ({PARENT_ID: state.parent_id} if state.parent_id else {})
        began, name = self.head["time"], self.head["name"]
        create = partial(self.client.create_run, state.experiment_id, began, tags=tags, run_name=name)
        run = create_once(self.uri, create, self.find_run)
        state.run_id = self.with_former_id(run.info.run_id, self.former.run_id)
        if state.run_id == run.info.run_id:
            self.artifact_uri = str(run.info.artifact_uri)
            remember_artifact_uri(self.uri, state.run_id, self.artifact_uri)

    def log_inputs(self) -> None:
        """Log the data as inputs of the run."""
        inputs: list[DatasetInput] = []
        with self.refusals.readable(DATASET):
            inputs = dataset_inputs(self.run_folder, self.head["params"])
        if inputs:
            with self.refusals.skipped("dataset inputs"):
                self.client.log_inputs(self.state.run_id, inputs)

    @property
    def is_batched(self) -> bool:
        """Whether calls are stored together: none may be repeated then, and no id be restored."""
        return self.uri.startswith(SQLITE) and not self.may_repeat and not self.former.run_id

    def transaction(self) -> AbstractContextManager[None]:
        """Store the calls of a block together, where possible."""
        return one_transaction(self.client) if self.is_batched else nullcontext()

    def save_state(self) -> None:
        self.state.save(self.run_folder.path)
        self.heartbeat()
