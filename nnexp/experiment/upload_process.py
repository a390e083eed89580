"""Entry point of the upload process, and the functions of higher layers that an upload calls.

Imports stand within functions: the process that draws imports this module too, but no MLflow.
"""

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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


def upload_callbacks() -> "Callbacks":
    """Return the functions that an upload calls, all in this process."""
    from nnexp.plots.run.confusion import epoch_confusion
    from nnexp.runs.baseline import fetch
    from nnexp.runs.views import save_views_of
    from nnexp.tracking.upload.thread import Callbacks

    return Callbacks(
        make_outputs=make_outputs,
        fetch_baseline=fetch,
        draw_confusion=epoch_confusion,
        save_views=save_views_of,
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

    callbacks = replace(upload_callbacks(), make_outputs=draw, prepare=plots.start)

    def run() -> None:
        try:
            UploadWorker(callbacks).run()
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
