"""The files of a run's folder: their names and typed readers.

outputs/runs/<date>/<time>-<id>/
  journal.jsonl  config.yaml  environment.json  git.diff  dataset.json  network.json  nnexp.log  error.txt
  checkpoints/<step>.npz  weights/best.npz  weights/final.npz  weights/first_layer.png
  predictions/<split>.npz  .parquet  .png  confusion/<split>.json  .png  layers.npz  misclassified.npz  ...

Readers return an empty value where a file is missing or only half written: a run may still be going on.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from nnexp.array_file import ArrayFileError, read_arrays
from nnexp.regular_file import open_regular
from nnexp.valid_records import valid_dataset, valid_entry, valid_environment

JOURNAL = "journal.jsonl"
JOURNAL_LOCK = ".journal.lock"
CONFIG = "config.yaml"
ENVIRONMENT = "environment.json"
GIT_DIFF = "git.diff"
DATASET = "dataset.json"
NETWORK = "network.json"
LOG = "nnexp.log"
ERROR = "error.txt"
SESSIONS = "sessions.json"  # of a run that was resumed: when, at which step, with which changes
CHECKPOINTS = "checkpoints"
LAYERS = "layers.npz"
MISCLASSIFIED = "misclassified.npz"
BASELINE = "baseline.json"
ENSEMBLE = "ensemble.json"  # of a run that averages others: its members with their scores
UPLOAD_STATE = "mlflow.json"
UPLOAD_LOCK = ".upload.lock"
SYSTEM_METRICS = "system.jsonl"
TAGS = "tags.json"  # that a user has set since the run began
MULTIRUN = "multirun.yaml"  # in the folder of a sweep: its configuration, with the section hydra
SWEEP = "sweep.json"  # in the folder of a sweep, which holds its jobs and the journal of its parent run
SWEEP_ID_TAG = "nnexp.sweep_id"  # of the jobs of a sweep: its id, <date>/<time>-<id>
JOB_TAG = "nnexp.job"  # the number of a job in its sweep
CONFIG_HASH_TAG = "nnexp.config_hash"
KIND_TAG = "nnexp.kind"  # of what trains nothing itself: the parent run of a sweep, or an ensemble of runs
SWEEP_KIND, ENSEMBLE_KIND = "sweep", "ensemble"
PARENT_SWEEP_TAG = "nnexp.sweep"  # of a parent run: the id of its sweep
SWEPT = "sweep."  # of a parent run: beginning of the params that hold all values of a key that is swept over
METRICS_TAG = "nnexp.metrics"  # the directions of metrics of one's own, as JSON
PRUNED = "pruned"  # key of an `end` of the journal: where a search has ended the run, as "epoch 3"
PRUNED_TAG = "nnexp.pruned"  # the same as a tag
CODE_TAG = "nnexp.code_sha256"  # of the sources that learn
RESUMED_TAG = "nnexp.resumed"  # how often
CHANGED_TAG = "nnexp.changed."  # and a param: its value since the run was resumed; params cannot change
OF_LAYERS = ("activation_mean/", "activation_std/", "dead_units/", "grad_norm/", "weight_norm/")
"""Metrics that are logged before the first update too, at step 0."""
RESULTS = ("best/", "test/", "time/total", "parameters")  # metrics of the end of a run, not of an evaluation
MISCLASSIFIED_TABLE = "predictions/misclassified.json"

RESUME = b'"resume"'
VALID = {DATASET: valid_dataset, ENVIRONMENT: valid_environment}  # what is read of these files

MAX_LINE = 1 << 24  # bytes of an entry of a journal; those of 50,000 names of columns take a tenth
MAX_JSON = 1 << 26  # bytes of a JSON file; parsed, they may take 20 times the memory

Split = Literal["val", "test"]
Which = Literal["best", "final"]
Entry = dict[str, Any]
Arrays = dict[str, NDArray[Any]]
History = list[tuple[int, dict[str, float]]]
SPLITS: tuple[tuple[Split, str], ...] = (("val", "validation"), ("test", "test"))
"""The splits that are evaluated: the name in paths and metrics, and the word."""


def weights_path(which: Which) -> str:
    """Return the path of saved weights within the folder."""
    return f"weights/{which}.npz"


def predictions_path(split: str) -> str:
    """Return the path of a split's predictions within the folder."""
    return f"predictions/{split}.npz"


