"""Predictions of a run as tables with names instead of numbers: Parquet, and JSON of MLflow's tables.

N examples, T targets, L labels.
"""

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nnexp.atomic_write import write_atomically
from nnexp.metrics.predictions import Predictions
from nnexp.run_folder import MISCLASSIFIED_TABLE, SPLITS, Arrays, RunFolder
from nnexp.tasks import task_of

if TYPE_CHECKING:
    import pyarrow

MAX_MISCLASSIFIED = 200
SCORES = ("confidence", "log_odds")
NEARLY_1 = 0.999999  # confidences above it are not rounded to 1


def write_tables(folder: Path, failures: list[str] | None = None) -> list[str]:
    """Write the tables that a run's folder has predictions for; returns their paths, adds error messages."""
    run = RunFolder(folder)
    writers: dict[str, Callable[[], None]] = {}
    names = task_of(run.dataset["task"]).names(run.dataset) if run.dataset else ()
    for split, _ in SPLITS if run.dataset else ():
        arrays = run.predictions(split)
        if "index" in arrays:
            path = f"predictions/{split}.parquet"
            writers[path] = partial(write_parquet, run / path, arrays, names)
        if split == "test" and "true" in arrays:
            path = MISCLASSIFIED_TABLE
            writers[path] = partial(write_misclassified, run / path, arrays, names)
    paths = []
    for path, write in writers.items():
        try:
            write()
            paths.append(path)
        except Exception as error:  # noqa: BLE001, one table must not cost the others
            if failures is not None:
                failures.append(f"{path}: {type(error).__name__}: {error}")
    return paths


def table(arrays: Arrays, names: Sequence[str]) -> "pyarrow.Table":
    """Build a table with a row per example: index (its row in the file), true value, prediction, scores.

    Args:
        arrays: index, true, predicted, confidence, log_odds (N,); or index, y, predicted (N, T), of labels
            also confidence and log_odds (N, L), which become true_<name>, predicted_<name>, ...; and id (N,).
        names: of the classes, targets or labels.
    """
    import pyarrow as pa

    columns = {"index": to_arrow(arrays["index"])}
    if "id" in arrays:
        columns["id"] = strings_to_arrow(arrays["id"].tolist(), empty_is_null=True)
    if "true" in arrays:
        classes = strings_to_arrow(names)
        columns |= {key: classes.take(to_arrow(arrays[key])) for key in ("true", "predicted")}
        return pa.table(columns | {key: to_arrow(arrays[key]) for key in SCORES if key in arrays})
    keys = {"true": "y", "predicted": "predicted", **dict(zip(SCORES, SCORES, strict=True))}
    for i, name in enumerate(names):
        values = {prefix: arrays[key][:, i] for prefix, key in keys.items() if key in arrays}
        columns |= {f"{prefix}_{name}": to_arrow(column) for prefix, column in values.items()}
    return pa.table(columns)


def to_arrow(values: NDArray[Any]) -> "pyarrow.Array":
    """Convert an array (N,); pyarrow's own `array` would import pandas, which takes longer than two plots."""
    import pyarrow as pa

    values = np.ascontiguousarray(values)
    bits = np.packbits(values, bitorder="little") if values.dtype == bool else values
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, pa.py_buffer(bits)])


def strings_to_arrow(texts: Sequence[str], empty_is_null: bool = False) -> "pyarrow.Array":
    """Convert texts, also without pandas."""
    import pyarrow as pa

    encoded = [text.encode() for text in texts]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    valid = pa.py_buffer(np.packbits(np.diff(ends) > 0, bitorder="little")) if empty_is_null else None
    buffers = pa.py_buffer(ends), pa.py_buffer(b"".join(encoded)), valid
    return pa.StringArray.from_buffers(len(encoded), *buffers)


def write_parquet(path: Path, arrays: Arrays, names: Sequence[str]) -> None:
    """Write the table of predictions as a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet

    file = pa.BufferOutputStream()
    pa.parquet.write_table(table(arrays, names), file)
    write_atomically(path, file.getvalue().to_pybytes())


def write_misclassified(path: Path, arrays: Arrays, classes: Sequence[str]) -> None:
    """Write the misclassified examples, the most confident first, as JSON that MLflow's UI shows."""
    worst = Predictions.from_arrays(arrays).most_confident_mistakes(MAX_MISCLASSIFIED)
    names = np.asarray(classes)
    confidences = arrays["confidence"][worst].tolist()
    columns = {
        "index": arrays["index"][worst].tolist(),
        "true": names[arrays["true"][worst]].tolist(),
        "predicted": names[arrays["predicted"][worst]].tolist(),
        "confidence": [p if p > NEARLY_1 else round(p, 6) for p in confidences],
    }
    if "id" in arrays:
        columns = {
            "index": columns.pop("index"),
            "id": [key or None for key in arrays["id"][worst].tolist()],
        } | columns
    rows = list(zip(*columns.values(), strict=True))
    write_atomically(path, json.dumps({"columns": list(columns), "data": rows}))
