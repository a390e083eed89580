"""One run on its way to the store: what is sent, in which order, and how what was sent before is not sent twice.

A store is told things that it may be told again: a metric with the same time and step is the same metric, a file takes the
place of its like. So whatever fails is simply sent anew, and `Ledger` keeps the rest from being repeated.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnexp.redaction import redacted
from nnexp.tracking import journal
from nnexp.tracking.mlflow.dataset_inputs import datasets
from nnexp.tracking.mlflow.model import find_version, log_model, register
from nnexp.tracking.mlflow.run_notes import experiment_note, run_note, short_result
from nnexp.tracking.mlflow.store import destination, log_metrics, log_params, open_store
from nnexp.tracking.upload.state import UploadState

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

NOTE, TABLES, JOURNAL = "mlflow.note.content", "mlflow.loggedArtifacts", "nnexp.journal_id"
MISTAKES = "predictions/mistakes.json"
SLIDER = "confusion_val"
"""The images that the UI shows with a slider over the epochs."""


class MlflowRunWriter:
    """Sends the entries of a run's journal to its store.

    Args:
        folder: the run's; its journal has begun.
        uri: another store than the journal's.
        progress: called whenever the store has taken something.
    """

    def __init__(
        self, folder: Path, uri: str | None = None, progress: Callable[[], None] = lambda: None
    ) -> None:
        self.folder, self.progress = folder, progress
        entries, _ = journal.read(folder)
        self.head = entries[0]
        self.uri = uri or destination(self.head["destination"])
        self.ledger = UploadState.of(folder)
        if self.ledger.store != redacted(self.uri):
            self.ledger = UploadState(store=redacted(self.uri))
        self.again = bool(self.ledger.run_id)  # the store may have more than we know
        self.introduced = self.ledger.offset > 0
        self.client: MlflowClient | None = None
        self.tables: list[dict[str, str]] = []
        self.once: journal.Entry = {"values": {}, "time": 0}
        self.classes: Sequence[str] = ()

    def send(self, entries: Sequence[journal.Entry], offset: int | None = None) -> None:
        """Send entries, in their order; afterwards the store has the journal up to `offset`.

        Raises:
            StoreError: the store will not take it.
            Exception: whatever a server, a disk or a network can do.
        """
        try:
            client = self.open()
            self.send_metrics(client, entries)
            for entry in entries:
                match entry["kind"]:
                    case "artifact":
                        self.send_file(client, entry["path"])
                    case "confusion":
                        self.send_confusion(client, entry)
                    case "model":
                        self.send_model(client)
                    case "end":
                        self.send_end(client, entry)
        except Exception:
            self.again = True
            raise
        if offset is not None:
            self.ledger.offset = offset
            self.ledger.save(self.folder)

    def open(self) -> "MlflowClient":
        """Open the store; make the run there, if it is not there yet."""
        ledger = self.ledger
        if self.client is None:
            place = self.head["destination"]
            home = Path(place["folder"])
            here = home if home.is_dir() else None
            self.client, ledger.experiment_id = open_store(
                self.uri, place["experiment"], experiment_note(), here
            )
        if not ledger.run_id and (known := self.known(self.client)):
            ledger.run_id, self.again = known, True
        if not ledger.run_id:
            tags = self.head["tags"] | {JOURNAL: self.head["id"]}
            run = self.client.create_run(
                ledger.experiment_id, self.head["time"], tags=tags, run_name=self.head["name"]
            )
            ledger.run_id = run.info.run_id
        if not self.introduced:
            self.write_run_metadata(self.client)
            self.introduced = True
            ledger.save(self.folder)
        self.progress()
        return self.client

    def known(self, client: "MlflowClient") -> str:
        """The run that the store has already: nobody heard its answer, or it was told under another address."""
        found = client.search_runs(
            [self.ledger.experiment_id], f"tags.`{JOURNAL}` = '{self.head['id']}'", max_results=1
        )
        return str(found[0].info.run_id) if found else ""

    def write_run_metadata(self, client: "MlflowClient") -> None:
        """What a run is told at its beginning."""
        log_params(client, self.ledger.run_id, self.head["params"])
        client.set_tag(self.ledger.run_id, NOTE, run_note(self.folder, self.head))
        if inputs := datasets(self.folder, self.head["params"]):
            client.log_inputs(self.ledger.run_id, inputs)

    def send_metrics(self, client: "MlflowClient", entries: Sequence[journal.Entry]) -> None:
        from mlflow.entities import Metric

        told = [e for e in entries if e["kind"] == "metrics"]
        log_metrics(
            client,
            self.ledger.run_id,
            [Metric(name, v, e["time"], e["step"]) for e in told for name, v in e["values"].items()],
        )
        self.remember(told)
        self.progress()

    def remember(self, entries: Sequence[journal.Entry]) -> None:
        """Know what was sent before: the metrics that are told once go into the note and to the model."""
        for entry in entries:
            if entry["kind"] == "metrics" and "best/epoch" in entry["values"]:
                self.once = entry

    def send_file(self, client: "MlflowClient", path: str) -> None:
        """A file of the run's folder; the table of mistakes is named, so that the UI and `mlflow.load_table` find it."""
        folder = str(Path(path).parent.as_posix())
        client.log_artifact(self.ledger.run_id, str(self.folder / path), None if folder == "." else folder)
        if path == MISTAKES:  # not the Parquet tables: the UI takes whatever is named here for JSON
            self.tables.append({"path": path, "type": "table"})
            client.set_tag(self.ledger.run_id, TABLES, json.dumps(self.tables))
        self.progress()

    def send_confusion(self, client: "MlflowClient", entry: journal.Entry) -> None:
        from nnexp.plots.run.confusion import epoch_confusion

        if not self.classes:
            self.classes = json.loads((self.folder / "dataset.json").read_text())["classes"]
        begin = f"images/{SLIDER}+step+{entry['step']}+timestamp+{entry['time']}+"
        if (
            self.again
            and sum(
                file.path.startswith(begin) for file in client.list_artifacts(self.ledger.run_id, "images")
            )
            > 1
        ):
            return
        unit = "epoch" if self.head["params"].get("trainer.evaluate_every", "null") == "null" else "step"
        image: Any = epoch_confusion(entry["matrix"], self.classes, entry["step"], unit)
        client.log_image(self.ledger.run_id, image, key=SLIDER, step=entry["step"], timestamp=entry["time"])
        self.progress()

    def send_model(self, client: "MlflowClient") -> None:
        """The network with its best weights, if the run got so far."""
        if self.learnt and not self.ledger.model_id:
            self.ledger.model_id = log_model(client, self.ledger, self.folder, self.head, self.once)
            self.ledger.save(self.folder)
            self.progress()

    @property
    def learnt(self) -> bool:
        """Whether there is a network to make a model of."""
        return (self.folder / "network.json").exists() and (self.folder / "weights" / "best.npz").exists()

    def send_end(self, client: "MlflowClient", entry: journal.Entry) -> None:
        """What came out, and how it ended."""
        ledger = self.ledger
        self.send_model(client)
        client.set_tag(
            ledger.run_id,
            NOTE,
            run_note(self.folder, self.head, entry["status"], self.once["values"], ledger),
        )
        client.set_terminated(ledger.run_id, entry["status"], entry["time"])
        described = f"{short_result(self.once['values'])}; {self.head['name']}"
        if self.learnt and (name := self.head["destination"].get("register")) and not ledger.version:
            ledger.version = find_version(client, name, ledger) or register(client, name, ledger, described)
        ledger.done = True
