"""Trials of a search in workers: the sweep, which alone knows the study, decides whether they are pruned."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from queue import SimpleQueue


@dataclass(frozen=True)
class Evaluation:
    """What a worker asks: whether its job is pruned after so many epochs, with these metrics."""

    epoch: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Decision:
    """The answer of the sweep."""

    is_pruned: bool


@dataclass(frozen=True)
class WorkersTrial:
    """The trial of a worker's job."""

    send: Callable[[Evaluation], object]
    decisions: SimpleQueue[Decision]

    def should_prune(self, epoch: int, metrics: Mapping[str, float]) -> bool:
        """Ask the sweep, and wait for its decision."""
        self.send(Evaluation(epoch, metrics))
        return self.decisions.get().is_pruned
