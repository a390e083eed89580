"""The abstract trained model: what turns stored examples into predictions, a network or an ensemble.

N examples, I inputs, O outputs.
"""

from abc import ABC, abstractmethod
from math import prod

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnexp.messages import listed
from nnexp.nn.output_activations import probabilities
from nnexp.nn.parameters import Array
from nnexp.serving.model_spec import ModelSpec
from nnexp.task import Columns
from nnexp.tasks import task_of


class TrainedModel(ABC):
    """A trained model in use, with the specification of what goes in and what comes out."""

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec
        self.task = task_of(spec.task)
        self.stored = np.dtype(spec.stored)  # of the data set's numbers

    @abstractmethod
    def outputs(self, x: ArrayLike) -> Array:
        """Compute outputs (N, O) of values of a file, (N, *shape) or (N, I).

        They are what `probabilities` takes; in a regression, numbers in the targets' own units, in float64.

        Raises:
            PredictorError: x are no such examples.
        """

    def probabilities(self, z: Array) -> NDArray[np.float64] | None:
        """Convert outputs z to the probability of each class or label, (N, O); None in a regression."""
        return probabilities(z, self.spec.output_activation) if self.task.has_probabilities else None

    def prediction_columns(self, z: Array) -> Columns:
        """Build the columns of a table of the predictions that outputs z (N, O) mean."""
        p = self.probabilities(z)
        return self.task.prediction_columns(z, p, self.spec.names)

    @property
    def expected(self) -> str:
        """What the model takes, in words."""
        if len(self.spec.shape) > 1:
            return f"images of {' x '.join(map(str, self.spec.shape))}"
        names = [column.name for column in self.spec.columns]
        return f"rows of {prod(self.spec.shape)} numbers" + (f": {listed(names)}" if names else "")
