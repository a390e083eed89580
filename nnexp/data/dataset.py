"""A loaded data set, and the interface of everything that one is loaded from.

N examples, I inputs, C classes or T targets.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import prod
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge, Lt
from numpy.typing import NDArray

from nnexp.annotated_keys import AnnotatedKeys
from nnexp.data import splitting
from nnexp.data.errors import DataError
from nnexp.data.splitting import Rows, indices_of_mask
from nnexp.preprocessing.channels import ChannelScaling
from nnexp.preprocessing.columns import Column
from nnexp.preprocessing.images.pixels import Resize
from nnexp.preprocessing.scaling import Standardization, TargetScale, Transform
from nnexp.task import TaskName
from nnexp.tasks import task_of

Bytes = NDArray[np.uint8]
Values = Bytes | NDArray[np.float32]
Targets = NDArray[Any]  # int64, float32 or float64
ValidationRatio = Annotated[float, Ge(0), Lt(1)]


@dataclass(frozen=True)
class SourceRows:
    """Where examples come from: rows of a file, or images of an official file."""

    index: Rows  # (N,) from 0, as pandas counts the rows below the header
    ids: NDArray[Any] | None = None  # (N,) texts of the column `data.id`, None where a row has none

    def take(self, rows: Rows) -> "SourceRows":
        """Return those of some examples."""
        return SourceRows(self.index[rows], None if self.ids is None else self.ids[rows])


def class_numbers(y: Targets, count: int, name: str) -> Targets:
    """Return classes as whole numbers, also those that are booleans or floats.

    Raises:
        DataError: there are others than 0..count-1.
    """
    if y.dtype.kind not in "biuf":
        raise DataError(f"{name}: expected classes from 0 to {count - 1}, got values of type {y.dtype}")
    whole = y if y.dtype.kind in "iu" else np.nan_to_num(y).astype(np.int64)
    wrong = y[(whole != y) | (whole < 0) | (whole >= count)]
    if wrong.size:
        raise DataError(f"{name}: expected classes from 0 to {count - 1}, got {wrong[0]}")
    return whole


@dataclass(frozen=True)
class Dataset:
    """Examples as they are stored, bytes or float32 (NaN: a missing number); batches scale them to inputs.

    Classes are int64 in 0..C-1, labels float32, targets of a regression float64.
    """

    name: str  # as in the config group, or the name of a table's file
    x: Values  # (N, I) training examples; validation is split from these
    y: Targets  # (N,) classes or (N, T) targets
    x_test: Values  # evaluated once, at the end
    y_test: Targets
    shape: tuple[int, ...]  # of one example, prod(shape) = I; of images (H, W), or RGB (3, H, W)
    classes: tuple[str, ...] = ()  # their names; none in a regression
    scale: float = 1.0  # x = scale * stored where `numeric` is None; scales bytes to [0, 1]
    standardize: bool = False  # whether each channel of images is standardized after that
    sha256: str = ""  # of the content of all four arrays; empty: is computed
    targets: tuple[str, ...] = ()  # the names of a regression's targets, or of labels
    features: tuple[str, ...] = ()  # the names of the I inputs, where they have names
    numeric: NDArray[np.bool_] | None = None  # (I,) which to standardize; None: x is scaled
    groups: NDArray[np.int64] | None = None  # (N,) where rows of a group must stay together
    assigned: NDArray[np.bool_] | None = None  # (N,) True where the file assigns a row to validation
    notes: tuple[str, ...] = ()  # what a user must know about how the data were read
    left_out: tuple[str, ...] = ()  # a heading, and a line for each file that could not be read
    labels: bool = False  # whether the targets are labels, 0 or 1
    task_reason: str = ""  # what the task was inferred from, where it was
    other_tasks: tuple[TaskName, ...] = ()  # that the targets suit too: data.task
    columns: tuple[Column, ...] = ()  # of a table, those that the I inputs were made from, in the same order
    origin: NDArray[np.float64] | None = None  # (I,) x is float32(number - origin); None: all are 0
    target_transform: Transform | None = None  # of a regression's targets, before they are standardized
    source: SourceRows | None = None  # of x; None: its order is that of the source
    source_test: SourceRows | None = None  # of x_test
    id_column: str | None = None  # of a table, that of the ids
    resize: Resize | None = None  # how image files were brought to the shape; None: they were not files

    def __post_init__(self) -> None:
        for name in ("x", "y", "x_test", "y_test"):
            values = np.asarray(getattr(self, name))
            if self.classes and name.startswith("y"):
                values = class_numbers(values, len(self.classes), f"{self.name}: {name}")
            object.__setattr__(self, name, values)
        if not self.sha256:
            object.__setattr__(self, "sha256", digest(self.x, self.y, self.x_test, self.y_test))
        if bool(self.classes) == bool(self.targets):
            raise DataError(f"{self.name}: expected either classes or targets")
        width = prod(self.shape)
        targets = (len(self.targets),) if self.targets else ()
        shapes = {"features": (width,), "numeric": (width,), "origin": (width,), "groups": self.y.shape[:1]}
        shapes |= {"assigned": self.y.shape[:1], "x": (len(self.y), width), "y": (len(self.y), *targets)}
        shapes |= {"x_test": (len(self.y_test), width), "y_test": (len(self.y_test), *targets)}
        for name, shape in shapes.items():
            value = getattr(self, name)
            if value is not None and len(value) and np.shape(value) != shape:
                raise DataError(f"{self.name}: expected {name} of shape {shape}, got {np.shape(value)}")

    @property
    def task(self) -> TaskName:
        if self.classes:
            return "classification"
        return "multilabel" if self.labels else "regression"

    @property
    def channels(self) -> int:
        """C of images: 3 of colour, red, green and blue, whose shape is (C, H, W); 1 of grey ones."""
        return self.shape[0] if len(self.shape) == 3 else 1

    @property
    def names(self) -> tuple[str, ...]:
        return self.classes or self.targets

    @property
    def outputs(self) -> int:
        """The number of outputs of a network, C or T."""
        return len(self.names)

    def source_rows(self, rows: Rows, test: bool = False) -> SourceRows:
        """Return where rows of `x`, or of `x_test`, come from."""
        source = self.source_test if test else self.source
        return SourceRows(rows.copy()) if source is None else source.take(rows)

    def fit_scaling(self, rows: Rows) -> float | Standardization | ChannelScaling:
        """Return what scales stored inputs: a factor, or a standardization fitted on the training rows."""
        if self.standardize:
            return ChannelScaling.fit(self.x, rows, self.channels, self.scale)
        if self.numeric is None:
            return self.scale
        return Standardization.fit(self.x, rows, self.numeric, self.origin)

    def fit_target_scale(self, rows: Rows) -> TargetScale | None:
        """Return the scale of a regression's targets, fitted on the training rows; else None."""
        return None if self.classes or self.labels else TargetScale.fit(self.y, rows, self.target_transform)


