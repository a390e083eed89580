"""Writes one run's journal to its MLflow store, so that nothing is stored twice.

Most calls may be repeated: a metric with the same time and step is the same metric, a file replaces the one
of its name. So what fails is sent again; `UploadState` and searches of the store avoid repeating other calls.
"""

import json
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from nnexp.run_folder import DATASET, MISCLASSIFIED_TABLE, RESULTS, Entry, RunFolder, head_of, is_parent
from nnexp.tracking.mlflow.dataset_inputs import dataset_inputs
from nnexp.tracking.mlflow.destination import Destination
from nnexp.tracking.mlflow.images import DrawConfusion, send_confusion
from nnexp.tracking.mlflow.logged_model import MetricAt, register_model, send_model
from nnexp.tracking.mlflow.nesting import PARENT_ID, adopt_children, parent_id, update_parent
from nnexp.tracking.mlflow.refusals import Refusals, check_artifact_folder
from nnexp.tracking.mlflow.run_notes import EXPERIMENT_NOTE, run_note, short_result
from nnexp.tracking.mlflow.sqlite.rebuilding import restore_id
from nnexp.tracking.mlflow.store import NOTE, SQLITE, log_metrics, log_params, open_store, set_tags
from nnexp.tracking.mlflow.upload_state import UploadState

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput
    from mlflow.tracking import MlflowClient

JOURNAL_ID = "nnexp.journal_id"  # tag
OF_SWEEP = "sweep/"  # metrics of a parent run
TABLES = "mlflow.loggedArtifacts"  # tag without which the UI shows none
ANY_LIFECYCLE = 3  # ViewType.ALL: a run that was deleted is not made again
ENTRIES_PER_CALL = 200


