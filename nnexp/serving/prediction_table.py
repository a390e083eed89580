"""Predictions for the examples of files, and tables of them: CSV, Parquet or NPZ. N examples, O outputs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any
from zipfile import ZipFile

import numpy as np

from nnexp.atomic_write import write_atomically
from nnexp.nn.parameters import Array
from nnexp.serving.errors import PredictorError
from nnexp.serving.input_files import Examples, read_examples
from nnexp.serving.trained_model import TrainedModel
from nnexp.task import Columns

SUFFIXES = (".csv", ".parquet", ".npz")


@dataclass(frozen=True)
class FilePredictions:
    """The outputs z (N, O) of a network for the examples of a file."""

    predictor: TrainedModel
    examples: Examples
    z: Array

    @cached_property
    def columns(self) -> Columns:
        """The predictions with names instead of numbers."""
        return self.predictor.prediction_columns(self.z)

    @cached_property
    def score(self) -> tuple[float, int] | None:
        """The task's main metric, and on how many examples: those whose true values are known."""
        true, task = self.examples.true, self.predictor.task
        if true is None or not (known := task.known(true)).any():
            return None
        return task.score_of(self.z[known], true[known]), int(known.sum())

    def to_json(self) -> dict[str, Any]:
        """Build a JSON object: the file, its score, and each prediction."""
        ids = {} if self.examples.ids is None else {"id": self.examples.ids}
        columns = {name: column.tolist() for name, column in (ids | self.columns).items()}
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        score = {self.predictor.task.score: self.score[0]} if self.score else {}
        file = {"file": str(self.examples.path), "notes": list(self.examples.notes)}
        return file | score | {"predictions": rows}


def predict_files(
    predictor: TrainedModel, paths: Sequence[Path], as_is: bool = False
) -> list[FilePredictions]:
    """Predict the examples of each file; all are read first.

    Raises:
        PredictorError: a file does not fit the network.
    """
    predictions = []
    for examples in [read_examples(path, predictor, as_is) for path in paths]:
        try:
            z = predictor.outputs(examples.x)
        except PredictorError as error:
            raise PredictorError(f"{examples.path}: {error}") from error
        predictions.append(FilePredictions(predictor, examples, z))
    return predictions


def write_table(predictions: Sequence[FilePredictions], path: Path) -> None:
    """Write all predictions, of one network, as one table."""
    table = _table(predictions)
    if path.suffix.lower() == ".npz":
        write_atomically(path, lambda file: _write_npz(file, table))
        return
    import pyarrow as pa
    from pyarrow import csv, parquet

    write = csv.write_csv if path.suffix.lower() == ".csv" else parquet.write_table
    write_atomically(path, lambda file: write(pa.table(table), file))


def _table(predictions: Sequence[FilePredictions]) -> Columns:
    """Build the columns: file, row, ids, predictions, and true values if all files have them."""
    paths = np.array([str(one.examples.path) for one in predictions], object)
    lengths = [len(one.z) for one in predictions]
    table = {"file": paths.repeat(lengths), "row": np.concatenate([np.arange(1, n + 1) for n in lengths])}
    if any(one.examples.ids is not None for one in predictions):
        ids = [
            np.full(len(one.z), None) if one.examples.ids is None else one.examples.ids for one in predictions
        ]
        table["id"] = np.concatenate(ids)
    first = predictions[0]
    given = set(table)
    for name in first.columns:  # a target may have the name of a column that is there already
        column = np.concatenate([one.columns[name] for one in predictions])
        table[f"predicted_{name}" if name in given else name] = column
    true = [one.examples.true for one in predictions if one.examples.true is not None]
    if len(true) < len(predictions):
        return table
    return table | first.predictor.task.true_columns(np.concatenate(true), first.predictor.spec.names)


def _write_npz(file: IO[bytes], table: Columns) -> None:
    """Write columns as arrays; np.savez takes none called file."""
    with ZipFile(file, "w") as archive:
        for name, column in table.items():
            text = column.dtype == object
            cells = np.array(["" if cell is None else cell for cell in column]) if text else column
            with archive.open(f"{name}.npy", "w") as entry:
                np.lib.format.write_array(entry, cells, allow_pickle=False)
