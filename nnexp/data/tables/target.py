"""The column that is to be learnt: as classes, or as numbers; several columns as labels, or as numbers.

N rows, C classes, T targets.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnexp.data.errors import DataError, listed
from nnexp.data.tables.column_buffers import Categories, Numbers, natural
from nnexp.data.tables.reader import Kind
from nnexp.preprocessing.missing import normalize_text

FEW = 20
"""Whole numbers with at most so many different values are taken as classes."""
MOST_CLASSES = 10_000


class Answers:
    """What a table's rows are to be answered with; filled block by block, decided by `finish`.

    Args:
        kinds: of the target columns.
        task: what a person says they are: auto, classification, multilabel or regression.
        place: names the n-th row.

    Attributes:
        numbers, texts: what collects the blocks; one of the two.
        y: (N,) int64 or (N, T) float32; meaningless where the target is missing.
        classes: the name of each class; none in a regression.
        targets: the name of each target of a regression, or of each label.
        labels: whether they are labels, which hold 0 or 1.
        notes: what was decided.
    """

    def __init__(self, kinds: dict[str, Kind], task: str, place: Callable[[int], str]) -> None:
        self.names, self.task = tuple(kinds), task
        self.name = ", ".join(kinds)
        remedy = "take another target: data.target=COLUMN"
        self.texts = (
            Categories(self.name, MOST_CLASSES, remedy, place, task == "classification")
            if "text" in kinds.values()
            else None
        )
        self.numbers = None if self.texts else Numbers(self.names, np.float64)
        self.y: NDArray[Any] = np.empty(0, np.int64)
        self.classes: tuple[str, ...] = ()
        self.targets: tuple[str, ...] = ()
        self.labels = False
        self.notes: list[str] = []

    def finish(self) -> NDArray[np.bool_]:
        """Decide; returns which rows have a target (N,).

        Raises:
            DataError: there is nothing to tell apart.
        """
        if self.texts is not None:
            self.texts.check_mixture()
            self.classes, codes = self.texts.finish()
            self.y, known = codes.astype(np.int64), codes >= 0
        else:
            known = self.numbers_or_classes()
        if missing := int(np.count_nonzero(~known)):
            self.notes.append(f"{missing:,} {'row' if missing == 1 else 'rows'} without {self.name} left out")
        if self.classes:
            self.sound(np.bincount(self.y[known], minlength=len(self.classes)))
        return known

    def numbers_or_classes(self) -> NDArray[np.bool_]:
        """Whether numbers are amounts, or names of classes."""
        assert self.numbers is not None
        self.numbers.finish()
        values = self.numbers.array  # (N, T)
        known: NDArray[np.bool_] = ~np.isnan(values).any(axis=1)
        if self.task == "auto" and len(self.names) == 1 and known.any():
            distinct = np.unique(values[known])
            if len(distinct) <= FEW and (distinct == np.floor(distinct)).all():
                self.classes = tuple(sorted((normalize_text(value) for value in distinct), key=natural))
                self.y = np.searchsorted(distinct, np.where(known, values.T, distinct[0])[0])
                decided = f"{self.name} holds {len(distinct)} different whole numbers, taken as classes"
                self.notes.append(f"{decided}; are they amounts? data.task=regression")
                return known
            self.notes.append(
                f"{self.name} holds numbers, taken as amounts: a regression; are they classes? data.task=classification"
            )
        self.targets, self.y = self.names, values.astype(np.float32)
        if self.task == "multilabel" or (self.task == "auto" and len(self.names) > 1):
            self.labels_or_amounts(values[known])
        return known

    def labels_or_amounts(self, values: NDArray[np.float64]) -> None:
        """Whether columns of numbers (N, T) say yes and no."""
        other = ~np.isin(values, (0, 1)).all(axis=0)
        self.labels = not other.any()
        if not self.labels and self.task == "multilabel":
            name = self.names[int(other.argmax())]
            raise DataError(
                f"the target {name!r} holds other numbers than 0 and 1, and labels are true or not: data.task=regression?"
            )
        if self.labels and self.task == "auto":
            self.notes.append(
                f"{self.name} hold only 0 and 1, taken as labels; are they amounts? data.task=regression"
            )

    def sound(self, counts: NDArray[np.int64]) -> None:
        """Refuse classes that cannot be learnt; tell of those that hardly can."""
        rows = int(counts.sum())
        if len(counts) == 1:
            raise DataError(
                f"the target {self.name!r} is {self.classes[0]!r} in every row: there is nothing to tell apart"
            )
        if len(counts) > FEW and 2 * len(counts) > rows:
            remedy = "name another column, or data.task=regression if these are numbers"
            raise DataError(
                f"the target {self.name!r} has {len(counts):,} different values in {rows:,} rows: these are no classes; {remedy}"
            )
        if lonely := [name for name, count in zip(self.classes, counts, strict=True) if count == 1]:
            self.notes.append(
                f"of {listed(lonely)} there is only one row: learnt at best, and never both learnt and tested"
            )
