"""MLflow's `python_function` interface: examples in, a pandas table of predictions out."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nnexp.preprocessing.categories import UnseenValues
from nnexp.preprocessing.columns import encode_columns
from nnexp.preprocessing.missing import normalize_text
from nnexp.run_folder import NETWORK
from nnexp.serving.errors import PredictorError
from nnexp.serving.predictor import Predictor
from nnexp.task import Columns

if TYPE_CHECKING:
    from pandas import DataFrame

WEIGHTS = "weights.npz"
logger = logging.getLogger(__name__)


class PyfuncModel:
    """A network behind MLflow's interface."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self.has_warned = False  # of values not seen in training

    @classmethod
    def load(cls, folder: Path) -> "PyfuncModel":
        """Load a model's data."""
        return cls(Predictor.load(folder / NETWORK, folder / WEIGHTS))

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> "DataFrame":
        """Predict a row of `Task.prediction_columns` for each example; a DataFrame's index is kept.

        `model_input` are images as stored, (N, H, W) or flat; or columns by name (DataFrame, dict, rows),
        or their numbers (N, I). `params`, of MLflow's interface, are not used.

        Raises:
            PredictorError, EncodingError: they are no such examples.
        """
        import pandas as pd

        columns = self.predictor.prediction_columns(self.predictor.outputs(self._examples(model_input)))
        columns = self._ids(model_input) | columns
        index = model_input.index if isinstance(model_input, pd.DataFrame) else None
        return pd.DataFrame(columns, index=index)

    def _ids(self, given: Any) -> Columns:
        """Return the column of ids, as texts, where the model has one and it is given."""
        import pandas as pd

        name = self.predictor.spec.id_column
        rows = given if isinstance(given, pd.DataFrame | dict) else pd.DataFrame(given if name else [])
        if name not in rows:
            return {}
        cells = np.atleast_1d(np.asarray(rows[name], object)).tolist()
        texts = [None if pd.isna(cell) else normalize_text(cell) for cell in cells]
        return {"id": np.array([*texts, None], object)[:-1]}

    def _examples(self, given: Any) -> NDArray[Any]:
        """Return the examples as the data set stores them."""
        import pandas as pd

        columns = self.predictor.spec.columns
        if isinstance(given, pd.Series):
            given = given.to_frame().T if columns else given.to_numpy()
        if isinstance(given, list) and given and isinstance(given[0], dict):
            given = pd.DataFrame(given)
        if isinstance(given, dict) and not columns:
            if len(given) != 1:
                names = ", ".join(map(str, given))
                raise PredictorError(f"expected one array of {self.predictor.expected}, got {names}")
            (given,) = given.values()
        if isinstance(given, dict):
            given = {name: values if np.ndim(values) else [values] for name, values in given.items()}
        has_names = isinstance(given, dict | pd.DataFrame) and any(isinstance(name, str) for name in given)
        if columns and has_names:
            unseen = UnseenValues()
            x = encode_columns({name: given[name] for name in given}, columns, unseen=unseen)
            if unseen.counts and not self.has_warned:
                logger.warning("%s; this is logged once", unseen.describe())
                self.has_warned = True
            return x
        return np.asarray(given)
