"""MLflow's `python_function` interface: examples in, a pandas table of predictions out."""

import logging
import sys
from collections.abc import Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nnexp.errors import UserError
from nnexp.preprocessing.categories import UnseenValues
from nnexp.preprocessing.columns import Column, describe_row, encode_columns
from nnexp.preprocessing.errors import EncodingError
from nnexp.preprocessing.missing import normalize_text
from nnexp.preprocessing.number_format import NumberFormat
from nnexp.run_folder import NETWORK
from nnexp.serving.errors import PredictorError
from nnexp.serving.image_content import decode_contents, file_contents
from nnexp.serving.load_model import load_model
from nnexp.serving.trained_model import TrainedModel

if TYPE_CHECKING:
    from pandas import DataFrame

WEIGHTS = "weights.npz"
logger = logging.getLogger(__name__)


class PyfuncModel:
    """A trained model behind MLflow's interface."""

    def __init__(self, predictor: TrainedModel) -> None:
        self.predictor = predictor
        self.exceptions: Any = None  # the module of MLflow's, where MLflow loads the model
        self.has_warned = False  # of values not seen in training

    @classmethod
    def load(cls, folder: Path) -> "PyfuncModel":
        """Load a model's data."""
        model = cls(load_model(folder / NETWORK, folder / WEIGHTS))
        model.exceptions = sys.modules.get("mlflow.exceptions")
        return model

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> "DataFrame":
        """Predict a row of `Task.prediction_columns` for each example; a DataFrame's index is kept.

        `model_input` are images as stored, (N, H, W) or flat; where these were made of files, also the
        contents of N files, as bytes or base64 text (list, array, table of one column); or columns by name
        (DataFrame, dict, rows), or their numbers (N, I). `params`, of MLflow's interface, are not used.

        Raises:
            PredictorError, EncodingError: they are no such examples; where MLflow loads the model, an
                MlflowException, whose message its server passes on.
        """
        try:
            return self._predict(model_input)
        except UserError as error:
            if self.exceptions is None:
                raise
            raise self.exceptions.MlflowException.invalid_parameter_value(str(error)) from error

    def _predict(self, given: Any) -> "DataFrame":
        import pandas as pd

        spec = self.predictor.spec
        table = to_table(given, [column.name for column in spec.columns]) if spec.columns else None
        x = self._array(given) if table is None else self._encode(table)
        columns = self.predictor.prediction_columns(self.predictor.outputs(x))
        if table is not None and spec.id_column in table:
            cells = list(table[spec.id_column])
            texts = [_id_text(cell) for cell in cells]
            columns = {"id": np.array([*texts, None], object)[:-1]} | columns
        index = given.index if isinstance(given, pd.DataFrame) else None
        return pd.DataFrame(columns, index=index)

    def _encode(self, table: Mapping[Any, Any]) -> NDArray[Any]:
        """Return the examples of a table, which may have more columns, as the data set stores them."""
        unseen = UnseenValues()
        x = encode_columns(table, self.predictor.spec.columns, unseen=unseen)
        check_groups(table, self.predictor.spec.columns)
        if unseen.counts and not self.has_warned:
            logger.warning("%s; this is logged once", unseen.describe())
            self.has_warned = True
        return x

    def _array(self, given: Any) -> NDArray[Any]:
        """Return examples without names, from the only value of a mapping; files of images are decoded."""
        if isinstance(given, dict):
            if len(given) != 1:
                names = ", ".join(map(str, given))
                raise PredictorError(f"expected one array of {self.predictor.expected}, got {names}")
            given = next(iter(given.values()))
        spec = self.predictor.spec
        if spec.resize is not None and (contents := file_contents(given)):
            return decode_contents(contents, spec.shape, spec.resize)
        return np.asarray(given)


def to_table(given: Any, needed: Sequence[str]) -> dict[Any, Any] | None:
    """Return the columns, (N,) each, of all that MLflow passes on as a table; None: it has no names.

    That are tables, rows or one row, mappings of columns or of one row; cells may be arrays of shape ().
    Names are text, or numbers where the columns that are `needed` have numbers as names.
    """
    import pandas as pd

    if isinstance(given, pd.Series):
        given = given.to_frame().T
    if isinstance(given, list) and given and isinstance(given[0], dict):
        given = pd.DataFrame([{name: _cell(value) for name, value in row.items()} for row in given])
    if isinstance(given, dict):
        return {name: values if np.ndim(values) else [_cell(values)] for name, values in given.items()}
    if not isinstance(given, pd.DataFrame):
        return None
    has_names = any(isinstance(name, str) for name in given) or {*needed} <= {str(name) for name in given}
    return {name: given[name] for name in given} if has_names else None


def check_groups(table: Mapping[Any, Any], columns: Sequence[Column]) -> None:
    """Refuse numbers that pandas has made of digit groups: 1.25 of 1.250, which is 1250 in training.

    Only of columns of whole numbers, whose groups are separated by points: there a fraction below 1000 is
    more likely a group.
    """
    given = {str(name).strip(): values for name, values in table.items()}
    for column in columns:
        if column.kind != "number" or column.number_format != NumberFormat("", "."):
            continue
        for n, cell in enumerate(given[column.name]):
            if isinstance(cell, Real) and abs(float(cell)) < 1000 and float(cell) % 1:
                problem = (
                    f"the column {column.name!r} holds {float(cell):g}, where training had 1.250 for 1250"
                )
                remedy = "read the file as text (pandas: dtype=str), or as 1250 (thousands='.')"
                raise EncodingError(f"{describe_row(n)}: {problem}; fix: {remedy}")


def _cell(value: Any) -> Any:
    return value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value


def _id_text(cell: Any) -> str | None:
    """Return an id as text: one that is text already as it is, None where there is none."""
    import pandas as pd

    if isinstance(cell, str):
        return cell or None
    return None if pd.isna(cell) else normalize_text(cell)
