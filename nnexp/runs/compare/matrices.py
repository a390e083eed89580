"""The confusion matrices of compared runs, and their differences from the baseline's. C classes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnexp.run_folder import SPLITS
from nnexp.runs.compare.compared_run import ComparedRun

SPLIT_NAMES: dict[str, str] = dict(SPLITS)


@dataclass(frozen=True)
class ConfusionMatrix:
    """The confusion matrix (C, C) of a run on a split."""

    letter: str
    split: str
    classes: list[str]
    matrix: NDArray[np.int64]


@dataclass(frozen=True)
class ConfusionDifference:
    """A run's confusion matrix (C, C) and the baseline's, of equally many examples of each class."""

    base: str
    other: str
    split: str
    classes: list[str]
    matrix: NDArray[np.int64]
    baseline: NDArray[np.int64]


def confusion_matrices(runs: Sequence[ComparedRun], split: str) -> list[ConfusionMatrix]:
    """Collect the confusion matrices of the runs that have one of that split."""
    reports = ((run.letter, run.reports.get(split, {})) for run in runs)
    return [
        ConfusionMatrix(
            letter=letter,
            split=SPLIT_NAMES[split],
            classes=list(map(str, report["classes"])),
            matrix=np.array(report["matrix"], np.int64),
        )
        for letter, report in reports
        if "matrix" in report
    ]


def confusion_differences(matrices: Sequence[ConfusionMatrix]) -> list[ConfusionDifference]:
    """Pair the first matrix with each other one of the same classes, with equally many examples of each."""
    return [
        ConfusionDifference(
            base=base.letter,
            other=other.letter,
            split=base.split,
            classes=base.classes,
            matrix=other.matrix,
            baseline=base.matrix,
        )
        for base in matrices[:1]
        for other in matrices[1:]
        if base.classes == other.classes and np.array_equal(base.matrix.sum(axis=1), other.matrix.sum(axis=1))
    ]
