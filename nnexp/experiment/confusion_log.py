"""Confusion matrices of the validation split during training, and the recall of each class."""

import re
from collections import Counter
from collections.abc import Sequence
from math import isnan

import numpy as np
from numpy.typing import NDArray

from nnexp.config import Settings
from nnexp.experiment.components import Components
from nnexp.metrics.reports import ConfusionReport
from nnexp.tracking.journal import Journal
from nnexp.training.evaluation import Targets
from nnexp.training.record import Record

MAX_NAME = 200  # characters of a class's name in that of a metric
MAX_CLASSES_DRAWN = 200  # beyond it a confusion matrix is not legible
MAX_RECALLS = 50  # beyond it the recalls stand in the reports only: too many columns slow the MLflow UI down


class ConfusionLogger:
    """Logs the recall of each class at every evaluation, and the confusion matrix of some epochs.

    The matrix is that of the last evaluation of such an epoch (`tracking.images`), and of the very last one.
    """

    def __init__(self, settings: Settings, components: Components, journal: Journal) -> None:
        self.every = settings.tracking.images
        self.components = components
        self.journal = journal
        self.names = metric_names(components.dataset.classes)
        self.record: Record | None = None  # of the last evaluation, if its matrix is not logged yet
        self.matrix: NDArray[np.int64] | None = None  # (C, C)

    def update(self, record: Record, predicted: Targets | None) -> dict[str, float]:
        """Count the predictions (N,) of an evaluation; returns the recall of each class that has examples."""
        validation = self.components.validation
        if not self.names or validation is None or predicted is None:
            return {}
        if (
            self.record is not None
            and record.epoch != self.record.epoch
            and self.is_logged(self.record.epoch)
        ):
            self.close()
        report = ConfusionReport.of(validation.labels, predicted, self.components.dataset.classes)
        self.record = record
        self.matrix = report.matrix
        if len(self.names) > MAX_RECALLS:
            return {}
        recalls = zip(self.names, report.recall.tolist(), strict=True)
        return {f"recall/{name}": recall for name, recall in recalls if not isnan(recall)}

    def is_logged(self, epoch: int) -> bool:
        """Return whether the epoch's matrix is logged: every so many epochs, by default 1, 2, 4, 8, ..."""
        return epoch % self.every == 0 if self.every else epoch.bit_count() == 1

    def close(self) -> None:
        """Log the matrix of the last evaluation, unless it is logged already."""
        if self.record is not None and self.matrix is not None and len(self.names) <= MAX_CLASSES_DRAWN:
            self.journal.log_confusion(self.record.at, self.matrix.tolist())
        self.record = None


def metric_names(classes: Sequence[str]) -> list[str]:
    """Make the class names valid and distinct within MLflow metric names: odd characters become _."""
    names = [re.sub(r"[^\w\-. :]", "_", name).strip()[:MAX_NAME] for name in classes]
    names = ["_" if name.strip(".") == "" else name for name in names]
    counts = Counter(names)
    taken = {name for name in names if counts[name] == 1}
    for k, name in enumerate(names):
        if counts[name] > 1:
            names[k] = f"{name}_{k}"
            while names[k] in taken:
                names[k] += "_"
            taken.add(names[k])
    return names
