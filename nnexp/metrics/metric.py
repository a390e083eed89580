"""The interface of a metric of one's own."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from nnexp.metrics.metric_info import Direction
from nnexp.metrics.predictions import Predictions


class Metric(ABC):
    """A number computed from the predictions of a split; logged as val/<name>, best/val_<name>, test/<name>.

    Its name is the key of its section in the configuration, and `__init__` takes the keys of that section.
    """

    direction: ClassVar[Direction] = "higher"  # which values are better: higher, lower or neither

    @abstractmethod
    def __call__(self, predictions: Predictions) -> float:
        """Compute it; NaN where a split does not define it, which is not logged."""


def compute(metrics: Mapping[str, Metric], predictions: Predictions) -> dict[str, float]:
    """Compute metrics by name, without those that are not defined."""
    values = {name: float(metric(predictions)) for name, metric in metrics.items()}
    return {name: value for name, value in values.items() if not math.isnan(value)}
