"""What a data set is, once it is loaded, and what every source of one can be asked for.

N examples, I numbers each, C classes or T targets.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from hashlib import sha256
from math import prod
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge, Gt, Lt
from numpy.typing import NDArray

from nnexp.data.errors import DataError
from nnexp.data.splitting import (
    Labels,
    Rows,
    by_ratio,
    group_k_fold,
    group_split,
    indices_of_mask,
    stratified,
    stratified_k_fold,
)
from nnexp.preprocessing.columns import Column
from nnexp.preprocessing.scaling import Standardization, TargetScale

__all__ = [
    "Bytes",
    "Column",
    "DataError",
    "Dataset",
    "Labels",
    "Limit",
    "Source",
    "Targets",
    "ValidationRatio",
    "Values",
    "digest",
]

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Values = Bytes | Floats
Targets = NDArray[Any]  # of int64 or float32
Task = Literal["classification", "multilabel", "regression"]
ValidationRatio = Annotated[float, Gt(0), Lt(1)]
Limit = Annotated[int, Ge(1)] | None
Folds = Annotated[int, Ge(2)] | None
Fold = Annotated[int, Ge(0)]


@dataclass(frozen=True)
class Dataset:
    """Examples as they are stored, bytes or float32; batch by batch they become what a network sees.

    Attributes:
        name: short, as in the config group; of a table, its file's name.
        x, y: training examples (N, I) uint8 or float32, and their classes (N,) int64 in 0..C-1 or their targets (N, T)
            float32; validation is split from these. NaN in float32 is a missing number.
        x_test, y_test: the test set, of the same kinds; looked at once, at the end.
        shape: of one example, prod(shape) = I.
        classes: the name of each class; none in a regression.
        scale: x = scale * stored, where `numeric` is None; brings bytes to [0, 1].
        sha256: of the content of all four arrays.
        targets: the name of each target of a regression, or of each label; none in a classification.
        features: the name of each of the I columns, where they have names.
        numeric: (I,) which columns are to be standardised on the training rows; None: x is scaled instead.
        groups: (N,) the group of each training row, where rows of a group must stay together.
        assigned: (N,) True where the file itself fixes a training row as validation; None where it does not.
        notes: what a person must be told about the data, a sentence each.
        labels: whether the targets are labels, 1 where they are true of an example and 0 where not.
        columns: of a table, those that the I columns were made from, in the same order.
    """

    name: str
    x: Values
    y: Targets
    x_test: Values
    y_test: Targets
    shape: tuple[int, ...]
    classes: tuple[str, ...]
    scale: float
    sha256: str
    targets: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    numeric: NDArray[np.bool_] | None = None
    groups: NDArray[np.int64] | None = None
    assigned: NDArray[np.bool_] | None = None
    notes: tuple[str, ...] = ()
    labels: bool = False
    columns: tuple[Column, ...] = ()

    def __post_init__(self) -> None:
        width = prod(self.shape)
        for x, y in ((self.x, self.y), (self.x_test, self.y_test)):
            if x.shape != (len(y), width):
                raise ValueError(
                    f"{self.name}: {x.shape} numbers for {len(y)} examples of shape {self.shape}"
                )
            if y.shape[1:] != ((len(self.targets),) if self.targets else ()):
                raise ValueError(f"{self.name}: targets of shape {y.shape}, named {self.targets}")
        if bool(self.classes) == bool(self.targets):
            raise ValueError(f"{self.name}: either classes or targets, not {self.classes} and {self.targets}")
        for columns in (self.features or None, self.numeric):
            if columns is not None and len(columns) != width:
                raise ValueError(f"{self.name}: {len(columns)} columns are described, there are {width}")
        if self.columns and (made := sum(column.width for column in self.columns)) != width:
            raise ValueError(f"{self.name}: the columns make {made}, there are {width}")
        for rows in (self.groups, self.assigned):
            if rows is not None and len(rows) != len(self.y):
                raise ValueError(f"{self.name}: {len(rows)} rows are described, there are {len(self.y)}")

    @property
    def task(self) -> Task:
        """What is to be learnt: a class of each example, which labels are true of it, or numbers."""
        return "classification" if self.classes else "multilabel" if self.labels else "regression"

    @property
    def outputs(self) -> int:
        """C or T: how many outputs a network for it has."""
        return len(self.targets) or len(self.classes)

    def fit_scaling(self, rows: Rows) -> float | Standardization:
        """Return what scales stored inputs: a plain factor, or a standardization fitted on the training rows."""
        return self.scale if self.numeric is None else Standardization.fit(self.x, rows, self.numeric)

    def fit_target_scale(self, rows: Rows) -> TargetScale | None:
        """Return the scale of a regression's targets, fitted on the training rows; None for classes and labels."""
        return TargetScale.fit(self.y, rows) if self.task == "regression" else None


