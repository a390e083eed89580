"""Writes one run's journal to its MLflow store, so that nothing is stored twice.

Most calls may be repeated: a metric with the same time and step is the same metric, a file replaces the one
of its name. So what fails is sent again; `UploadState` and searches of the store avoid repeating other calls.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nnexp.run_folder import (
    MISCLASSIFIED_TABLE,
    PRUNED_TAG,
    RESULTS,
    Entry,
    end_of,
    has_plots,
    is_parent,
    pruned_in,
)
from nnexp.tracking.mlflow.attempts import delete_others
from nnexp.tracking.mlflow.images import DrawConfusion, send_confusion
from nnexp.tracking.mlflow.logged_model import (
    SCORES,
    MetricAt,
    create_model,
    has_new_model,
    link_model,
    register_model,
    send_model,
    split_scores,
)
from nnexp.tracking.mlflow.nesting import adopt_children, parent_id, update_parent
from nnexp.tracking.mlflow.refusals import check_artifact_folder
from nnexp.tracking.mlflow.run_notes import run_note, short_result
from nnexp.tracking.mlflow.store import NOTE, log_values, metrics_of
from nnexp.tracking.mlflow.stored_run import StoredRun

if TYPE_CHECKING:
    from mlflow.entities import Metric

OF_SWEEP = "sweep/"  # metrics of a parent run
TABLES = "mlflow.loggedArtifacts"  # tag without which the UI shows none
ENTRIES_PER_CALL = 200


class MlflowRunWriter(StoredRun):
    """Sends the entries of a run's journal to its store."""

    def __init__(
        self,
        folder: Path,
        draw_confusion: DrawConfusion,
        uri: str | None = None,
        heartbeat: Callable[[], None] = lambda: None,
        is_new: bool = False,
    ) -> None:
        super().__init__(folder, uri, heartbeat, is_new)
        self.draw_confusion = draw_confusion
        self.results: dict[str, MetricAt] = {}  # the metrics that are logged once
        self.scores: list[Metric] = []  # of them, those that are logged with the model
        self.tags: dict[str, str] = {}  # that are set with the next metrics
        self.sent: set[str] = set()  # files of the entries that are being sent
        self.made_model = self.unfinished = ""  # ids of models without files, and with no more than these

    def send(self, entries: Sequence[Entry], offset: int | None = None) -> None:
        """Send entries, in their order; afterwards the store has the journal up to `offset`."""
        try:
            self.start_run(entries)
            for entry in entries:
                match entry["kind"]:
                    case "artifact":
                        self.send_file(entry["path"])
                    case "confusion" if has_plots(self.head):
                        send_confusion(self, entry)
                    case "model" | "end":
                        send_model(self)
                    case "resume":
                        self.resume_run(entry)
            self.finish(end_of(entries))
        except Exception:
            self.prepare_retry()
            raise
        if offset is not None:
            self.state.offset = offset
            self.save_state()
        self.sent.clear()

    def send_in_chunks(self, entries: Sequence[Entry], offset: int | None = None) -> None:
        """Send any number of entries; with the last, the store has the journal up to `offset`."""
        for start in range(0, len(entries), ENTRIES_PER_CALL):
            end = start + ENTRIES_PER_CALL
            self.send(entries[start:end], offset if end >= len(entries) else None)

    def send_earlier(self, end: int) -> None:
        """Send what the store lacks of the sessions before the one that begins at `end` in the journal."""
        if self.state.offset < end:
            entries, _ = self.run_folder.entries_after(self.state.offset, end)
            self.send_in_chunks([entry for entry in entries if entry["kind"] != "end"])
            self.send([], end)

    def start_run(self, entries: Sequence[Entry]) -> None:
        """Create the run and its metadata in the store, where they are missing; log metrics.

        Scores are logged with the model where it is among the entries: its own are the same.
        """
        client, state = self.client, self.state
        if not state.run_id and not self.is_new and (run := self.find_run()) is not None:
            state.run_id = str(run.info.run_id)
            self.may_repeat = True
        if not state.run_id:
            state.parent_id = parent_id(self)
            delete_others(self)
        metrics = metrics_of(entries)
        self.remember_results(entries)
        kinds = {entry["kind"] for entry in entries}
        if has_model := bool(kinds & {"model", "end"}):
            self.scores = [metric for metric in metrics if metric.key.startswith(SCORES)]
            metrics = [metric for metric in metrics if not metric.key.startswith(SCORES)]
        if self.has_metadata and not (metrics or has_model):
            return
        with self.transaction():
            if not state.run_id:
                self.create_run(has_images="confusion" in kinds and has_plots(self.head))
            params = {} if self.has_metadata else self.first["params"]
            log_values(client, state.run_id, metrics=metrics, params=params)
            if not self.has_metadata:
                self.log_inputs()
            if has_model and self.is_batched and has_new_model(self):
                self.made_model = create_model(self)
        if not self.has_metadata:
            self.has_metadata = True
            self.save_state()
        self.heartbeat()

    def finish(self, end: Entry | None) -> None:
        """Log what the entries have left: the model's scores, tags and, at the end of the run, its status."""
        state = self.state
        results = {name: metric.value for name, metric in self.results.items()}
        if end is not None:
            pruned = pruned_in([end])
            self.tags[NOTE] = run_note(self.run_folder, self.head, end["status"], results, state, pruned)
            self.tags |= {PRUNED_TAG: pruned} if pruned else {}
        if self.unfinished or self.scores or self.tags:
            with self.transaction():
                if self.unfinished and self.is_batched:
                    link_model(self)
                scores, known = split_scores(self)
                log_values(self.client, state.run_id, metrics=scores, tags=self.tags)
                if end is not None:
                    self.client.set_terminated(state.run_id, end["status"], end["time"])
            log_values(self.client, state.run_id, metrics=known)
            self.scores, self.tags = [], {}
            if self.unfinished:
                self.unfinished = ""
                self.save_state()
        if end is not None:
            self.end_run(results)

    def prepare_retry(self) -> None:
        """Forget what may not have been stored, and what is sent again with its entries."""
        self.forget_experiment()
        self.may_repeat = True
        self.is_new = False
        self.scores = []
        if self.made_model or self.unfinished:
            self.made_model = self.unfinished = ""
            self.state.model_is_current = False
        if not self.has_metadata:
            self.state.run_id = ""  # it is searched for

    def send_new(self) -> None:
        """Send the entries of the journal that the store does not have yet."""
        entries, offset = self.run_folder.entries_after(self.state.offset)
        if entries:
            self.remember_results(self.run_folder.entries())
            self.send(entries, offset)

    def of_folder(self, folder: Path) -> "MlflowRunWriter":
        """Return the writer of another run to the same store."""
        return MlflowRunWriter(folder, self.draw_confusion, self.uri, self.heartbeat)

    def remember_results(self, entries: Sequence[Entry]) -> None:
        """Keep the metrics that are logged once, for the note and the model."""
        for entry in (entry for entry in entries if entry["kind"] == "metrics"):
            for name, value in entry["values"].items():
                if name.startswith((*RESULTS, OF_SWEEP)):
                    self.results[name] = MetricAt(value, entry["time"], entry["step"])

    def resume_run(self, entry: Entry) -> None:
        """Set the status RUNNING again; tags hold the params that have changed, which themselves cannot."""
        state = self.state
        self.client.update_run(state.run_id, "RUNNING", self.head["name"])
        if PRUNED_TAG in self.client.get_run(state.run_id).data.tags:
            self.client.delete_tag(state.run_id, PRUNED_TAG)
        self.tags.pop(PRUNED_TAG, None)
        self.tags |= entry["tags"] | {NOTE: run_note(self.run_folder, self.head)}
        state.done = state.model_is_current = False
        state.version = ""

    def send_file(self, path: str) -> None:
        """Log a file of the run's folder; the JSON table is tagged, so that the UI shows it."""
        if problem := self.run_folder.problem_of(path):
            self.refusals.damaged[path] = problem
            return
        if path in self.sent:
            return
        folder, _, _ = path.rpartition("/")
        with self.refusals.skipped(path):
            check_artifact_folder(self.uri, self.artifact_uri)
            self.client.log_artifact(self.state.run_id, str(self.run_folder / path), folder or None)
            if path == MISCLASSIFIED_TABLE:
                self.tags[TABLES] = json.dumps([{"path": path, "type": "table"}])
            self.sent.add(path)
            self.heartbeat()

    def end_run(self, results: dict[str, float]) -> None:
        """Register the model; keep in the state what the store has not taken; see to the parent run."""
        state = self.state
        name = self.settings.get("register")
        if state.model_uri and name and not state.version:
            text = f"{short_result(results)}; {self.head['name']}"
            with self.refusals.skipped(f"a version of the registered model {name}"):
                state.version = register_model(self.client, name, state, text)
        self.refusals.check_journal(self.run_folder)
        state.refused = self.refusals.describe(state.model_in_run)
        state.sessions = self.sessions
        state.done = not self.refusals.may_pass
        if is_parent(self.first):
            adopt_children(self)
        else:
            update_parent(self)
