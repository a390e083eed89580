"""`nnexp predict`: what a run's network makes of pictures, tables and arrays."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np

from nnexp.cli.arguments import Arguments
from nnexp.runs.query import Run, Runs
from nnexp.serving.errors import PredictorError
from nnexp.serving.input_files import examples
from nnexp.serving.prediction_table import Columns, answers
from nnexp.serving.prediction_text import FilePredictions, in_words, score
from nnexp.serving.predictor import Predictor
from nnexp.tracking.mlflow.store import StoreError

ENDINGS = (".csv", ".parquet", ".npz")
DESCRIPTION = """Ask a run's network about pictures, tables or arrays.
Pictures become what the network knows: drawings are made bright on black, as large as those in training, and put in the middle.
Tables need the columns of the training table; where they hold the target too, the accuracy is told.
Arrays (.npy, or x in .npz) hold examples as the data set stores them."""


def main(arguments: list[str]) -> int:
    """Say what the network says; returns the exit code."""
    parser = Arguments("predict", DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_run()
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="a picture, a table (CSV, TSV, Parquet) or an array (NPZ, NPY)",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help=f"keep all predictions in a table: {', '.join(ENDINGS)}"
    )
    parser.add_json("as JSON")
    parser.add_argument("--as-is", action="store_true", help="only bring pictures to the network's size")
    parser.add_store()
    options = parser.parse_args(arguments)
    if options.out is not None and options.out.suffix.lower() not in ENDINGS:
        parser.error(f"--out {options.out}: the name of a table ends in {', '.join(ENDINGS)}")
    if options.out is not None and not options.out.parent.is_dir():
        parser.error(f"--out {options.out}: there is no folder {options.out.parent}")
    if options.out is not None and options.out.is_dir():
        parser.error(f"--out {options.out}: this is a folder")
    try:
        run = Runs(options.uri, options.experiment).find(options.run)
        predictor = Predictor.load(run.file("network.json"), run.file("weights/best.npz"))
        said = ask(predictor, options.files, options.as_is)
        print(
            in_json(run, predictor, said)
            if options.json
            else in_words(predictor, said, kept=options.out is not None),
            flush=True,
        )
        if options.out is not None:
            keep(predictor, said, options.out)
            if not options.json:
                print(f"\n{options.out.resolve()}: {sum(len(one.z) for one in said):,} predictions")
    except (StoreError, PredictorError, OSError) as error:
        print(f"nnexp: {error}", file=sys.stderr)
        return 2
    return 0


def ask(predictor: Predictor, files: list[Path], as_is: bool) -> list[FilePredictions]:
    """What the network says of each file.

    Raises:
        PredictorError: one of them is nothing that it takes.
    """
    said = []
    for found in [examples(path, predictor, as_is) for path in files]:
        try:
            z = predictor.outputs(found.x)
        except PredictorError as error:
            raise PredictorError(f"{found.path}: {error}") from error
        said.append(FilePredictions(found, z, answers(predictor, z)))
    return said


def in_json(run: Run, predictor: Predictor, said: list[FilePredictions]) -> str:
    """Everything, for programs."""
    told = []
    for one in said:
        found: dict[str, Any] = {"file": str(one.examples.path), "notes": list(one.examples.notes)}
        if (right := score(predictor, one)) is not None:
            found[right[0].lower()] = right[1]
        columns = {name: column.tolist() for name, column in one.columns.items()}
        found["predictions"] = [
            dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
        ]
        told.append(found)
    return json.dumps(
        {"run": run.id, "name": run.name, "task": predictor.task, "files": told}, indent=1, ensure_ascii=False
    )


def keep(predictor: Predictor, said: list[FilePredictions], out: Path) -> None:
    """Write all predictions as one table: file, row, what is said, the truth if each file tells it."""
    columns: Columns = {
        "file": np.repeat([str(one.examples.path) for one in said], [len(one.z) for one in said]).astype(
            object
        ),
        "row": np.concatenate([np.arange(1, len(one.z) + 1) for one in said]),
    }
    columns |= {name: np.concatenate([one.columns[name] for one in said]) for name in said[0].columns}
    truths = [one.examples.truth for one in said if one.examples.truth is not None]
    if len(truths) == len(said):
        true = np.concatenate(truths)
        if true.ndim == 1:
            columns["true"] = np.array([*predictor.classes, None], object)[true]
        else:
            columns |= {
                f"true_{name}": column.astype(np.float64)
                for name, column in zip(predictor.targets, true.T, strict=True)
            }
    if out.suffix.lower() == ".npz":
        with ZipFile(out, "w") as file:  # np.savez takes no array called file
            for name, column in columns.items():
                cells = (
                    np.array(["" if cell is None else cell for cell in column])
                    if column.dtype == object
                    else column
                )
                with file.open(f"{name}.npy", "w") as entry:
                    np.lib.format.write_array(entry, cells, allow_pickle=False)
        return
    import pyarrow as pa
    from pyarrow import csv, parquet

    table = pa.table(columns)
    write = csv.write_csv if out.suffix.lower() == ".csv" else parquet.write_table
    write(table, str(out))
