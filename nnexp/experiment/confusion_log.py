"""Confusion matrices of the validation split during training, and the recall of each class."""

import re
from collections import Counter
from collections.abc import Sequence
from math import isnan

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
        self.latest: tuple[Record, ConfusionReport] | None = None

    def update(self, record: Record, predicted: Targets | None) -> dict[str, float]:
        """Count the predictions (N,) of an evaluation; returns the recall of each class that has examples."""
        validation = self.components.validation
        if not self.names or validation is None or predicted is None:
            return {}
        if self.latest is not None:
            latest_epoch = self.latest[0].epoch
            if record.epoch != latest_epoch and self.is_logged(latest_epoch):
                self.close()
        report = ConfusionReport.of(validation.labels, predicted, self.components.dataset.classes)
        self.latest = (record, report)
        if len(self.names) > MAX_RECALLS:
            return {}
        recalls = zip(self.names, report.recall.tolist(), strict=True)
        return {f"recall/{name}": recall for name, recall in recalls if not isnan(recall)}

    def is_logged(self, epoch: int) -> bool:
        """Return whether the epoch's matrix is logged: every so many epochs, by default 1, 2, 4, 8, ..."""
        return epoch % self.every == 0 if self.every else epoch.bit_count() == 1

    def close(self) -> None:
        """Log the matrix of the last evaluation, unless it is logged already."""
        if self.latest is not None and len(self.names) <= MAX_CLASSES_DRAWN:
            record, report = self.latest
            self.journal.log_confusion(record.at, report.matrix.tolist())
        self.latest = None


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