class Source(ABC):
    """Something that a data set can be loaded from.

    Args:
        validation: the ratio of the training examples that is held out for validation; without `folds`.
        root: the folder that holds one folder per data set.
        limit: learn from only so many of the training examples that remain; None for all.
        folds: cut the training examples into so many parts, of which one is the validation part.
        fold: which one, from 0; sweep over 0,1,... for a cross-validation.
        stratify: the same mixture of classes in every part.
        balanced: training draws every class equally often, however rare.

    Raises:
        ValueError: there is no such fold.
    """

    def __init__(
        self,
        validation: ValidationRatio,
        root: str,
        limit: Limit = None,
        folds: Folds = None,
        fold: Fold = 0,
        stratify: bool = True,
        balanced: bool = False,
    ) -> None:
        if folds is None and fold:
            raise ValueError(f"data.fold={fold}: say into how many parts to cut: data.folds=5")
        if folds is not None and fold >= folds:
            raise ValueError(f"data.fold={fold}: data.folds={folds} has the folds 0 to {folds - 1}")
        self.validation, self.root, self.limit = validation, root, limit
        self.folds, self.fold, self.stratify, self.balanced = folds, fold, stratify, balanced

    @abstractmethod
    def load(self) -> Dataset:
        """Read, verify and return the data set; a `DataError` says what is wrong."""

    def split(self, dataset: Dataset, rng: np.random.Generator) -> tuple[Rows, Rows]:
        """The training rows and the validation rows of `dataset.x`, each sorted.

        Where the file assigns rows, it decides. Else rows of one group stay together, and else each class gives its share.
        Which fold a row belongs to depends on the stream alone, so that the folds of a sweep over `fold` are disjoint.

        Raises:
            DataError: one part would be empty, or the file and `folds` contradict each other.
        """
        if self.balanced and dataset.task != "classification":
            raise DataError(
                f"data.balanced=true draws classes equally often, and {dataset.name} makes a {dataset.task}: leave it out"
            )
        if dataset.assigned is not None:
            if self.folds is not None:
                raise DataError(
                    f"data.folds={self.folds}: {dataset.name} has a column that fixes the validation rows; take one of the two"
                )
            return indices_of_mask(dataset.assigned)
        classes = (
            dataset.y
            if dataset.task == "classification" and self.stratify
            else np.zeros(len(dataset.y), np.int64)
        )
        if self.folds is not None:
            deal, kinds = (
                (stratified_k_fold, classes) if dataset.groups is None else (group_k_fold, dataset.groups)
            )
            return indices_of_mask(deal(kinds, self.folds, rng) == self.fold)
        try:
            return self.by_ratio(dataset, rng)
        except DataError as error:
            raise DataError(f"data.validation={self.validation:g} of {dataset.name}: {error}") from error

    def by_ratio(self, dataset: Dataset, rng: np.random.Generator) -> tuple[Rows, Rows]:
        """The split where only `validation` says how."""
        if dataset.groups is not None:
            return group_split(dataset.groups, self.validation, rng)
        if dataset.task == "classification" and self.stratify:
            return stratified(dataset.y, self.validation, rng)
        return by_ratio(len(dataset.y), self.validation, rng)


def digest(*arrays: NDArray[Any]) -> str:
    """The SHA-256 of the bytes of all arrays, one after the other."""
    total = sha256()
    for array in arrays:
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()