@dataclass(frozen=True)
class RunFolder:
    """A run's folder on this machine."""

    path: Path

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def weights(self, which: Which = "best") -> Path:
        """Return the file of the weights that validation chose, or of the last ones."""
        return self.path / weights_path(which)

    @property
    def environment(self) -> dict[str, Any]:
        """Command, code, packages, machine, random streams."""
        return self.json(ENVIRONMENT)

    @property
    def dataset(self) -> dict[str, Any]:
        """Sizes, classes, digests and splits of the data."""
        return self.json(DATASET)

    @property
    def tags(self) -> dict[str, str]:
        """Tags that a user has set since the run began; those of its start are in the journal."""
        return {key: value for key, value in self.json(TAGS).items() if isinstance(value, str)}

    def report(self, report_folder: str, split: str) -> dict[str, Any]:
        """Read the evaluation report of a split."""
        return self.json(f"{report_folder}/{split}.json")

    def predictions(self, split: str) -> Arrays:
        """Read the predictions of a split: index (N,), true or y, predicted, maybe confidence, id."""
        return self.arrays(predictions_path(split))

    def json(self, name: str) -> dict[str, Any]:
        """Read a JSON object."""
        with suppress(OSError, ValueError, RecursionError), open_regular(self.path / name) as file:
            values = json.loads(file.read(MAX_JSON).decode())
            if isinstance(values, dict):
                return VALID.get(Path(name).name, dict)(values)
        return {}

    def arrays(self, name: str) -> Arrays:
        """Read the arrays of an .npz file."""
        with suppress(OSError, ArrayFileError):
            return read_arrays(self.path / name)
        return {}

    def entries(self) -> list[Entry]:
        """Read all complete entries of the journal.

        Raises:
            OSError, ValueError: it cannot be read.
        """
        return self.entries_after(0)[0]

    def entries_after(self, offset: int, end: int | None = None) -> tuple[list[Entry], int]:
        """Read the entries after `offset` bytes, up to another offset; return also that after the last one.

        A last line that is not complete is left out.
        """
        with open_regular(self.path / JOURNAL) as file:
            file.seek(offset)
            complete, _, _ = file.read(-1 if end is None else end - offset).rpartition(b"\n")
        if not complete:
            return [], offset
        return list(parse_entries(complete)), offset + len(complete) + 1

    def damaged_lines(self) -> int:
        """Count the complete lines of the journal that are no entries."""
        with open_regular(self.path / JOURNAL) as file:
            complete, _, _ = file.read().rpartition(b"\n")
        return complete.count(b"\n") + bool(complete) - sum(1 for _ in parse_entries(complete))

    def problem_of(self, name: str) -> str:
        """Return why a file cannot be sent from the folder: missing, no file, outside of it; or nothing."""
        path = self.path / name
        try:
            if not path.resolve().is_relative_to(self.path.resolve()):
                return "it is outside of the run's folder"
            open_regular(path).close()
        except (OSError, ValueError, RuntimeError) as error:
            return getattr(error, "strerror", None) or str(error)
        return ""

    def sessions(self) -> list[int]:
        """Return the offsets in the journal where training began: 0, and those of its `resume` entries."""
        offsets = [0]
        offset = 0
        with (self.path / JOURNAL).open("rb") as file:
            for line in file:
                if RESUME in line and any(entry["kind"] == "resume" for entry in parse_entries(line)):
                    offsets.append(offset)
                offset += len(line)
        return offsets


def parse_entries(lines: bytes) -> Iterator[Entry]:
    """Yield the entries of a journal's lines, without those that are damaged."""
    for line in lines.split(b"\n"):
        with suppress(ValueError, RecursionError):
            if len(line) <= MAX_LINE and valid_entry(entry := json.loads(line)):
                yield entry


def history(entries: Iterable[Entry]) -> Iterator[tuple[int, dict[str, float]]]:
    """Yield the metrics entries of a journal as (step, values)."""
    return ((entry["step"], entry["values"]) for entry in entries if entry["kind"] == "metrics")


def head_of(entries: Sequence[Entry]) -> Entry:
    """Return the first entry of a journal, with what its `resume` entries have changed since."""
    head = entries[0]
    for entry in entries:
        if entry["kind"] == "resume":
            changed = {key: head[key] | entry[key] for key in ("params", "tags")}
            head = head | changed | {key: entry.get(key) for key in ("name", "writer", "destination")}
    return head


def end_of(entries: Sequence[Entry]) -> Entry | None:
    """Return the entry that ended a run; None: it is going on, or its process died."""
    last = next((entry for entry in reversed(entries) if entry["kind"] in ("resume", "end")), None)
    return last if last is not None and last["kind"] == "end" else None


def pruned_in(entries: Sequence[Entry]) -> str:
    """Return where a search has pruned a run: "epoch 3"; empty where it has not."""
    return str((end_of(entries) or {}).get(PRUNED, ""))


def is_parent(head: Mapping[str, Any]) -> bool:
    """Return whether the first entry of a journal is that of a sweep's parent run."""
    return bool(head["tags"].get(KIND_TAG) == SWEEP_KIND)


def is_ensemble(head: Mapping[str, Any]) -> bool:
    """Return whether the first entry of a journal is that of an ensemble of runs."""
    return bool(head.get("tags", {}).get(KIND_TAG) == ENSEMBLE_KIND)


def has_plots(head: Mapping[str, Any]) -> bool:
    """Return whether plots and images are drawn of a run; of a sweep's parent run, its report has them."""
    return head["params"].get("tracking.plots") != "false" and not is_parent(head)


def sweep_folder(folder: Path, tags: Mapping[str, str]) -> Path | None:
    """Return the folder of the sweep that a run is a job of, the one above its own; None: there is none."""
    with suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
        with (folder.parent / JOURNAL).open("rb") as file:
            head = json.loads(file.readline(MAX_LINE))
        if is_parent(head) and head["tags"][PARENT_SWEEP_TAG] == tags[SWEEP_ID_TAG]:
            return folder.parent
    return None


def unit_of(entries: list[Entry]) -> str:
    """Return what the journal's steps count: "epoch" or "step"; its first line holds it."""
    return str(entries[0].get("unit", "epoch")) if entries else "epoch"
