"""A recorded run in Python: its configuration, network, predictions and results."""

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from nnexp.config.recorded import read_config
from nnexp.messages import plural
from nnexp.nn.network import Network
from nnexp.run_folder import CONFIG, DATASET, NETWORK, SPLITS, weights_path
from nnexp.runs.frames import history_frame, predictions_frame
from nnexp.runs.query import Run, RunError, Runs
from nnexp.runs.summary import as_html, as_text, summarize
from nnexp.serving.load_model import load_model
from nnexp.serving.prediction_table import predict_files
from nnexp.serving.predictor import Predictor
from nnexp.serving.pyfunc import PyfuncModel
from nnexp.serving.trained_model import TrainedModel
from nnexp.tasks import task_of

if TYPE_CHECKING:
    from pandas import DataFrame


class LoadedRun:
    """A recorded run. What its files hold is read when it is first asked for.

    Attributes:
        run: its record: id, name, status, started, params, tags.
        metrics: the last value of each.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.metrics = run.metrics

    @cached_property
    def config(self) -> DictConfig:
        """The configuration; `nnexp.run` takes it, as it is or changed.

        `plugins` are empty: a record does not decide which code runs, so list your own packages again.
        """
        return OmegaConf.create(read_config(self.run.file(CONFIG)) | {"plugins": []})

    @cached_property
    def predictor(self) -> TrainedModel:
        """The network with its scaling, or the ensemble: values in; outputs, probabilities, columns out."""
        return load_model(self.run.file(NETWORK), self.run.file(weights_path("best")))

    @property
    def network(self) -> Network:
        """The network with the weights that validation chose; a RunError for an ensemble: it has several."""
        if isinstance(self.predictor, Predictor):
            return self.predictor.network
        count = len(self.predictor.spec.members)
        raise RunError(f"run {self.run.name} is an ensemble of {count} networks: see predictor.members")

    @cached_property
    def predictions(self) -> "dict[str, DataFrame]":
        """The predictions of the splits, val and test: a row per example."""
        dataset = self.run.json(DATASET)
        names = task_of(dataset["task"]).names(dataset) if dataset else ()
        frames = {split: predictions_frame(self.run, split, names) for split, _ in SPLITS}
        return {split: frame for split, frame in frames.items() if frame is not None}

    def history_frame(self) -> "DataFrame":
        """Return the metrics of each evaluation; the index is the epoch or step."""
        return history_frame(self.run.history(), self.run.unit)

    def predict(self, data: Any) -> "DataFrame":
        """Predict a row for each example of `data`: see `predict`."""
        import pandas as pd

        if isinstance(data, str | os.PathLike):
            (predictions,) = predict_files(self.predictor, [Path(data)])
            return pd.DataFrame(predictions.columns)
        return PyfuncModel(self.predictor).predict(data)

    def _summary(self) -> Mapping[str, str]:
        run = self.run
        last = run.metrics.get("best/step", run.metrics.get("best/epoch"))
        trained = "-" if last is None else f"best after {plural(int(last), run.unit)}"
        return summarize(run.name, run.id, run.status, run.metrics, trained, run.folder)

    def __repr__(self) -> str:
        return as_text(self._summary())

    def _repr_html_(self) -> str:
        return as_html(self._summary())


def load(run: Any, *, experiment: str | None = None, uri: str | None = None) -> LoadedRun:
    """Load a recorded run.

    Args:
        run: an id or its first characters, a name, `best`, `last`, the path of a run's folder, or a `Result`.
        experiment: only among its runs.
        uri: another store than that of the working directory.

    Raises:
        RunError: there is none, or several.
    """
    path = getattr(run, "folder", run)
    return LoadedRun(Runs(uri, experiment).find(os.fspath(path)))


def predict(run: Any, data: Any, *, experiment: str | None = None, uri: str | None = None) -> "DataFrame":
    """Predict a row for each example with a recorded run's network.

    Args:
        run: as of `load`; or what `load` returned.
        data: a data frame with the columns of the training table; images or numbers as the data set stores
            them; or the path of a file, as of `nnexp predict`.
        experiment: as of `load`.
        uri: as of `load`.

    Raises:
        RunError: there is no such run. PredictorError, EncodingError: the data do not fit its network.
    """
    loaded = run if isinstance(run, LoadedRun) else load(run, experiment=experiment, uri=uri)
    return loaded.predict(data)
