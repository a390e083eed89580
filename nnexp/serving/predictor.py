"""A trained network, rebuilt from its description and its weights: stored examples in, outputs and probabilities out.

N examples, I inputs, O outputs, C classes, L labels.
"""

from collections.abc import Mapping
from math import isfinite, prod
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnexp.nn.output_activations import LINKS, Link, probabilities
from nnexp.nn.parameters import Array
from nnexp.preprocessing.columns import Column
from nnexp.preprocessing.scaling import Standardization, TargetScale
from nnexp.serving.errors import PredictorError
from nnexp.serving.foreground import DrawingStats
from nnexp.serving.model_loader import fill, network_of
from nnexp.serving.model_spec import read

FULL = (255, 65535)  # white in pictures of 8 and of 16 bits
__all__ = ["Predictor", "PredictorError", "Standardization"]


class Predictor:
    """A network at work. What it says of a run's own examples is what the run said, to the last bit.

    Args:
        description: as `describe` makes it.
        weights: an .npz file of the run.

    Attributes:
        network: with these weights.
        task: classification, multilabel or regression.
        classes: their names; none in a regression.
        targets: the names of a regression's targets, or of the labels.
        shape: of one example.
        stored: the type of the numbers that examples are stored as.
        link: from outputs to probabilities.
        scale: from stored numbers to those that the network sees: a factor, or a standardisation of each column.
        restore: from outputs to the targets' own units.
        columns: of a table; none for images.
        answer: the columns of a table that hold the truth.
        ink: how drawings lie in their frame; None for what is no drawing.

    Raises:
        PredictorError: they do not make a network.
    """

    def __init__(self, description: Mapping[str, Any], weights: Path) -> None:
        self.network = network_of(description)
        fill(self.network, weights)
        self.task: str = description["task"]
        self.classes, self.targets = tuple(description["classes"]), tuple(description["targets"])
        self.shape = tuple(description["shape"])
        self.stored = np.dtype(description["stored"])
        if description["link"] not in LINKS:
            raise PredictorError(f"link={description['link']}: no such link; there are: {', '.join(LINKS)}")
        self.link: Link = description["link"]
        scale, restore = description["scale"], description["restore"]
        self.scale = Standardization.from_json(scale) if isinstance(scale, dict) else float(scale)
        self.restore = TargetScale.from_json(restore) if restore else None
        self.columns = tuple(map(Column.from_json, description["columns"] or ()))
        self.answer = tuple(description.get("answer") or ())
        ink = description.get("ink")
        self.ink = DrawingStats(ink["extent"], tuple(ink["centre"])) if ink else None
        self.lock = Lock()

    @classmethod
    def load(cls, description: Path, weights: Path) -> "Predictor":
        """From network.json and a file of weights.

        Raises:
            PredictorError: they cannot be read, or do not belong together.
        """
        try:
            return cls(read(description), weights)
        except PredictorError as error:
            said = str(error)
            raise PredictorError(
                said if said.startswith((str(description), str(weights))) else f"{description}: {said}"
            ) from error

    def scaled(self, x: ArrayLike) -> Array:
        """Stored values (N, *shape) or (N, I) -> what the network sees (N, I), in a new array.

        A single example may come without N. NaN is a missing number of a table.

        Raises:
            PredictorError: they are no such examples.
        """
        try:
            given = np.asarray(x)
        except ValueError as error:  # of different lengths
            raise PredictorError(f"examples must be of one shape, {self.wanted}: {error}") from error
        if given.dtype.kind not in "biuf":
            raise PredictorError(f"examples must be numbers, {self.wanted}, and these are {given.dtype}")
        width = prod(self.shape)
        if given.shape in (self.shape, (width,)):
            given = given[None]
        if given.shape[1:] not in (self.shape, (width,)):
            raise PredictorError(f"the network takes {self.wanted}, and was given {given.shape}")
        self.check(given)
        with np.errstate(over="ignore", invalid="ignore"):
            stored = (
                given.astype(self.stored) if self.stored.kind == "f" else given
            )  # as a table's numbers were stored
            seen: Array = stored.reshape(len(given), width).astype(self.network.dtype)
            if isinstance(self.scale, Standardization):
                self.scale.astype(seen.dtype)(seen)
            else:
                seen *= self.scale
        if not np.isfinite(seen).all():
            at = int(np.flatnonzero(~np.isfinite(seen).all(axis=1))[0])
            raise PredictorError(
                f"example {at + 1:,} holds a number that is infinite, too large or missing; mend it"
            )
        return seen

    def check(self, x: NDArray[Any]) -> None:
        """Refuse images whose pixels are not those of the data set: scaled already, or of another range."""
        if self.stored.kind != "u" or not isinstance(self.scale, float) or self.scale >= 1 or not x.size:
            return
        largest = round(1 / self.scale)
        with np.errstate(invalid="ignore"):
            low, high = float(x.min()), float(x.max())  # NaN if there is one
            fractions = x.dtype.kind == "f" and bool((x != np.floor(x)).any())
        wanted = f"the network takes pixels from 0 to {largest}, and these"
        if fractions and low >= 0 and high <= 1:
            raise PredictorError(f"{wanted} lie between 0 and 1: multiply by {largest}")
        if isfinite(low) and isfinite(high) and (low < 0 or high > largest):
            white = next((white for white in FULL if low >= 0 and largest < white and high <= white), None)
            remedy = f"multiply by {largest}/{white}" if white else "give them as the data set stores them"
            raise PredictorError(f"{wanted} go from {low:g} to {high:g}: {remedy}")

    def outputs(self, x: ArrayLike) -> Array:
        """Stored values (N, ...) -> outputs (N, O): logits; of a regression the targets in their own units."""
        seen = self.scaled(x)
        with self.lock, np.errstate(all="ignore"):  # the network's buffers serve one caller at a time
            z = self.network.logits(seen)
        return z if self.restore is None else self.restore.restore(z)

    def probabilities(self, x: ArrayLike) -> Array:
        """Stored values (N, ...) -> the probability of each class (N, C), or of each label (N, L)."""
        return self.likely(self.outputs(x))

    def likely(self, z: Array) -> Array:
        """Outputs (N, O) as probabilities.

        Raises:
            PredictorError: of a regression there are none.
        """
        if self.task == "regression":
            raise PredictorError("a regression has no probabilities")
        return probabilities(z, self.link)

    @property
    def wanted(self) -> str:
        """What it takes, for a person."""
        names = (
            f": {', '.join(column.name for column in self.columns[:8])}{', ...' if len(self.columns) > 8 else ''}"
            if self.columns
            else ""
        )
        kind = (
            f"rows of {self.shape[0]} numbers"
            if len(self.shape) == 1
            else f"images of {' x '.join(map(str, self.shape))}"
        )
        return f"{kind}{names}"
