"""Predictions formatted for a terminal: a line for each image, the first rows of each table."""

from collections.abc import Sequence
from itertools import islice

from nnexp.messages import align, display_width, number, one_line, plural
from nnexp.serving.prediction_table import FilePredictions
from nnexp.task import TextColumns
from nnexp.tasks import MAX_TARGETS

MAX_ROWS = 20  # of a table that are shown


def format_predictions(predictions: Sequence[FilePredictions]) -> str:
    """Format the predictions for each file; those of tables and arrays with their score."""
    width = max(display_width(str(one.examples.path)) for one in predictions)
    lines: list[str] = []
    for one in predictions:
        if one.examples.is_image:
            notes = f"   ({', '.join(one.examples.notes)})" if one.examples.notes else ""
            lines.append(f"{align(str(one.examples.path), width)}  {_image_line(one)}{notes}")
            continue
        rows = len(one.z)
        lines += ["", f"{one.examples.path}: {plural(rows, 'row')}", *_table_lines(one)]
        if rows > MAX_ROWS:
            lines.append(f"... {plural(rows - MAX_ROWS, 'more row')}; --out predictions.csv writes all")
        lines += one.examples.notes
        hidden = len(one.predictor.spec.targets) - MAX_TARGETS
        if hidden > 0 and not one.predictor.task.has_probabilities:
            lines.append(f"... {plural(hidden, 'more target')}; --out predictions.csv writes all")
        if one.score:
            value, known = one.score
            task = one.predictor.task
            score = f"{task.score_label} {task.format_score(value)}"
            lines.append(f"{score} on {plural(known, 'row')} with true values")
    return "\n".join(lines).strip("\n")


def _image_line(image: FilePredictions) -> str:
    """Describe the prediction for an image."""
    predictor = image.predictor
    p = image.predictor.probabilities(image.z)
    return predictor.task.describe_prediction(image.z[0], None if p is None else p[0], predictor.spec.names)


def _table_lines(table: FilePredictions) -> list[str]:
    """Format the first rows, with true values beside them where they are known, in aligned columns."""
    predictor = table.predictor
    z = table.z[:MAX_ROWS]
    true = table.examples.true
    task = predictor.task
    names = predictor.spec.names
    cells: TextColumns = {"row": [f"{i + 1:,}" for i in range(len(z))]}
    if table.examples.ids is not None:
        cells["id"] = ["" if text is None else text for text in table.examples.ids[:MAX_ROWS]]
    cells |= task.text_columns(z, predictor.probabilities(z), names)
    if true is not None:
        for name, values in islice(task.true_columns(true[:MAX_ROWS], names).items(), MAX_TARGETS):
            cells[name] = [_text(value) for value in values.tolist()]
    columns = [[one_line(text) for text in (name, *texts)] for name, texts in cells.items()]
    widths = [max(map(display_width, column)) for column in columns]
    with_widths = zip(columns, widths, strict=True)
    aligned = [[align(text, width, right=True) for text in column] for column, width in with_widths]
    return ["  ".join(line) for line in zip(*aligned, strict=True)]


def _text(value: object) -> str:
    """Format a true value; ? where it is unknown."""
    if value is None:
        return "?"
    return number(value) if isinstance(value, float) else str(value)
