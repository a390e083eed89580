"""What MLflow's `python_function` calls: examples as people have them in, a pandas table out."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nnexp.preprocessing.columns import EncodingError, encode_columns
from nnexp.serving.errors import PredictorError
from nnexp.serving.prediction_table import answers
from nnexp.serving.predictor import Predictor

if TYPE_CHECKING:
    from pandas import DataFrame

DESCRIPTION, WEIGHTS = "network.json", "weights.npz"


class Served:
    """A network behind MLflow's interface.

    Args:
        predictor: the network.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    @classmethod
    def load(cls, folder: Path) -> "Served":
        """From a model's data."""
        return cls(Predictor.load(folder / DESCRIPTION, folder / WEIGHTS))

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> "DataFrame":
        """A row for each example, with the columns that `answers` names; a DataFrame keeps its index.

        Args:
            model_input: images as stored, an array (N, H, W) or as flat as (N, H W); of a table a DataFrame or a dictionary with its
                columns by name, or an array or list of numbers (N, I).
            params: MLflow's; there are none.

        Raises:
            PredictorError: they are no such examples.
        """
        import pandas as pd

        columns = answers(self.predictor, self.predictor.outputs(self.examples(model_input)))
        index = model_input.index if isinstance(model_input, pd.DataFrame) else None
        return pd.DataFrame(columns, index=index)

    def examples(self, given: Any) -> NDArray[Any]:
        """The examples as the data set stores them."""
        import pandas as pd

        if isinstance(given, pd.Series):
            given = given.to_frame().T if self.predictor.columns else given.to_numpy()
        if isinstance(given, list) and given and isinstance(given[0], dict):
            given = pd.DataFrame(given)
        if isinstance(given, dict) and self.predictor.columns:
            given = {name: values if np.ndim(values) else [values] for name, values in given.items()}
        elif isinstance(given, dict):
            if len(given) != 1:
                raise PredictorError(
                    f"the network takes {self.predictor.wanted}, one array, and was given {', '.join(map(str, given))}"
                )
            (given,) = given.values()
        if isinstance(given, pd.DataFrame) and not (self.predictor.columns and self.named(given)):
            return np.asarray(given.to_numpy())
        if isinstance(given, pd.DataFrame | dict):
            try:
                return encode_columns({name: given[name] for name in given}, self.predictor.columns)
            except EncodingError as error:
                raise PredictorError(str(error)) from error
        return np.asarray(given)

    @staticmethod
    def named(table: "DataFrame") -> bool:
        """Whether a table's columns have names and not only numbers."""
        return any(isinstance(name, str) for name in table.columns)
