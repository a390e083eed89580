"""What a network said, for a person at a terminal: a line for each picture, the first rows of each table.

N examples, O outputs.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.serving.input_files import Examples
from nnexp.serving.prediction_table import Columns, score_predictions
from nnexp.serving.predictor import Predictor

ROWS = 20  # of a table that are shown
NEXT = 2  # classes that are told beside the first
TARGETS = 6  # of a regression that fit beside each other


@dataclass(frozen=True)
class FilePredictions:
    """A file, and what the network says of its examples: outputs (N, O) and the columns that tell them."""

    examples: Examples
    z: NDArray[Any]
    columns: Columns


def in_words(predictor: Predictor, said: list[FilePredictions], kept: bool = False) -> str:
    """A line for each picture, the first rows of each table, and how much of it is right; kept: whether all rows are kept elsewhere."""
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
            lines.append(f"... {n - ROWS:,} more rows" + ("" if kept else "; --out FILE.csv keeps them all"))
        if (right := score(predictor, one)) is not None:
            name, value, known = right
            shown = f"{value:.2%}" if name == "accuracy" else f"{value:.4f}"
            lines.append(f"{name} {shown} of {known:,} rows whose truth the file tells")
    return "\n".join(lines).strip("\n")


def sentence(predictor: Predictor, said: FilePredictions, n: int) -> str:
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


def rows(predictor: Predictor, said: FilePredictions) -> list[str]:
    """The first rows as a table, with the truth beside them if it is known."""
    truth, columns, n = said.examples.truth, said.columns, min(len(said.z), ROWS)
    if predictor.task == "classification":
        cells = {
            "prediction": list(columns["prediction"][:n]),
            "confidence": [f"{p:.1%}" for p in columns["confidence"][:n]],
        }
        told = {} if truth is None else {"truth": ["?" if i < 0 else predictor.classes[i] for i in truth[:n]]}
    elif predictor.task == "multilabel":
        cells = {"labels": [sentence(predictor, said, i) for i in range(n)]}
        names = np.array(predictor.targets, object)
        told = (
            {} if truth is None else {"truth": [", ".join(names[row > 0.5]) or "none" for row in truth[:n]]}
        )
    else:
        shown = predictor.targets[:TARGETS]
        cells = {name: [f"{value:.6g}" for value in columns[name][:n]] for name in shown}
        told = (
            {}
            if truth is None
            else {f"true {name}": [f"{value:.6g}" for value in truth[:n, i]] for i, name in enumerate(shown)}
        )
    return aligned({"row": [f"{i + 1:,}" for i in range(n)]} | cells | told)


def aligned(cells: dict[str, list[str]]) -> list[str]:
    """Columns of text, one under the other."""
    widths = [max(map(len, [name, *column])) for name, column in cells.items()]
    lines = [list(cells), *map(list, zip(*cells.values(), strict=True))]
    return ["  ".join(f"{cell:>{width}}" for cell, width in zip(line, widths, strict=True)) for line in lines]


def score(predictor: Predictor, said: FilePredictions) -> tuple[str, float, int] | None:
    """The score's name, its value and on how many rows, if the file tells the truth of any."""
    if said.examples.truth is None:
        return None
    value, known = score_predictions(predictor, said.z, said.examples.truth)
    return ("R2" if predictor.task == "regression" else "accuracy", value, known) if known else None
