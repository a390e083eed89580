"""A loaded data set, and the interface of everything that one is loaded from.

N examples, I inputs, C classes or T targets.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from hashlib import sha256
from math import prod
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Gt, Lt
from numpy.typing import NDArray

from nnexp.data.errors import DataError
from nnexp.data.splitting import (
    Rows,
    group_k_fold,
    group_split,
    indices_of_mask,
    random_split,
    stratified_k_fold,
    stratified_split,
)
from nnexp.preprocessing.columns import Column
from nnexp.preprocessing.scaling import Standardization, TargetScale
from nnexp.tasks import TaskName, task_of

Bytes = NDArray[np.uint8]
Values = Bytes | NDArray[np.float32]
Targets = NDArray[Any]  # int64 or float32
ValidationRatio = Annotated[float, Gt(0), Lt(1)]


@dataclass(frozen=True)
class Dataset:
    """Examples as they are stored; batch by batch they are scaled to a network's inputs.

    Stored are bytes or float32, where NaN is a missing number. Classes are int64 in 0..C-1; targets are
    float32.
    """

    name: str  # as in the config group, or the name of a table's file
    x: Values  # (N, I) training examples; validation is split from these
    y: Targets  # (N,) classes or (N, T) targets
    x_test: Values  # evaluated once, at the end
    y_test: Targets
    shape: tuple[int, ...]  # of one example, prod(shape) = I
    classes: tuple[str, ...]  # their names; none in a regression
    scale: float  # x = scale * stored where `numeric` is None; scales bytes to [0, 1]
    sha256: str  # of the content of all four arrays
    targets: tuple[
        str, ...
    ] = ()  # the names of a regression's targets, or of labels; none in a classification
    features: tuple[str, ...] = ()  # the names of the I inputs, where they have names
    numeric: NDArray[np.bool_] | None = (
        None  # (I,) to be standardized on the training rows; None: x is scaled
    )
    groups: NDArray[np.int64] | None = None  # (N,) where rows of a group must stay together
    assigned: NDArray[np.bool_] | None = None  # (N,) True where the file assigns a row to validation
    notes: tuple[str, ...] = ()  # what a user must know about how the data were read
    labels: bool = False  # whether the targets are labels, 0 or 1
    columns: tuple[Column, ...] = ()  # of a table, those that the I inputs were made from, in the same order

    def __post_init__(self) -> None:
        width = prod(self.shape)
        if bool(self.classes) == bool(self.targets):
            raise ValueError(f"{self.name}: expected either classes or targets")
        for x, y in ((self.x, self.y), (self.x_test, self.y_test)):
            shapes = (len(y), width), (len(y), *([len(self.targets)] if self.targets else []))
            if (x.shape, y.shape) != shapes:
                raise ValueError(
                    f"{self.name}: expected x and y of shapes {shapes}, got {x.shape}, {y.shape}"
                )
        inputs = [name for column in self.columns for name in column.inputs]
        for named in (self.features, self.numeric, inputs):
            if named is not None and len(named) not in (0, width):
                raise ValueError(f"{self.name}: expected {width} inputs, got {len(named)}")
        for rows in (self.groups, self.assigned):
            if rows is not None and len(rows) != len(self.y):
                raise ValueError(f"{self.name}: expected {len(self.y)} rows, got {len(rows)}")

    @property
    def task(self) -> TaskName:
        """The kind of task."""
        if self.classes:
            return "classification"
        return "multilabel" if self.labels else "regression"

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each output of a network: of the classes, labels or targets."""
        return self.classes or self.targets

    @property
    def outputs(self) -> int:
        """The number of outputs of a network, C or T."""
        return len(self.names)

    def fit_scaling(self, rows: Rows) -> float | Standardization:
        """Return what scales stored inputs: a factor, or a standardization fitted on the training rows."""
        return self.scale if self.numeric is None else Standardization.fit(self.x, rows, self.numeric)

    def fit_target_scale(self, rows: Rows) -> TargetScale | None:
        """Return the scale of a regression's targets, fitted on the training rows; else None."""
        return None if self.classes or self.labels else TargetScale.fit(self.y, rows)


@dataclass(kw_only=True)
class Source(ABC):
    """A configured source of a data set.

    Raises:
        ValueError: there is no such fold.
    """

    validation: ValidationRatio  # of the training examples that is held out; unused with `folds`
    root: str  # the folder that holds one folder per data set
    limit: Annotated[int, Ge(1)] | None = None  # train on at most so many of the training examples
    folds: Annotated[int, Ge(2)] | None = None  # of a cross-validation; one of them is the validation set
    fold: Annotated[int, Ge(0)] = 0  # which one; sweep over 0,1,... for a cross-validation
    stratify: bool = True  # keep the ratio of the classes in every split
    balanced: bool = False  # training draws every class equally often

    def __post_init__(self) -> None:
        if self.folds is None and self.fold:
            raise ValueError(f"data.fold={self.fold}: missing the number of folds: data.folds=5")
        if self.folds is not None and self.fold >= self.folds:
            raise ValueError(
                f"data.fold={self.fold}: data.folds={self.folds} has the folds 0 to {self.folds - 1}"
            )

    @abstractmethod
    def load(self) -> Dataset:
        """Read, verify and return the data set; raise a `DataError` where that fails."""

    def train_validation_split(self, dataset: Dataset, rng: np.random.Generator) -> tuple[Rows, Rows]:
        """Split the rows of `dataset.x` into training and validation rows, each sorted.

        Rows that the file assigns stay there. Else rows of a group stay together, else classes keep their
        ratio. The fold of a row depends on the stream alone, so the folds of a sweep over `fold` are
        disjoint.

        Raises:
            DataError: a split would be empty, or the file and `folds` contradict each other.
        """
        if self.balanced and not dataset.classes:
            problem = f"data.balanced=true needs classes; {dataset.name} is {task_of(dataset.task).noun}"
            raise DataError(problem, setting="data.balanced=false")
        if dataset.assigned is not None:
            if self.folds is not None:
                problem = (
                    f"data.folds={self.folds}: {dataset.name} has a column that assigns the validation rows"
                )
                raise DataError(problem, setting="data.folds=null or data.split=null")
            return indices_of_mask(dataset.assigned)
        n, y = len(dataset.y), dataset.y if dataset.classes and self.stratify else None
        if self.folds is not None:
            if dataset.groups is not None:
                fold = group_k_fold(dataset.groups, self.folds, rng)
            else:
                fold = stratified_k_fold(np.zeros(n, np.int64) if y is None else y, self.folds, rng)
            return indices_of_mask(fold == self.fold)
        try:
            if dataset.groups is not None:
                return group_split(dataset.groups, self.validation, rng)
            return (
                random_split(n, self.validation, rng)
                if y is None
                else stratified_split(y, self.validation, rng)
            )
        except DataError as error:
            error.problem = f"data.validation={self.validation:g} of {dataset.name}: {error.problem}"
            raise


def digest(*arrays: NDArray[Any]) -> str:
    """Return the SHA-256 of the bytes of all arrays, one after the other."""
    total = sha256()
    for array in arrays:
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()