class Source(AnnotatedKeys, ABC):
    """A configured source of a data set; a subclass adds its own keys as annotations."""

    validation: ValidationRatio = (
        0.2  # of the training examples that is held out; 0: none; unused with `folds`
    )
    root: str = ""  # the folder that holds one folder per data set
    limit: Annotated[int, Ge(1)] | None = None  # train on at most so many of the training examples
    folds: Annotated[int, Ge(2)] | None = None  # of a cross-validation; one of them is the validation set
    fold: Annotated[int, Ge(0)] = 0  # which one; sweep over 0,1,... for a cross-validation
    stratify: bool = True  # keep the ratio of the classes in every split
    balanced: bool = False  # training draws every class equally often

    def __post_init__(self) -> None:
        if self.folds is None and self.fold:
            remedy = f"fix: data.folds={max(5, self.fold + 1)}"
            raise ValueError(f"data.fold={self.fold}: missing the number of folds; {remedy}")
        if self.folds is not None and self.fold >= self.folds:
            folds = f"data.folds={self.folds} has the folds 0 to {self.folds - 1}"
            raise ValueError(f"data.fold={self.fold}: {folds}; fix: data.fold={self.folds - 1}")
        if self.folds is not None and not self.validation:
            remedy = "fix: data.folds=null, or data.validation=0.2"
            raise ValueError(
                f"data.validation=0 with data.folds={self.folds}, one of which validates; {remedy}"
            )

    @property
    def has_validation(self) -> bool:
        """Whether some of the training examples are held out."""
        return self.validation > 0

    @property
    def known_classes(self) -> Sequence[str]:
        """The names of the classes, if they are known before the data are loaded; else empty."""
        return ()

    @abstractmethod
    def load(self) -> Dataset:
        """Read, verify and return the data set; raise a `DataError` where that fails."""

    def train_validation_split(self, dataset: Dataset, rng: np.random.Generator) -> tuple[Rows, Rows]:
        """Split the rows of `dataset.x` into training and validation rows, each sorted.

        Without validation, all rows train. Rows that the file assigns stay there; else groups stay together,
        or classes keep their ratio. The fold of a row depends on the stream alone: the folds of a sweep over
        `fold` are disjoint.
        """
        if self.balanced and not dataset.classes:
            problem = f"data.balanced=true needs classes; {dataset.name} is {task_of(dataset.task).noun}"
            raise DataError(problem, setting="data.balanced=false")
        if not self.has_validation:
            return indices_of_mask(np.zeros(len(dataset.y), bool))
        if dataset.assigned is not None:
            if self.folds is not None:
                problem = f"data.folds={self.folds}: a column of {dataset.name} assigns the validation rows"
                raise DataError(problem, setting="data.folds=null or data.split=null")
            return indices_of_mask(dataset.assigned)
        groups = dataset.groups
        y = splitting.strata(dataset.y, self.stratify)
        if self.folds is not None:
            k_fold = splitting.stratified_k_fold if groups is None else splitting.group_k_fold
            return indices_of_mask(k_fold(y if groups is None else groups, self.folds, rng) == self.fold)
        try:
            if groups is not None:
                return splitting.group_split(groups, self.validation, rng)
            return splitting.stratified_split(y, self.validation, rng)
        except DataError as error:
            error.problem = f"data.validation={self.validation:g} of {dataset.name}: {error.problem}"
            raise


class ImageSource(Source):
    """A source of images."""

    characters: ClassVar[bool] = False  # whether the images are letters or digits

    standardize: bool = False  # each channel to mean 0 and deviation 1 over the training images


def digest(*arrays: NDArray[Any]) -> str:
    """Return the SHA-256 of the bytes of all arrays, one after the other."""
    total = sha256()
    for array in arrays:
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()
