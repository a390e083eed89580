"""Entry point of the upload process, and the functions of higher layers that an upload calls.

It imports what it needs within functions: the process that draws imports this module too, but no MLflow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnexp.tracking.upload.callbacks import Callbacks, Outputs


def make_outputs(folder: Path) -> "Outputs":
    """Draw the plots and write the prediction tables of a run; returns their paths, and error messages."""
    from nnexp.plots import draw_all
    from nnexp.run_folder import RunFolder
    from nnexp.tracking.prediction_tables import write_tables

    paths, failures = draw_all(RunFolder(folder))
    return paths + write_tables(folder, failures), failures


def warm_up() -> None:
    """Import what `make_outputs` needs, and draw once: the first plot of a process takes longest."""
    import pyarrow.parquet  # noqa: F401

    from nnexp import plots

    plots.warm_up()


def fetch_baseline(folder: Path, name: str, destination: Mapping[str, Any]) -> str:
    """Save the confusion matrices of the baseline in a run's folder; returns a warning or ""."""
    from nnexp.runs.baseline import fetch

    return fetch(folder, name, destination)


def draw_confusion(matrix: Sequence[Sequence[int]], classes: Sequence[str], step: int, unit: str) -> Any:
    """Draw the validation confusion matrix of an epoch."""
    from nnexp.plots.run.confusion import epoch_confusion

    return epoch_confusion(matrix, classes, step, unit)


def upload_callbacks() -> "Callbacks":
    """Return the functions that an upload calls, all in this process."""
    from nnexp.tracking.upload.callbacks import Callbacks

    return Callbacks(make_outputs=make_outputs, fetch_baseline=fetch_baseline, draw_confusion=draw_confusion)


def main() -> None:
    """Run the upload process, with another one that draws."""
    from nnexp.plots.worker import PlotWorker
    from nnexp.tracking.upload.worker import UploadWorker

    plots = PlotWorker(make_outputs, warm_up)
    callbacks = replace(upload_callbacks(), make_outputs=plots.make_outputs, prepare=plots.start)
    try:
        UploadWorker(callbacks).run()
    finally:
        plots.stop()


if __name__ == "__main__":
    main()
