"""Recorded runs as pandas data frames: a row per run, per evaluation, or per example."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnexp.messages import natural_key
from nnexp.metrics.predictions import are_predictions
from nnexp.run_folder import OF_LAYERS, History, RunFolder, predictions_path
from nnexp.runs.columns import all_columns, value_of
from nnexp.runs.query import Run, Runs
from nnexp.runs.selection import select
from nnexp.runs.sweeps import find_sweep
from nnexp.tracking.prediction_tables import table

if TYPE_CHECKING:
    from pandas import DataFrame


def runs_frame(
    filter: str = "",  # noqa: A002, the word of `nnexp runs --filter`
    *,
    sort: str = "",
    top: int | None = None,
    sweep: str | None = None,
    experiment: str | None = None,
    uri: str | None = None,
) -> "DataFrame":
    """Return recorded runs, the newest first, with the columns of `nnexp runs --csv`.

    Args:
        filter: in MLflow's language, as of `nnexp runs --filter`.
        sort: a column; the best first.
        top: at most so many.
        sweep: only runs of this one: its folder, id or name, or `last`.
        experiment: only runs of this one.
        uri: another store than that of the working directory.

    Raises:
        RunError: there are no runs at all, or the filter cannot be parsed.
    """
    import pandas as pd

    store = Runs(uri, experiment)
    runs = select(store, filter, sort, top, find_sweep(sweep, store) if sweep else None)[:top]
    columns = all_columns(runs)
    frame = pd.DataFrame([[value_of(run, name) for name in columns] for run in runs], columns=columns)
    started = (1000 * frame["started"].astype(float)).round()
    return frame.assign(started=pd.to_datetime(started, unit="ms", utc=True))


def history_frame(history: History, unit: str) -> "DataFrame":
    """Return the metrics of each evaluation by their logged names, those of layers last.

    The index is the epoch or step.
    """
    import pandas as pd

    names = dict.fromkeys(name for _, values in history for name in values)
    of_layers = [name for name in names if name.startswith((*OF_LAYERS, "update_ratio/"))]
    columns = [*(name for name in names if name not in of_layers), *sorted(of_layers, key=natural_key)]
    index = pd.Index([step for step, _ in history], name=unit, dtype="int64")
    return pd.DataFrame([values for _, values in history], index=index, columns=columns)


def predictions_frame(run: Run, split: str, names: Sequence[str]) -> "DataFrame | None":
    """Return the predictions of a split, a row per example; None where the run has none."""
    import pandas as pd

    arrays, parquet = predictions_path(split), predictions_path(split).replace(".npz", ".parquet")
    if (path := run.backend.file(parquet)) is not None:
        return pd.read_parquet(path)
    if (path := run.backend.file(arrays)) is not None:
        columns = RunFolder(path.parent).arrays(path.name)
        return table(columns, names).to_pandas() if are_predictions(columns, names) else None
    return None
