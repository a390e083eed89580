"""What a network says of each example, as a table with names instead of numbers.

N examples, T targets, L labels.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nnexp.run_folder import SPLITS, RunFolder

MISTAKES = "predictions/mistakes.json"
MOST_MISTAKES = 200

if TYPE_CHECKING:
    import pyarrow

Arrays = Mapping[str, NDArray[Any]]


def write_tables(folder: Path, failures: list[str] | None = None) -> list[str]:
    """Write the tables of the predictions in a run's folder; returns their paths in the folder.

    Args:
        folder: the run's.
        failures: receives a message for each table that could not be written.
    """
    run, written = RunFolder(folder), []
    classes, targets = run.dataset.get("classes", ()), run.dataset.get("targets", ())
    for split, _ in SPLITS:
        predictions = run.predictions(split) if run.dataset else {}
        if not predictions:
            continue
        path = f"predictions/{split}.parquet"
        try:
            write(table(predictions, classes, targets), folder / path)
            written.append(path)
            if split == "test" and "true" in predictions:
                path = MISTAKES
                write_mistakes(folder / path, predictions, classes)
                written.append(path)
        except Exception as error:  # noqa: BLE001, one table must not cost the others
            if failures is not None:
                failures.append(f"{path}: {type(error).__name__}: {error}")
    return written


def table(found: Arrays, classes: Sequence[str], targets: Sequence[str]) -> "pyarrow.Table":
    """A row for each example: its row in the data, what is true, what is predicted, and how sure that is.

    The columns are index, true, predicted, confidence of a classification; index, and for each target true_<target> and
    predicted_<target> of a regression; of labels also confidence_<label>, the probability that the label is true.

    Args:
        found: index (N,); true, predicted, confidence (N,), or y, predicted (N, T), or y, predicted, confidence (N, L).
        classes: their names.
        targets: the names of targets or labels.
    """
    import pyarrow as pa

    if "true" in found:
        said = {key: strings(classes).take(column(found[key])) for key in ("true", "predicted")}
        return pa.table({"index": column(found["index"]), **said, "confidence": column(found["confidence"])})
    columns = {"index": column(found["index"])}
    kinds = {"true": "y", "predicted": "predicted"} | (
        {"confidence": "confidence"} if "confidence" in found else {}
    )
    for i, target in enumerate(targets):
        columns |= {f"{kind}_{target}": column(found[key][:, i]) for kind, key in kinds.items()}
    return pa.table(columns)


def column(values: NDArray[Any]) -> "pyarrow.Array":
    """An array (N,) as pyarrow's; its own `array` would import pandas for it, which takes longer than to draw two pictures."""
    import pyarrow as pa

    values = np.ascontiguousarray(values)
    bits = np.packbits(values, bitorder="little") if values.dtype == bool else values
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, pa.py_buffer(bits)])


def strings(texts: Sequence[str]) -> "pyarrow.Array":
    """Texts as pyarrow's, likewise."""
    import pyarrow as pa

    encoded = [text.encode() for text in texts]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    return pa.StringArray.from_buffers(len(encoded), pa.py_buffer(ends), pa.py_buffer(b"".join(encoded)))


def write(made: "pyarrow.Table", path: Path) -> None:
    """As Parquet, whole or not at all."""
    import pyarrow as pa
    import pyarrow.parquet

    sink = pa.BufferOutputStream()
    pa.parquet.write_table(made, sink)
    path.write_bytes(sink.getvalue())


def write_mistakes(path: Path, found: Arrays, classes: Sequence[str]) -> None:
    """The wrong predictions, the surest first, in the JSON of MLflow's tables, which its UI shows."""
    wrong = np.flatnonzero(found["true"] != found["predicted"])
    worst = wrong[np.argsort(-found["confidence"][wrong], kind="stable")][:MOST_MISTAKES]
    index, true, predicted, sure = (
        found[key][worst].tolist() for key in ("index", "true", "predicted", "confidence")
    )
    rows = [
        [i, classes[t], classes[p], round(c, 6)]
        for i, t, p, c in zip(index, true, predicted, sure, strict=True)
    ]
    path.write_text(json.dumps({"columns": ["index", "true", "predicted", "confidence"], "data": rows}))
