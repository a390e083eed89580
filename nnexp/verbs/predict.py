"""`nnexp predict`: what a run's network makes of pictures, tables and arrays."""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.serving.answers import Columns, answers, shares_right
from nnexp.serving.errors import PredictorError
from nnexp.serving.files import Examples, examples
from nnexp.serving.predictor import Predictor
from nnexp.tracking.runs import Run, Runs
from nnexp.tracking.store import StoreError

ROWS = 20  # of a table that are shown
NEXT = 2  # classes that are told beside the first
TARGETS = 6  # of a regression that fit beside each other
ENDINGS = (".csv", ".parquet", ".npz")
DESCRIPTION = """Ask a run's network about pictures, tables or arrays.
Pictures become what the network knows: drawings are made bright on black, as large as those in training, and put in the middle.
Tables need the columns of the training table; where they hold the target too, the accuracy is told.
Arrays (.npy, or x in .npz) hold examples as the data set stores them."""


@dataclass(frozen=True)
class Said:
    """A file, and what the network says of its examples: outputs (N, O) and the columns that tell them."""

    examples: Examples
    z: NDArray[Any]
    columns: Columns


def main(arguments: list[str]) -> int:
    """Say what the network says; returns the exit code."""
    parser = argparse.ArgumentParser(prog="nnexp predict", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", metavar="RUN", help="an id or the beginning of one, a name, best, last, or a run's folder")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a picture, a table (CSV, TSV, Parquet) or an array (NPZ, NPY)")
    parser.add_argument("--out", type=Path, metavar="FILE", help=f"keep all predictions in a table: {', '.join(ENDINGS)}")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--as-is", action="store_true", help="only bring pictures to the network's size")
    parser.add_argument("--uri", help="another store (default: MLFLOW_TRACKING_URI, else mlruns/mlflow.db in the working directory)")
    options = parser.parse_args(arguments)
    if options.out is not None and options.out.suffix.lower() not in ENDINGS:
        parser.error(f"--out {options.out}: the name of a table ends in {', '.join(ENDINGS)}")
    try:
        run = Runs(options.uri).find(options.run)
        predictor = Predictor.load(run.file("network.json"), run.file("weights/best.npz"))
        said = ask(predictor, options.files, options.as_is)
        if options.out is not None:
            keep(predictor, said, options.out)
        print(in_json(run, predictor, said) if options.json else in_words(predictor, said, options.out))
    except (StoreError, PredictorError, OSError) as error:
        print(f"nnexp: {error}", file=sys.stderr)
        return 2
    return 0


def ask(predictor: Predictor, files: list[Path], as_is: bool) -> list[Said]:
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
        said.append(Said(found, z, answers(predictor, z)))
    return said


def in_words(predictor: Predictor, said: list[Said], out: Path | None = None) -> str:
    """A line for each picture, the first rows of each table, and how much of it is right."""
    width = max(len(str(one.examples.path)) for one in said)
    lines: list[str] = []
    for one in said:
        if one.examples.kind == "picture":
            notes = f"   ({', '.join(one.examples.notes)})" if one.examples.notes else ""
            lines.append(f"{one.examples.path!s:{width}}  {sentence(predictor, one, 0)}{notes}")
            continue
        n = len(one.z)
        lines += ["", f"{one.examples.path}: {n:,} row{'s' if n > 1 else ''}", *rows(predictor, one)]
        if n > ROWS:
            lines.append(f"... {n - ROWS:,} more rows" + ("" if out else "; --out FILE.csv keeps them all"))
        if (right := score(predictor, one)) is not None:
            name, value, known = right
            shown = f"{value:.2%}" if name == "accuracy" else f"{value:.4f}"
            lines.append(f"{name} {shown} of {known:,} rows whose truth the file tells")
    if out is not None:
        lines += ["", f"{out.resolve()}: {sum(len(one.z) for one in said):,} predictions"]
    return "\n".join(lines).strip("\n")


def sentence(predictor: Predictor, said: Said, n: int) -> str:
    """What is said of the n-th example, in a line."""
    columns = said.columns
    if predictor.task == "regression":
        return ", ".join(f"{name} {columns[name][n]:.6g}" for name in predictor.targets)
    if predictor.task == "multilabel":
        true = [f"{name} {columns[f'p_{name}'][n]:.1%}" for name in predictor.targets if columns[name][n]]
        return ", ".join(true) or "none of the labels"
    order = np.argsort(-said.z[n], kind="stable")[: 1 + NEXT]
    first, *others = (f"{predictor.classes[i]} {columns[f'p_{predictor.classes[i]}'][n]:.1%}" for i in order)
    return f"{first}   then {', '.join(others)}"


def rows(predictor: Predictor, said: Said) -> list[str]:
    """The first rows as a table, with the truth beside them if it is known."""
    truth, columns, n = said.examples.truth, said.columns, min(len(said.z), ROWS)
    if predictor.task == "classification":
        cells = {"prediction": list(columns["prediction"][:n]), "confidence": [f"{p:.1%}" for p in columns["confidence"][:n]]}
        told = {} if truth is None else {"truth": ["?" if i < 0 else predictor.classes[i] for i in truth[:n]]}
    elif predictor.task == "multilabel":
        cells = {"labels": [sentence(predictor, said, i) for i in range(n)]}
        names = np.array(predictor.targets, object)
        told = {} if truth is None else {"truth": [", ".join(names[row > 0.5]) or "none" for row in truth[:n]]}
    else:
        shown = predictor.targets[:TARGETS]
        cells = {name: [f"{value:.6g}" for value in columns[name][:n]] for name in shown}
        told = {} if truth is None else {f"true {name}": [f"{value:.6g}" for value in truth[:n, i]] for i, name in enumerate(shown)}
    return aligned({"row": [f"{i + 1:,}" for i in range(n)]} | cells | told)


def aligned(cells: dict[str, list[str]]) -> list[str]:
    """Columns of text, one under the other."""
    widths = [max(map(len, [name, *column])) for name, column in cells.items()]
    lines = [list(cells), *map(list, zip(*cells.values(), strict=True))]
    return ["  ".join(f"{cell:>{width}}" for cell, width in zip(line, widths, strict=True)) for line in lines]


def score(predictor: Predictor, said: Said) -> tuple[str, float, int] | None:
    """The score's name, its value and on how many rows, if the file tells the truth of any."""
    if said.examples.truth is None:
        return None
    value, known = shares_right(predictor, said.z, said.examples.truth)
    return ("R2" if predictor.task == "regression" else "accuracy", value, known) if known else None


def in_json(run: Run, predictor: Predictor, said: list[Said]) -> str:
    """Everything, for programs."""
    told = []
    for one in said:
        found: dict[str, Any] = {"file": str(one.examples.path), "notes": list(one.examples.notes)}
        if (right := score(predictor, one)) is not None:
            found[right[0].lower()] = right[1]
        columns = {name: column.tolist() for name, column in one.columns.items()}
        found["predictions"] = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        told.append(found)
    return json.dumps({"run": run.id, "name": run.name, "task": predictor.task, "files": told}, indent=1, ensure_ascii=False)


def keep(predictor: Predictor, said: list[Said], out: Path) -> None:
    """Write all predictions as one table: file, row, what is said, the truth if each file tells it."""
    columns: Columns = {
        "file": np.repeat([str(one.examples.path) for one in said], [len(one.z) for one in said]).astype(object),
        "row": np.concatenate([np.arange(1, len(one.z) + 1) for one in said]),
    }
    columns |= {name: np.concatenate([one.columns[name] for one in said]) for name in said[0].columns}
    truths = [one.examples.truth for one in said if one.examples.truth is not None]
    if len(truths) == len(said):
        true = np.concatenate(truths)
        if true.ndim == 1:
            columns["true"] = np.array([*predictor.classes, None], object)[true]
        else:
            columns |= {f"true_{name}": column.astype(np.float64) for name, column in zip(predictor.targets, true.T, strict=True)}
    if out.suffix.lower() == ".npz":
        texts = {
            name: np.array(["" if cell is None else cell for cell in column]) for name, column in columns.items() if column.dtype == object
        }
        with out.open("wb") as file:
            np.savez(file, allow_pickle=False, **(columns | texts))
        return
    import pyarrow as pa
    from pyarrow import csv, parquet

    table = pa.table(columns)
    write = csv.write_csv if out.suffix.lower() == ".csv" else parquet.write_table
    write(table, str(out))
