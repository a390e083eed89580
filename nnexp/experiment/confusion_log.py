"""What a network makes of some examples, read off its outputs in every way that is kept: while it learns, and at the end."""

import re
from collections import Counter
from collections.abc import Sequence

from nnexp.config import Settings
from nnexp.experiment.components import Components
from nnexp.metrics.reports import ConfusionReport
from nnexp.tracking.journal import Journal
from nnexp.training.trainer import Record, Targets

LONGEST = 200  # characters of a class's name in that of a metric
MOST_DRAWN = 200  # classes beyond which a matrix is no picture
MOST_RECALLS = (
    50  # classes beyond which their recalls are in the reports only: too many columns slow the MLflow UI down
)


class ConfusionLogger:
    """Looks at the validation set's mistakes while a network learns: the recalls after each evaluation, the matrix of some epochs.

    Args:
        settings: say of which epochs.
        parts: of the experiment.
        journal: where matrices are kept: of the last evaluation of each of these epochs, and of the very last one.
    """

    def __init__(self, settings: Settings, parts: Components, journal: Journal) -> None:
        self.every, self.parts, self.journal = settings.tracking.images, parts, journal
        self.names = metric_names(parts.dataset.classes)
        self.latest: tuple[Record, ConfusionReport] | None = None

    def look(self, record: Record, predicted: Targets) -> dict[str, float]:
        """The recall of each class, if there are classes, and not too many."""
        if not self.names:
            return {}
        if (
            self.latest is not None
            and record.epoch != self.latest[0].epoch
            and self.is_wanted(self.latest[0].epoch)
        ):
            self.close()
        found = ConfusionReport.of(self.parts.validation.labels, predicted, self.parts.dataset.classes)
        self.latest = record, found
        if len(self.names) > MOST_RECALLS:
            return {}
        return {
            f"recall/{name}": float(recall) for name, recall in zip(self.names, found.recall, strict=True)
        }

    def is_wanted(self, epoch: int) -> bool:
        """Every so many epochs, else 1, 2, 4, 8, ..."""
        return epoch % self.every == 0 if self.every else epoch.bit_count() == 1

    def close(self) -> None:
        """Keep the matrix of the last evaluation, if it is not kept yet."""
        if self.latest is not None and len(self.names) <= MOST_DRAWN:
            record, found = self.latest
            self.journal.confusion(record.at, found.matrix.tolist())
        self.latest = None


def metric_names(classes: Sequence[str]) -> list[str]:
    """Classes under names that MLflow takes in those of metrics: odd characters become _, and what is then alike gets its number."""
    names = [re.sub(r"[^\w\-. :]", "_", name).strip()[:LONGEST] for name in classes]
    names = ["_" if name.strip(".") == "" else name for name in names]
    how_often = Counter(names)
    found = {name for name in names if how_often[name] == 1}
    for k, name in enumerate(names):
        if how_often[name] > 1:
            names[k] = f"{name}_{k}"
            while names[k] in found:
                names[k] += "_"
            found.add(names[k])
    return names
