"""What a data set is, once it is loaded.

N examples, I numbers each, C classes.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from hashlib import sha256
from math import prod
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Gt, Lt
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Labels = NDArray[np.int64]
ValidationRatio = Annotated[float, Gt(0), Lt(1)]
Limit = Annotated[int, Ge(1)] | None


class DataError(Exception):
    """Data that cannot be had or cannot be trusted: what, where, and what to do about it."""


@dataclass(frozen=True)
class Dataset:
    """Examples as bytes; they become floats batch by batch, x = scale * bytes.

    Attributes:
        name: short, as in the config group.
        x, y: training examples (N, I) uint8 and their classes (N,) in 0..C-1; validation is split from these.
        x_test, y_test: the official test set; looked at once, at the end.
        shape: of one example, prod(shape) = I.
        classes: the name of each class.
        scale: brings bytes to [0, 1].
        sha256: of the content of all four arrays.
    """

    name: str
    x: Bytes
    y: Labels
    x_test: Bytes
    y_test: Labels
    shape: tuple[int, ...]
    classes: tuple[str, ...]
    scale: float
    sha256: str

    def __post_init__(self) -> None:
        for x, y in ((self.x, self.y), (self.x_test, self.y_test)):
            if x.shape != (len(y), prod(self.shape)):
                raise ValueError(f"{self.name}: {x.shape} numbers for {len(y)} examples of shape {self.shape}")


class Source(ABC):
    """Something that a data set can be loaded from.

    Args:
        validation: the ratio of the training examples that is held out for validation, stratified by class.
        root: the folder that holds one folder per data set.
        limit: learn from only so many of the training examples that remain; None for all.
    """

    def __init__(self, validation: ValidationRatio, root: str, limit: Limit = None) -> None:
        self.validation = validation
        self.root = root
        self.limit = limit

    @abstractmethod
    def load(self) -> Dataset:
        """Read, verify and return the data set; a `DataError` says what is wrong."""


def digest(*arrays: NDArray[Any]) -> str:
    """The SHA-256 of the bytes of all arrays, one after the other."""
    total = sha256()
    for array in arrays:
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()
