"""A trained network, rebuilt from its specification and its weights: stored examples in, predictions out.

N examples, I inputs, O outputs.
"""

from math import prod
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnexp.nn.network import Network
from nnexp.nn.parameters import Array
from nnexp.preprocessing.channels import ChannelScaling, pixel_scale
from nnexp.preprocessing.scaling import Standardization, narrow
from nnexp.serving.errors import PredictorError
from nnexp.serving.model_loader import build_network_of, load_weights
from nnexp.serving.model_spec import ModelSpec
from nnexp.serving.trained_model import TrainedModel


class Predictor(TrainedModel):
    """A trained network in use. Its outputs for a run's own examples are the run's, to the last bit."""

    def __init__(self, spec: ModelSpec, network: Network) -> None:
        super().__init__(spec)
        self.network = network  # with its weights
        self._lock = Lock()  # the network's buffers serve one caller at a time

    @classmethod
    def load(cls, spec_path: Path, weights: Path) -> "Predictor":
        """Load network.json and an .npz file of weights.

        Raises:
            PredictorError: they cannot be read, or do not belong together.
        """
        spec = ModelSpec.read(spec_path)
        network = build_network_of(spec, spec_path)
        load_weights(network, weights)
        return cls(spec, network)

    def inputs(self, x: ArrayLike) -> Array:
        """Scale values of a file, (N, *shape) or (N, I), to a new array of the network's inputs (N, I).

        A single example may come without N. NaN is a missing number of a table.

        Raises:
            PredictorError: they are no such examples.
        """
        given = self._examples(x)
        scale = self.spec.scale
        with np.errstate(over="ignore", invalid="ignore"):
            if isinstance(scale, Standardization):
                standardize = scale.between(self.stored, self.network.dtype)
                wide = narrow(given, scale.origin, self.stored_as(given)).astype(standardize.shift.dtype)
                standardize(wide)
                inputs: Array = wide.astype(self.network.dtype, copy=False)
            else:
                inputs = given.astype(self.stored_as(given)).astype(self.network.dtype)
                inputs *= pixel_scale(scale)
                if isinstance(scale, ChannelScaling):
                    scale.astype(self.network.dtype)(inputs)
        finite = np.isfinite(inputs).all(axis=1)
        if not finite.all():
            n = int(finite.argmin()) + 1
            raise PredictorError(f"example {n:,} holds a number that is infinite, too large or missing")
        return inputs

    def stored_as(self, given: NDArray[Any]) -> np.dtype[Any]:
        """Return the type that the numbers are rounded to, as in the data set; whole ones stay as given."""
        return self.stored if self.stored.kind == "f" else given.dtype

    def _examples(self, x: ArrayLike) -> NDArray[Any]:
        """Return examples as an array with N, once their type, shape and range are checked."""
        expected = f"expected {self.expected}"
        try:
            given = np.asarray(x)
        except ValueError as error:  # of different lengths
            raise PredictorError(f"examples must have one shape, {expected}: {error}") from error
        if given.dtype.kind not in "biuf":
            raise PredictorError(f"examples must be numbers, {expected}, got {given.dtype}")
        shapes = (self.spec.shape, (prod(self.spec.shape),))
        if given.shape in shapes:
            given = given[None]
        if given.shape[1:] not in shapes:
            is_last = given.ndim == 4 and (given.shape[3], *given.shape[1:3]) == self.spec.shape
            fix = "; fix: put the channels first: x.transpose(0, 3, 1, 2)" if is_last else ""
            raise PredictorError(f"{expected}, got {given.shape}{fix}")
        self._check_pixels(given)
        return given.reshape(len(given), prod(self.spec.shape))

    def _check_pixels(self, x: NDArray[Any]) -> None:
        """Refuse pixels that are already scaled, or that have another range than the data set's."""
        scale = self.spec.pixel_scale
        if self.stored.kind != "u" or scale is None or scale >= 1 or not x.size:
            return
        largest = round(1 / scale)
        with np.errstate(invalid="ignore"):
            low, high = float(x.min()), float(x.max())  # NaN if there is one
            fractions = x.dtype.kind == "f" and bool((x != np.floor(x)).any())
        is_scaled = fractions and low >= 0 and high <= 1
        if is_scaled or low < 0 or high > largest:
            expected = f"expected pixels from 0 to {largest}, got {low:g} to {high:g}"
            raise PredictorError(f"{expected}; fix: scale them so that white is {largest}")

    def outputs(self, x: ArrayLike) -> Array:
        """Compute outputs (N, O) of values (N, ...): logits, or targets in their own units, in float64."""
        inputs = self.inputs(x)
        with self._lock, np.errstate(all="ignore"):
            z = self.network.logits(inputs)
        return z if self.spec.target_scale is None else self.spec.target_scale.restore(z)
