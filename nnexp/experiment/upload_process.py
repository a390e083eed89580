"""Entry point of the upload process, and the functions of higher layers that an upload calls.

Imports stand within functions: the process that draws imports this module too, but no MLflow.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

    from nnexp.tracking.upload.thread import Callbacks, Outputs


def make_outputs(folder: Path) -> "Outputs":
    """Draw the plots and write the prediction tables of a run; returns their paths, and error messages."""
    from nnexp.plots import draw_all
    from nnexp.run_folder import RunFolder, has_plots
    from nnexp.tracking.prediction_tables import write_tables

    run = RunFolder(folder)
    paths, failures = draw_all(run) if has_plots(run.entries()[0]) else ([], [])
    return paths + write_tables(folder, failures), failures


def warm_up() -> None:
    """Import what `make_outputs` needs, and draw once: the first plot of a process takes longest."""
    import pyarrow.parquet  # noqa: F401

    from nnexp import plots

    plots.warm_up()


def fetch_baseline(folder: Path, name: str, destination: Mapping[str, Any]) -> str:
    """Save the reports of the run that another one is compared with; returns a warning."""
    from nnexp.runs.baseline import fetch

    return fetch(folder, name, destination)


def draw_confusion(matrix: Sequence[Sequence[int]], classes: Sequence[str], step: int, unit: str) -> "Image":
    """Draw the confusion matrix of an epoch."""
    from nnexp.plots.run.confusion import epoch_confusion

    return epoch_confusion(matrix, classes, step, unit)


def save_views(folder: Path, uri: str | None) -> None:
    """Save the views of a sweep's experiment."""
    from nnexp.runs.views import save_views_of

    save_views_of(folder, uri)


def upload_callbacks() -> "Callbacks":
    """Return the functions that an upload calls, all in this process."""
    from nnexp.tracking.upload.thread import Callbacks

    return Callbacks(
        make_outputs=make_outputs,
        fetch_baseline=fetch_baseline,
        draw_confusion=draw_confusion,
        save_views=save_views,
    )


def main() -> None:
    """Run the upload process, with another one that draws."""
    from nnexp.plots.worker import PlotWorker
    from nnexp.redaction import redact_logs_and_tracebacks
    from nnexp.run_folder import RunFolder, has_plots
    from nnexp.tracking.upload.fork_server import FOR_DATABASE, OPTION, serve_forks
    from nnexp.tracking.upload.process_setup import DATABASE_STORE, detach, import_mlflow
    from nnexp.tracking.upload.worker import UploadWorker

    redact_logs_and_tracebacks()
    plots = PlotWorker(make_outputs, warm_up)

    def draw(folder: Path) -> "Outputs":
        draws = has_plots(RunFolder(folder).entries()[0])
        return plots.make_outputs(folder) if draws else make_outputs(folder)

    callbacks = replace(upload_callbacks(), make_outputs=draw, prepare=plots.prepare)

    def run() -> None:
        fork = (lambda: None) if OPTION in sys.argv else plots.fork  # most jobs of a sweep have no plots
        try:
            UploadWorker(callbacks).run(fork)
        finally:
            plots.stop()

    if OPTION in sys.argv:
        detach(niceness=0)  # all workers wait for its import
        modules = [DATABASE_STORE] if FOR_DATABASE in sys.argv else []
        serve_forks(partial(import_mlflow, *modules), run)
    else:
        run()


if __name__ == "__main__":
    main()