class MlflowRunWriter:
    """Sends the entries of a run's journal to its store, or to another one at `uri`.

    `heartbeat` is called whenever the store has accepted something.
    """

    def __init__(
        self,
        folder: Path,
        draw_confusion: DrawConfusion,
        uri: str | None = None,
        heartbeat: Callable[[], None] = lambda: None,
    ) -> None:
        self.run_folder = RunFolder(folder)
        self.draw_confusion = draw_confusion
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
        self.former = UploadState()  # of a store that has lost the run
        self.may_repeat = bool(self.state.run_id)  # the store may have more than the state says
        self.has_metadata = self.state.offset > 0
        self.results: dict[str, MetricAt] = {}  # the metrics that are logged once

    @cached_property
    def client(self) -> "MlflowClient":
        name = self.settings["experiment"]
        home = self.destination.home
        client, self.state.experiment_id = open_store(self.uri, name, EXPERIMENT_NOTE, home)
        return client

    @cached_property
    def artifact_uri(self) -> str:
        """Where the artifacts of the run go."""
        return str(self.client.get_run(self.state.run_id).info.artifact_uri)

    def check_store(self) -> bool:
        """Return whether the store has the whole run; a state that it does not confirm is reset.

        A database may have been deleted or replaced since, a server may take now what it has refused.
        """
        is_there = self.find_run() == self.state.run_id != ""
        is_current = self.state.has_all(self.sessions)
        if is_current and is_there and not self.state.refused:
            return True
        if is_current or self.state.refused or not is_there:
            self.former = self.state
            self.state = UploadState(store=self.former.store, experiment_id=self.former.experiment_id)
            self.has_metadata = False
        return False

    def send(self, entries: Sequence[Entry], offset: int | None = None) -> None:
        """Send entries, in their order; afterwards the store has the journal up to `offset`."""
        try:
            self.start_run()
            self.send_metrics(entries)
            for entry in entries:
                match entry["kind"]:
                    case "artifact":
                        self.send_file(entry["path"])
                    case "confusion":
                        send_confusion(self, entry)
                    case "model":
                        send_model(self)
                    case "resume":
                        self.resume_run(entry)
                    case "end":
                        self.end_run(entry)
        except Exception:
            self.may_repeat = True
            raise
        if offset is not None:
            self.state.offset = offset
            self.save_state()

    def send_in_chunks(self, entries: Sequence[Entry]) -> None:
        """Send any number of entries."""
        for start in range(0, len(entries), ENTRIES_PER_CALL):
            self.send(entries[start : start + ENTRIES_PER_CALL])

    def send_earlier(self, end: int) -> None:
        """Send what the store lacks of the sessions before the one that begins at `end` in the journal."""
        if self.state.offset < end:
            entries, _ = self.run_folder.entries_after(self.state.offset, end)
            self.send_in_chunks([entry for entry in entries if entry["kind"] != "end"])
            self.send([], end)

    def save_state(self) -> None:
        self.state.save(self.run_folder.path)
        self.heartbeat()

    def start_run(self) -> None:
        """Create the run and its metadata in the store, where they are missing."""
        client, state = self.client, self.state
        if not state.run_id and (run_id := self.find_run()):
            state.run_id = run_id
            self.may_repeat = True
        if not state.run_id:
            state.parent_id = parent_id(self)
            tags = self.first["tags"] | {JOURNAL_ID: self.head["id"]} | self.run_folder.tags
            tags |= {PARENT_ID: state.parent_id} if state.parent_id else {}
            began, name = self.head["time"], self.head["name"]
            run = client.create_run(state.experiment_id, began, tags=tags, run_name=name)
            state.run_id = self.with_former_id(run.info.run_id, self.former.run_id)
        if not self.has_metadata:
            log_params(client, state.run_id, self.first["params"])
            client.set_tag(state.run_id, NOTE, run_note(self.run_folder, self.head))
            inputs: list[DatasetInput] = []
            with self.refusals.readable(DATASET):
                inputs = dataset_inputs(self.run_folder, self.head["params"])
            if inputs:
                with self.refusals.skipped("dataset inputs"):
                    client.log_inputs(state.run_id, inputs)
            self.has_metadata = True
            self.save_state()

    def send_new(self) -> None:
        """Send the entries of the journal that the store does not have yet."""
        entries, offset = self.run_folder.entries_after(self.state.offset)
        if entries:
            self.remember_results(self.run_folder.entries())
            self.send(entries, offset)

    def of_folder(self, folder: Path) -> "MlflowRunWriter":
        """Return the writer of another run to the same store."""
        return MlflowRunWriter(folder, self.draw_confusion, self.uri, self.heartbeat)

    def find_run(self) -> str:
        """Search the store for the run, after a lost answer or under another URI; returns the id or ""."""
        where = f"tags.`{JOURNAL_ID}` = '{self.head['id']}'"
        runs = self.client.search_runs([self.state.experiment_id], where, ANY_LIFECYCLE, max_results=1)
        return str(runs[0].info.run_id) if runs else ""

    def with_former_id(self, made: str, former: str) -> str:
        """Give a run or model of a rebuilt SQLite store its former id, where it had one; returns its id."""
        if not former or not self.uri.startswith(SQLITE):
            return made
        self.may_repeat = True  # its artifacts may be there
        return former if restore_id(Path(self.uri.removeprefix(SQLITE)), made, former) else made

    def send_metrics(self, entries: Sequence[Entry]) -> None:
        from mlflow.entities import Metric

        records = [entry for entry in entries if entry["kind"] == "metrics"]
        metrics = [Metric(k, v, e["time"], e["step"]) for e in records for k, v in e["values"].items()]
        log_metrics(self.client, self.state.run_id, metrics)
        self.remember_results(records)
        self.heartbeat()

    def remember_results(self, entries: Sequence[Entry]) -> None:
        """Keep the metrics that are logged once, for the note and the model."""
        for entry in (entry for entry in entries if entry["kind"] == "metrics"):
            for name, value in entry["values"].items():
                if name.startswith((*RESULTS, OF_SWEEP)):
                    self.results[name] = MetricAt(value, entry["time"], entry["step"])

    def resume_run(self, entry: Entry) -> None:
        """Set the status RUNNING again; tags hold the params that have changed, which themselves cannot."""
        client = self.client
        state = self.state
        client.update_run(state.run_id, "RUNNING", self.head["name"])
        set_tags(client, state.run_id, entry["tags"])
        client.set_tag(state.run_id, NOTE, run_note(self.run_folder, self.head))
        state.done = state.model_is_current = False
        state.version = ""

    def send_file(self, path: str) -> None:
        """Log a file of the run's folder; the JSON table is tagged, so that the UI shows it."""
        if problem := self.run_folder.problem_of(path):
            self.refusals.damaged[path] = problem
            return
        folder, _, _ = path.rpartition("/")
        with self.refusals.skipped(path):
            check_artifact_folder(self.uri, self.artifact_uri)
            self.client.log_artifact(self.state.run_id, str(self.run_folder / path), folder or None)
            if path == MISCLASSIFIED_TABLE:
                tables = json.dumps([{"path": path, "type": "table"}])
                self.client.set_tag(self.state.run_id, TABLES, tables)
        self.heartbeat()

    def end_run(self, entry: Entry) -> None:
        """Log the model and the results, set the status, register the model."""
        client, state = self.client, self.state
        metrics = {name: metric.value for name, metric in self.results.items()}
        status = entry["status"]
        send_model(self)
        note = run_note(self.run_folder, self.head, status, metrics, state)
        client.set_tag(state.run_id, NOTE, note)
        client.set_terminated(state.run_id, status, entry["time"])
        name = self.settings.get("register")
        if state.model_uri and name and not state.version:
            text = f"{short_result(metrics)}; {self.head['name']}"
            with self.refusals.skipped(f"a version of the registered model {name}"):
                state.version = register_model(client, name, state, text)
        self.refusals.check_journal(self.run_folder)
        state.refused = self.refusals.describe(state.model_in_run)
        state.sessions = self.sessions
        state.done = not self.refusals.may_pass
        if is_parent(self.first):
            adopt_children(self)
        else:
            update_parent(self)
